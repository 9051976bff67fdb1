"""A hub that encrypts, as operators run it: switched on over data, keys rotated, nothing of it in the database."""

from __future__ import annotations

import base64
import secrets
import signal
import time
from pathlib import Path

import httpx2
import psycopg

from hub.embedded import Embedded
from tests.fhir_server.encryption.conftest import CPF, traces
from tests.hub.running import Hub

VALUE, LATER = "52998224725", "11144477735"
FHIR = {"Content-Type": "application/fhir+json"}


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def put(hub: Hub, id: str, value: str) -> None:
    patient = {
        "resourceType": "Patient", "id": id, "identifier": [{"system": CPF, "value": value}],
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">CPF {value}</div>'},
    }  # fmt: skip
    assert httpx2.put(f"{hub.url}/fhir/Patient/{id}", json=patient, headers=FHIR).is_success


def ids(hub: Hub, value: str) -> list[str]:
    answer = httpx2.get(f"{hub.url}/fhir/Patient", params={"identifier": f"{CPF}|{value}"})
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["id"] for entry in answer.json().get("entry", ())]


def exported(hub: Hub) -> str:
    """The NDJSON of an export that names a value."""
    asked = {"_type": "Patient", "_typeFilter": f"Patient?identifier={CPF}|{VALUE}"}
    started = httpx2.get(f"{hub.url}/fhir/$export", params=asked, headers={"Prefer": "respond-async"})
    assert started.status_code == 202, started.text
    end = time.monotonic() + 60
    while (answer := httpx2.get(started.headers["content-location"])).status_code == 202:
        assert time.monotonic() < end
        time.sleep(0.1)
    manifest = answer.json()
    assert VALUE in manifest["request"]
    return httpx2.get(manifest["output"][0]["url"]).text


def left(hub: Hub, *values: str) -> list[str]:
    """Tables of the hub's database that say a value, after rows that are dead are gone."""
    embedded = Embedded(hub.folder / "postgres")
    url = embedded.start()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum full")
        return traces(url, *values)
    finally:
        embedded.release()


def test_switched_on_rotated_and_stolen(hub: Hub, tmp_path: Path) -> None:
    hub.settings |= {"audit": "true", "full_text": "true"}
    hub.serve()
    put(hub, "a", VALUE)
    hub.end(signal.SIGTERM)
    assert "public.resource" in left(hub, VALUE)

    file = tmp_path / "keys"
    file.write_text(new_key() + "\n")
    secured = {"HUB_ENCRYPT_IDENTIFIERS": CPF, "HUB_ENCRYPTION_KEY_FILE": str(file)}
    hub.settings |= {name.removeprefix("HUB_").lower(): value for name, value in secured.items()}
    hub.serve("--workers", "2")
    put(hub, "b", LATER)
    assert ids(hub, VALUE) == ["a"]
    assert ids(hub, LATER) == ["b"]
    done = hub.run("keys", "encryption", "apply", **secured)
    assert done.returncode == 0, done.stderr
    assert "1 encrypted anew" in done.stdout
    assert ids(hub, VALUE) == ["a"]
    for number in range(4):
        put(hub, "b", LATER if number % 2 else VALUE)
    assert VALUE in exported(hub)
    found = httpx2.get(f"{hub.url}/fhir/Patient", params={"_content": VALUE}).json().get("entry", [])
    assert [entry for entry in found if entry["search"]["mode"] == "match"] == []

    rotated = hub.run("keys", "encryption", "rotate", "--index", **secured)
    assert rotated.returncode == 0, rotated.stderr
    assert "data key 3 is used from now on" in rotated.stdout
    assert ids(hub, VALUE) == ["a"]
    assert ids(hub, LATER) == ["b"]
    put(hub, "c", VALUE)
    hub.end(signal.SIGTERM)
    assert VALUE not in hub.output()

    file.write_text(f"{new_key()}\n{file.read_text()}")
    hub.serve()
    rewrapped = hub.run("keys", "encryption", "rewrap", **secured)
    assert "4 keys wrapped" in rewrapped.stdout, rewrapped.stderr
    assert ids(hub, VALUE) == ["c", "a"]
    file.write_text(file.read_text().splitlines()[0])
    told = hub.run("keys", "encryption", **secured)
    assert f"{CPF}: encrypted" in told.stdout, told.stderr
    assert "data key 1" in told.stdout
    assert ", 0 versions" in told.stdout
    hub.end(signal.SIGTERM)
    assert VALUE not in hub.output()

    hub.serve()
    assert ids(hub, VALUE) == ["c", "a"]
    hub.end(signal.SIGTERM)
    # What was sealed into the audit trail before encryption was on stays as it was: see docs/operations.md.
    assert left(hub, LATER, VALUE) == []

    for variables in ({}, {"HUB_ENCRYPTION_KEY": new_key()}):
        refused = hub.run("serve", **variables)
        assert refused.returncode == 1
        assert "HUB_ENCRYPTION_KEY" in refused.stderr
        assert VALUE not in refused.stderr
    nothing = hub.run("serve", HUB_ENCRYPT_IDENTIFIERS=CPF)
    assert nothing.returncode == 2
    assert "HUB_ENCRYPTION_KEY_FILE: must be set" in nothing.stderr
