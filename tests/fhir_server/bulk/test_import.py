"""$import as clients see it: manifest and upload, errors by line, nothing from where it must not come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fhir_server.bulk.import_kick_off import read_inputs
from fhir_server.bulk.sources import check
from fhir_server.dispatch import Settings
from fhir_server.outcome import FhirError, Forbidden, Invalid
from tests.fhir_server.bulk.conftest import Bulk, observation
from tests.fhir_server.conftest import serving

NDJSON = {"content-type": "application/fhir+ndjson"}
FHIR = {"content-type": "application/fhir+json"}
PATIENT = {"resourceType": "Patient", "id": "new", "gender": "female", "birthDate": "1970-01-31"}


def lines(*resources: Any) -> bytes:
    return "\n".join(json.dumps(one) for one in resources).encode()


async def result(bulk: Bulk, answer: httpx2.Response, **more: Any) -> httpx2.Response:
    """The status of an import once it is over."""
    assert answer.status_code == 202, answer.text
    status = answer.headers["content-location"]
    assert (await bulk.client.get(status)).status_code == 202
    assert await bulk.work(**more)
    return await bulk.client.get(status)


async def test_upload(bulk: Bulk) -> None:
    body = lines(PATIENT, observation("n1", "new", "8867-4"), {**PATIENT, "id": "bad", "gender": "sometimes"})
    done = await result(bulk, await bulk.client.post("$import", content=body, headers=NDJSON))
    assert done.status_code == 200
    manifest = done.json()
    assert [item["count"] for item in manifest["output"]] == [2]
    [item] = manifest["error"]
    [outcome] = await bulk.lines(item)
    [issue] = outcome["issue"]
    assert "line 3" in issue["diagnostics"]
    assert issue["expression"] == ["Patient.gender"]
    assert "sometimes" not in json.dumps(outcome)
    # Done is done: every way of search finds it.
    for query in ("Patient?birthdate=1970-01-31&_id=new", "Observation?patient=new&code=8867-4", "Patient?_has:Observation:patient:code=8867-4&_id=new"):  # fmt: skip # noqa: E501
        assert len((await bulk.client.get(query)).json()["entry"]) == 1, query
    # A second import of it changes nothing.
    done = await result(bulk, await bulk.client.post("$import", content=body, headers=NDJSON))
    assert (await bulk.client.get("Patient/new")).json()["meta"]["versionId"] == "1"
    changed = lines({**PATIENT, "gender": "male"})
    done = await result(bulk, await bulk.client.post("$import", content=changed, headers=NDJSON))
    assert (await bulk.client.get("Patient/new")).json()["meta"]["versionId"] == "2"
    assert done.json()["error"] == []


async def test_lines_that_nest_too_deep_are_refused_by_themselves(bulk: Bulk) -> None:
    def nested(open: str, close: str, levels: int) -> bytes:
        start = b'{"resourceType":"Patient","id":"deep","extension":[{"url":"http://example.org/x","extension":'
        return start + (open * levels + "1" + close * levels).encode() + b"}]}"

    deep = (nested('[{"url":"u","extension":', "}]", 100), nested("[", "]", 100), nested("[", "]", 100_000))
    body = b"\n".join([*deep, lines(PATIENT)])
    done = await result(bulk, await bulk.client.post("$import", content=body, headers=NDJSON))
    assert [item["count"] for item in done.json()["output"]] == [1]
    told = [outcome["issue"][0]["diagnostics"] for outcome in await bulk.lines(done.json()["error"][0])]
    assert {text.split(":")[0].rpartition(", ")[2] for text in told} == {"line 1", "line 2", "line 3"}
    assert any("nested deeper than 64 levels" in text for text in told)


async def test_manifest_and_references_that_lead_nowhere(bulk: Bulk) -> None:
    files = {
        "https://there.example.org/out/o.ndjson": lines(
            observation("n1", "new", "1"), observation("n2", "nobody", "1")
        ),
        "https://there.example.org/out/p.ndjson": lines(PATIENT),
    }

    def bring(url: str, path: Path) -> None:
        path.write_bytes(files[url])

    settings = Settings(bulk_files=bulk.files, import_sources=("https://there.example.org/out/",))
    async with serving(bulk.url, settings) as client:
        inputs = [
            {"name": "input", "part": [{"name": "type", "valueCode": kind}, {"name": "url", "valueUrl": url}]}
            for kind, url in zip(("Observation", "Patient"), files, strict=True)
        ]
        parameters = {"resourceType": "Parameters", "parameter": inputs}
        answer = await client.post("$import", json=parameters, headers=FHIR)
        done = await result(bulk, answer, bring=bring)
        assert {item["inputUrl"]: item["count"] for item in done.json()["output"]} == dict(
            zip(files, (2, 1), strict=True)
        )
        [outcome] = await bulk.lines(done.json()["error"][0])
        assert outcome["issue"][0]["diagnostics"] == "1 Observation refer to a Patient that does not exist"
        # Who was waited for may still come.
        late = {**PATIENT, "id": "nobody"}
        assert (await client.put("Patient/nobody", json=late, headers=FHIR)).status_code == 201
        assert len((await client.get("Observation?patient=nobody")).json()["entry"]) == 1


async def test_goes_on_where_it_was_broken_off(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.bulk.importing.LINES", 2)
    body = lines(*({**PATIENT, "id": f"n{number}"} for number in range(6)))
    answer = await bulk.client.post("$import", content=body, headers=NDJSON)
    folder = bulk.files / answer.headers["content-location"].rpartition("/")[2]

    class Dead(BaseException):
        """As abrupt as a death."""

    def dies(*_: Any) -> None:
        raise Dead

    monkeypatch.setattr("fhir_server.job_work.Worker._progress", lambda self, job: dies)
    with pytest.raises(Dead):
        await bulk.work()
    monkeypatch.undo()
    monkeypatch.setattr("fhir_server.bulk.importing.LINES", 2)
    assert (folder / "upload.ndjson").exists()
    assert (await bulk.client.get(answer.headers["content-location"])).status_code == 202
    assert await bulk.work()
    done = (await bulk.client.get(answer.headers["content-location"])).json()
    assert [item["count"] for item in done["output"]] == [6]
    versions = [(await bulk.client.get(f"Patient/n{number}")).json()["meta"]["versionId"] for number in range(6)]
    assert versions == ["1"] * 6


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resourceType": "Parameters"}, 400),
        ({"resourceType": "Patient"}, 400),
        ({"inputFormat": "text/csv", "input": [{"type": "Patient", "url": "https://x/y"}]}, 400),
        ({"input": [{"type": "Patient"}]}, 400),
        ({"input": [{"type": "Patent", "url": "https://x/y"}]}, 400),
        ({"input": [{"type": "Patient", "url": "https://x/y"}]}, 403),
        ({"input": [{"type": "Patient", "url": "file:///etc/passwd"}]}, 403),
        ([], 400),
    ],
)
async def test_refusals(bulk: Bulk, body: Any, status: int) -> None:
    answer = await bulk.client.post("$import", json=body)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    assert not await bulk.work()


ALLOWED = ("https://there.example.org/out/", "file:///srv/import/")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://there.example.org/out/a.ndjson", None),
        ("https://there.example.org:443/out/deep/a.ndjson?token=1", None),
        ("file:///srv/import/a.ndjson", None),
        ("https://there.example.org/out/", Forbidden),
        ("https://there.example.org/outside/a", Forbidden),
        ("http://there.example.org/out/a", Forbidden),
        ("https://there.example.org:8443/out/a", Forbidden),
        ("https://there.example.org.evil.example/out/a", Forbidden),
        ("https://127.0.0.1/out/a", Forbidden),
        ("file:///etc/passwd", Forbidden),
        ("https://u:p@there.example.org/out/a", Invalid),
        ("https://there.example.org/out/../secret", Invalid),
        ("https://there.example.org/out/%2e%2e/secret", Invalid),
        ("https://there.example.org/out/%252e%252e/secret", Invalid),
        ("https://there.example.org\\@evil.example/out/a", Invalid),
        ("file://host/srv/import/a", Invalid),
        ("file:///srv/import/a?x", Invalid),
        ("ftp://there.example.org/out/a", Invalid),
        ("https:///out/a", Invalid),
        ("https://there.example.org:port/out/a", Invalid),
        ("a.ndjson", Invalid),
    ],
)
def test_only_from_where_it_may(url: str, error: type[FhirError] | None) -> None:
    if error is None:
        check(url, ALLOWED)
    else:
        with pytest.raises(error):
            check(url, ALLOWED)
    with pytest.raises(FhirError):
        check(url, ())


def test_the_manifest_of_an_export_is_one_of_an_import() -> None:
    item = {"type": "Patient", "url": "https://x/y", "count": 1}
    wanted = [{"type": "Patient", "url": "https://x/y"}]
    assert read_inputs({"transactionTime": "x", "output": [item], "error": []}) == wanted
    assert read_inputs({"inputFormat": "application/fhir+ndjson", "input": [item]}) == wanted
