"""Bulk data over HTTP: a record from one hub into another, and kill -9 at any moment of export and import.

https://hl7.org/fhir/uv/bulkdata/
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.bulk_comparison import compared
from tests.hub_process import HubProcess

NDJSON = {"Content-Type": "application/fhir+ndjson"}
KILLS = 3
"""A job that was interrupted five times would be given up."""


def over(hub: HubProcess, status: str, seconds: float = 90) -> tuple[int, Any]:
    """Status code and content of a job's status, once it is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = hub.client.request("GET", status)
        if answer.status not in (202, 429):
            return answer.status, answer.json()
        time.sleep(0.2)
    raise AssertionError("the job does not end")


def kick_off(hub: HubProcess, path: str, body: Any = None, **headers: str) -> str:
    answer = hub.client.request("POST" if body is not None else "GET", path, body, headers)
    assert answer.status == 202, answer.body
    return answer.headers["content-location"]


def lines(hub: HubProcess, manifest: dict[str, Any]) -> Iterator[bytes]:
    """Everything the files of an export hold, and no more than the manifest says."""
    for item in manifest["output"]:
        answer = hub.client.request("GET", item["url"])
        assert answer.status == 200
        if item["url"].endswith(".parquet"):
            found = [line.encode() for line in pq.read_table(io.BytesIO(answer.body))["_json"].to_pylist()]
        else:
            assert answer.body.endswith(b"\n")
            found = answer.body.splitlines()
        assert len(found) == item["count"]
        yield from found


def test_from_hub_to_hub(sample_database: str, bare_database: str, tmp_path: Path) -> None:
    """$export of everything, $import of its manifest by an empty hub, which fetches the files: equal, byte for byte."""
    with HubProcess(tmp_path / "one", {"database_url": sample_database}) as one:
        code, manifest = over(one, kick_off(one, "$export"))
        assert code == 200
        settings = {"database_url": bare_database, "import_sources": f"{one.client.base}/_jobs/"}
        with HubProcess(tmp_path / "other", settings) as other:
            asked = json.dumps({key: manifest[key] for key in ("output",)}).encode()
            code, done = over(other, kick_off(other, "$import", asked, **{"Content-Type": "application/json"}))
            assert (code, done["error"]) == (200, [])
            counts = {item["type"]: item["count"] for item in manifest["output"]}
            assert {item["type"]: item["count"] for item in done["output"]} == counts
            code, again = over(other, kick_off(other, "$export"))
            assert {item["type"]: item["count"] for item in again["output"]} == counts
            code, columns = over(other, kick_off(other, "$export?_outputFormat=parquet"))
            for brought in (again, columns):
                found = compared(lines(one, manifest), lines(other, brought))
                assert (found.same, dict(found.equal)) == (True, counts), str(found)
                assert found.equal.total() > 5000


def patients(count: int) -> bytes:
    rows = (
        {"resourceType": "Patient", "id": f"k{n}", "birthDate": "1970-01-31", "name": [{"family": f"Family{n}"}]}
        for n in range(count)
    )
    return "\n".join(map(json.dumps, rows)).encode()


def progressed(hub: HubProcess, status: str) -> bool:
    """Whether the job is over or at work."""
    answer = hub.client.request("GET", status)
    return answer.status not in (202, 429) or "waiting" not in answer.headers.get("x-progress", "waiting")


def killed_while(hub: HubProcess, statuses: list[str], chance: random.Random, kills: int = KILLS) -> int:
    """Kills and starts the hub, at random moments after one of the jobs is at work; how often one was."""
    found = 0
    for _ in range(kills):
        end = time.monotonic() + 60
        while not any(progressed(hub, status) for status in statuses):
            assert time.monotonic() < end
            time.sleep(0.06)  # more than 20 in a second are refused
        time.sleep(chance.random() * 0.8)
        found += any(hub.client.request("GET", status).status == 202 for status in statuses)
        hub.kill()
        hub.start()
    return found


def test_killed_amid_an_import(lone_hub: HubProcess) -> None:
    """It goes on each time, and all it says is done is there once, whole and found."""
    count = 10_000
    status = kick_off(lone_hub, "$import", patients(count), **NDJSON)
    assert killed_while(lone_hub, [status], random.Random(1)), "it was too quick to be killed amid"
    code, done = over(lone_hub, status)
    assert (code, [item["count"] for item in done["output"]], done["error"]) == (200, [count], [])
    assert lone_hub.client.get("Patient?_summary=count")["total"] == count
    assert lone_hub.client.get("Patient?birthdate=1970-01-31&family=Family&_summary=count")["total"] == count
    # Nothing was stored twice.
    code, manifest = over(lone_hub, kick_off(lone_hub, "$export"))
    found = [json.loads(line) for line in lines(lone_hub, manifest)]
    assert {one["meta"]["versionId"] for one in found} == {"1"}
    assert {one["id"] for one in found} == {f"k{n}" for n in range(count)}
    for number in (0, 499, 500, count - 1):
        assert lone_hub.client.get(f"Patient?family:exact=Family{number}&_summary=count")["total"] == 1


def test_killed_amid_exports(lone_hub: HubProcess) -> None:
    """Each is done whole or says that it failed; what an interrupted one had written is never shown."""
    count = 6000
    assert over(lone_hub, kick_off(lone_hub, "$import", patients(count), **NDJSON))[0] == 200
    statuses = [kick_off(lone_hub, f"$export?_outputFormat={format}") for format in ("parquet", "ndjson") * 5]
    assert killed_while(lone_hub, statuses, random.Random(3)), "they were too quick to be killed amid"
    outcomes = [over(lone_hub, status) for status in statuses]
    whole = [told for code, told in outcomes if code == 200]
    first = list(lines(lone_hub, whole[0]))
    assert {json.loads(line)["id"] for line in first} == {f"k{n}" for n in range(count)}
    for told in whole[1:]:
        found = compared(first, lines(lone_hub, told))
        assert (found.same, found.equal.total()) == (True, count), str(found)
    assert [told["resourceType"] for code, told in outcomes if code != 200] == ["OperationOutcome"] * (
        len(outcomes) - len(whole)
    )
    assert len(whole) > len(outcomes) // 2
