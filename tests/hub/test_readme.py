"""The README's examples work as printed, on the sample data; and so do the links of the start page."""

from __future__ import annotations

import html
import re
import shlex
import signal
from pathlib import Path
from urllib.parse import urlencode

import httpx2

from hub.apps import demo_port
from hub.apps_served import PARTS
from hub.settings import Settings
from tests.hub.running import Hub
from tests.hub_process import ROOT, free_port


def commands() -> list[list[str]]:
    """Words of every curl command in the README; `fhir` is one with a token."""
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    lines = re.split(r"\n(?=curl |fhir |fhir\(|TOKEN=)", re.sub(r"(?m)^(#.*)?\n", "", "\n".join(blocks)))
    return [shlex.split(line.replace("\\\n", " ")) for line in lines if line.startswith(("curl ", "fhir "))]


def perform(words: list[str], site: str, bearer: dict[str, str]) -> httpx2.Response:
    """What curl would do with these words."""
    method, url, headers, body = "GET", "", dict(bearer if words[0] == "fhir" else {}), None
    parameters: list[tuple[str, str]] = []
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word in ("-i", "-G"):
            continue
        elif word == "--data-urlencode" or (word == "-d" and "-G" in words):
            name, _, value = next(rest).partition("=")
            parameters.append((name, value))
        elif word == "-d":
            body = next(rest)
        else:
            url = word
    if parameters:
        url = f"{url}?{urlencode(parameters)}"
    return httpx2.request(method, url.replace("http://127.0.0.1:8080", site), headers=headers, content=body)


def test_examples(hub: Hub) -> None:
    port = free_port()  # the one beside the hub's, where they are otherwise, may be another test's
    hub.settings |= {"access": "smart"} | ({"apps_port": str(port)} if PARTS.is_dir() else {})
    hub.serve("--sample-data", "--demo")
    assert "0 refused" in hub.output()
    assert "Demo people" in hub.output()
    if PARTS.is_dir():
        app = f"http://127.0.0.1:{port}/clinician/"
        assert f"{app}       the clinician's app" in hub.output()
        assert httpx2.get(app).status_code == 200
        members = app.replace("clinician", "privacy")
        assert f"{members}         the members' page" in hub.output()
        assert "Meus dados" in httpx2.get(members).text
        # It launches where people sign in, and is registered there.
        asked = httpx2.get(f"{app}launch")
        assert asked.headers["location"].startswith(f"{hub.url}/auth/authorize?")
        assert 'name="password"' in httpx2.get(asked.headers["location"], follow_redirects=True).text
    else:
        assert "The clinician's app is not served: its front-end parts are missing" in hub.output()
    bearer = {"Authorization": f"Bearer {hub.run('token', '--demo', '--minutes', '60').stdout.strip()}"}
    found = commands()
    assert len(found) >= 13
    for words in found:
        answer = perform(words, hub.url, bearer)
        assert answer.status_code in (200, 201, 202), (words, answer.text)
        bundle = answer.json()
        if bundle.get("type") == "searchset" and "_summary=count" not in answer.request.url.query.decode():
            assert bundle["entry"], words
    page = httpx2.get(f"{hub.url}/").text
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page)]
    assert len(links) > 10
    for link in links:
        answer = httpx2.get(link if link.startswith("http") else hub.url + link, headers=bearer)
        assert answer.status_code == 200, link
        if "?" in link and "_summary" not in link and "metadata" not in link:
            assert answer.json()["entry"], link
    assert hub.end(signal.SIGTERM) == 0

    # The second start finds the data, and loads nothing.
    hub.serve("--sample-data", "--demo")
    assert "Loading" not in hub.output()
    assert "Demo people" not in hub.output()
    assert httpx2.get(f"{hub.url}/fhir/Patient?_summary=count", headers=bearer).json()["total"] >= 6
    refused = hub.run(
        "serve", "--demo", HUB_ENV="production", HUB_DATABASE_URL="postgresql://x@y/z", HUB_ACCESS="smart",
        HUB_BASE_URL="https://example.org/fhir", HUB_KEY="x",
    )  # fmt: skip
    assert (refused.returncode, "--demo" in refused.stderr) == (2, True)


def test_apps_without_their_parts(tmp_path: Path) -> None:
    port, lacking = demo_port(Settings(), tmp_path / "nothing")
    assert port is None
    assert "make parts" in lacking
    assert demo_port(Settings(), tmp_path) == (8081, "")
    assert demo_port(Settings(port=65535), tmp_path) == (65534, "")
