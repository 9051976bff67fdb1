"""The hub as people start and stop it: real processes, the embedded database, kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import httpx2

from tests.hub.running import Hub

PATIENT = {"resourceType": "Patient", "id": "kept", "birthDate": "1970-01-31"}


def put(hub: Hub) -> int:
    return httpx2.put(f"{hub.url}/fhir/Patient/kept", json=PATIENT).status_code


def kept(hub: Hub) -> bool:
    return bool(httpx2.get(f"{hub.url}/fhir/Patient/kept").json()["birthDate"] == "1970-01-31")


def test_serves_and_stops_cleanly(hub: Hub) -> None:
    hub.serve()
    assert put(hub) == 201
    assert "<h1>AUSTA Care Platform hub</h1>" in httpx2.get(f"{hub.url}/").text
    assert httpx2.get(f"{hub.url}/fhir/metadata").json()["resourceType"] == "CapabilityStatement"
    assert 'fhir_requests_total{interaction="update"' in httpx2.get(f"{hub.url}/metrics").text
    given = httpx2.get(f"{hub.url}/fhir/Patient/kept", headers={"X-Request-Id": "mine-1"})
    assert given.headers["x-request-id"] == "mine-1"
    assert hub.end(signal.SIGTERM) == 0
    assert hub.database() is None
    output = hub.output()
    assert "HUB_ACCESS=open" in output
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert any(line.get("request_id") == "mine-1" and line["type"] == "Patient" for line in lines)
    assert "1970-01-31" not in output
    assert "Patient/kept" not in output


def test_several_workers_and_ctrl_c(hub: Hub) -> None:
    hub.serve("--workers", "2")
    assert kept(hub)
    for _ in range(20):
        httpx2.get(f"{hub.url}/fhir/Patient/kept")
    # All workers together, whichever answers.
    text = httpx2.get(f"{hub.url}/metrics").text
    count = next(line for line in text.splitlines() if line.startswith('fhir_requests_total{interaction="read"'))
    assert float(count.split()[-1]) >= 21
    assert hub.end(signal.SIGINT) == 0
    assert hub.database() is None


def test_kill_9_of_hub_and_then_of_the_database(hub: Hub) -> None:
    hub.serve()
    hub.end(signal.SIGKILL)
    assert hub.database() is not None
    hub.serve()
    assert kept(hub)
    hub.end(signal.SIGKILL)
    number = hub.database()
    assert number is not None
    os.kill(number, signal.SIGKILL)
    hub.serve()
    assert kept(hub)


def test_loads_twice_but_stores_once(hub: Hub, tmp_path: Path) -> None:
    def entry(kind: str, number: int, **more: object) -> dict[str, object]:
        resource = {"resourceType": kind, "identifier": [{"system": "urn:s", "value": str(number)}], **more}
        return {"fullUrl": f"urn:uuid:{kind}", "resource": resource, "request": {"method": "POST", "url": kind}}

    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
        entry("Patient", 1, gender="female"),
        entry("Condition", 2, subject={"reference": "urn:uuid:Patient"}),
    ]}  # fmt: skip
    refused = {**bundle, "entry": [entry("Patient", 3, gender="sometimes")]}
    (tmp_path / "1.json").write_text(json.dumps(bundle))
    (tmp_path / "2.json").write_text(json.dumps(refused, indent=1))
    # The Observation comes first and refers to what comes after it.
    (tmp_path / "Observation.ndjson").write_text(
        json.dumps({"resourceType": "Observation", "id": "early", "status": "final", "code": {"text": "x"},
                    "hasMember": [{"reference": "Observation/late"}]}) + "\n" +
        json.dumps({"resourceType": "Observation", "status": "none"}) + "\n"
    )  # fmt: skip
    late = {"resourceType": "Observation", "id": "late", "status": "final", "code": {"text": "x"}}
    (tmp_path / "zzz.ndjson").write_text(json.dumps(late))

    def load(*arguments: str) -> subprocess.CompletedProcess[str]:
        return hub.run("load", str(tmp_path), *arguments)

    def patients() -> int:
        query = f"{hub.url}/fhir/Patient?identifier=urn:s|&_summary=count"
        return int(httpx2.get(query).json()["total"])

    for arguments, expected in [((), 1), ((), 1), (("--url", f"{hub.url}/fhir"), 2), (("--url", f"{hub.url}/fhir"), 2)]:
        done = load(*arguments)
        assert done.returncode == 1, done.stderr
        assert patients() == expected
        report = [json.loads(line) for line in (hub.folder / "load-refused.ndjson").read_text().splitlines()]
        assert [(Path(line["file"]).name, line["line"]) for line in report] == [
            ("2.json", 5),
            ("Observation.ndjson", 2),
        ]
        assert "gender" in report[0]["reason"]
        assert "sometimes" not in report[0]["reason"]
    assert httpx2.get(f"{hub.url}/fhir/Observation/early").status_code == 200


def test_refusals(hub: Hub) -> None:
    taken = hub.run("serve")
    assert taken.returncode == 1
    assert f"cannot listen on 127.0.0.1:{hub.port}" in taken.stderr
    open_door = hub.run("serve", "--host", "0.0.0.0")
    assert open_door.returncode == 2
    assert "HUB_ACCESS=smart" in open_door.stderr
    assert hub.run("load", "/nowhere.json").returncode == 2
    assert hub.run("reindex", "Patent").returncode == 2
    wrong = hub.run("migrate", HUB_DATABASE_URL="postgresql://hub:secret@127.0.0.1:1/hub")
    assert wrong.returncode == 1
    assert "HUB_DATABASE_URL" in wrong.stderr
    assert "secret" not in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_reindex(hub: Hub) -> None:
    done = hub.run("reindex")
    assert done.returncode == 0, done.stderr
    assert "Patient: " in done.stdout
    found = httpx2.get(f"{hub.url}/fhir/Patient?birthdate=1970-01-31&_summary=count").json()
    assert found["total"] == 1
