"""`hub client`, `hub keys`, `hub token`, and a hub that asks for tokens."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from hub.authorization import tables
from hub.cli import main
from smart_auth import limits
from smart_auth.discovery import CAPABILITIES
from smart_auth.seal import new_key
from tests.attacks.caller import EC, jwks
from tests.hub_process import HubProcess

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    module_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """A command of the hub, in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("HUB_DATABASE_URL", module_database)
    monkeypatch.setenv("HUB_DATA", str(tmp_path))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def key() -> str:
    return new_key()


@pytest.fixture(scope="module")
def served(module_database: str, key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    settings = {"database_url": module_database, "access": "smart", "key": key, "proxies": "127.0.0.1"}
    with HubProcess(tmp_path_factory.mktemp("hub"), settings) as hub:
        yield hub


@pytest.fixture(autouse=True)
def _same_hub(served: HubProcess, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are about the served hub."""
    monkeypatch.setenv("HUB_PORT", str(served.port))
    monkeypatch.setenv("HUB_KEY", key)


def status(served: HubProcess, path: str, token: str) -> int:
    return served.client.request("GET", path, headers={"Authorization": f"Bearer {token.strip()}"}).status


def test_demo(served: HubProcess, run: Run) -> None:
    code, token, _ = run("token", "--demo", "--minutes", "10")
    assert code == 0
    assert served.client.request("GET", "Patient").status == 401
    assert status(served, "Patient", token) == 200
    patient = {"resourceType": "Patient", "name": [{"family": "Example"}]}
    bearer = {"Authorization": f"Bearer {token.strip()}"}
    assert served.client.request("POST", "Patient", patient, bearer).status == 201
    assert b"hub token --demo" in served.client.request("GET", "/").body


def test_clients(served: HubProcess, run: Run, tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(jwks(EC))
    added = run("client", "add", "lab", "--scope", "system/Observation.rs", "--jwks", str(keys))
    assert added[:2] == (0, "Registered: lab, system/Observation.rs\n")
    assert "lab  private_key_jwt  system/Observation.rs" in run("client", "list")[1]
    _, token, _ = run("token", "--client", "lab", "--scope", "system/*.cruds")
    assert (status(served, "Observation", token), status(served, "Patient", token)) == (200, 403)
    assert run("client", "off", "lab")[0] == 0
    assert run("token", "--client", "lab")[0] == 2
    for wrong in (
        ("client", "add", "x", "--scope", "patient/*.rs", "--jwks", str(keys)),
        ("client", "add", "x", "--scope", "system/*.rs system/nonsense.rs", "--jwks", str(keys)),
        ("client", "add", "x", "--scope", "system/*.rs", "--jwks-uri", "http://x.example.org/jwks"),
        ("client", "off", "nobody"),
        ("token", "--client", "nobody"),
        ("token", "--demo", "--scope", "patient/*.rs"),
    ):
        code, _, told = run(*wrong)
        assert (code, told[:5]) == (2, "hub: "), wrong


def test_keys(served: HubProcess, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, token, _ = run("token", "--demo")
    before, after = run("keys", "list")[1], run("keys", "rotate")[1]
    assert before.count("current") == after.count("current") == 2
    assert "retired" in after
    assert status(served, "Patient", token) == status(served, "Patient", run("token", "--demo")[1]) == 200
    other = run("keys", "new-seal")[1].strip()
    assert len(other) == 44
    monkeypatch.setenv("HUB_KEY", other)
    code, _, told = run("token", "--demo")
    assert code == 2
    assert "HUB_KEY" in told
    monkeypatch.setenv("HUB_KEY", "")
    run("token", "--demo")
    assert ((tmp_path / "key").stat().st_mode & 0o777) == 0o600


def test_discovery_says_the_same_everywhere(served: HubProcess) -> None:
    site = f"http://127.0.0.1:{served.port}"
    smart = httpx2.get(f"{site}/fhir/.well-known/smart-configuration", headers={"Accept": "application/fhir+xml"})
    openid = httpx2.get(f"{site}/auth/.well-known/openid-configuration").json()
    assert (smart.status_code, smart.headers["content-type"]) == (200, "application/json")
    document = smart.json()
    assert document["capabilities"] == list(CAPABILITIES)
    assert document["code_challenge_methods_supported"] == ["S256"]
    common = set(document) & set(openid)
    assert {"issuer", "jwks_uri", "token_endpoint"} <= common
    assert all(document[name] == openid[name] for name in common)
    assert document["issuer"] == f"{site}/auth"
    keys = httpx2.get(document["jwks_uri"])
    assert keys.headers["cache-control"] == "max-age=3600"
    assert {one["alg"] for one in keys.json()["keys"]} == {"PS256", "RS256"}
    assert httpx2.post(document["jwks_uri"]).status_code == 405
    assert httpx2.options(document["jwks_uri"]).headers["allow"] == "GET, HEAD, OPTIONS"
    # Forged hosts change nothing: the URLs are those of the settings.
    forged = httpx2.get(
        f"{site}/fhir/.well-known/smart-configuration",
        headers={"Host": "evil.example.org", "X-Forwarded-Host": "evil.example.org"},
    )
    assert forged.json() == document


def test_a_proxy_says_who_connects(served: HubProcess, module_database: str) -> None:
    busy, now = "203.0.113.7", int(time.time())
    with tables(module_database) as connection:
        for _ in range(limits.SIGN_INS_PER_MINUTE):
            limits.wait(connection, f"sign-in:{busy}", limits.SIGN_INS_PER_MINUTE, now)
    site = f"http://127.0.0.1:{served.port}/auth/sign-in"
    for forwarded, status in ((busy, 429), (f"192.0.2.1, {busy}", 429), (f"{busy}, 203.0.113.8", 400)):
        with httpx2.Client(headers={"X-Forwarded-For": forwarded}) as browser:
            form = re.findall(r'name="form" value="([^"]+)"', browser.get(site).text)[0]
            assert browser.post(site, data={"form": form, "login": "x", "password": "y"}).status_code == status
