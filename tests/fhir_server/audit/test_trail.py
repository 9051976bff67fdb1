"""Over HTTP: each request leaves its event, with what it wrote in one transaction; who may read them and how."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server import admission
from tests.fhir_server.audit.conftest import Seal, Trail, stored
from tests.fhir_server.conftest import BASE


def patient(id: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": id}]}


def pulse(id: str, of: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "status": "final", "code": {"text": "pulse"},
        "subject": {"reference": f"Patient/{of}"},
    }  # fmt: skip


def code(event: dict[str, Any]) -> str:
    return str(event["subtype"][0].get("code") or event["subtype"][0]["display"])


def shown(event: dict[str, Any]) -> set[str]:
    return {entity["what"]["reference"] for entity in event.get("entity", ()) if "reference" in entity.get("what", {})}


@pytest.fixture
async def filled(audited: httpx2.AsyncClient) -> httpx2.AsyncClient:
    for id in ("a", "b"):
        assert (await audited.put(f"Patient/{id}", json=patient(id))).status_code == 201
        assert (await audited.put(f"Observation/{id}", json=pulse(id, id))).status_code == 201
    return audited


async def test_each_kind_of_request(filled: httpx2.AsyncClient, trail: Trail) -> None:
    await filled.get("Patient/a")
    await filled.get("Patient/a/_history/1")
    await filled.get("Patient/a/_history")
    await filled.get("Observation?patient=a&_include=Observation:subject")
    await filled.get("Patient/nobody")
    await filled.put("Patient/a", json=patient("a") | {"active": True})
    await filled.delete("Observation/a")
    await filled.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient"}},
        {"request": {"method": "GET", "url": "Patient/b"}},
    ]})  # fmt: skip
    await filled.get("metadata")
    events = (await trail())[::-1][4:]
    told = [(code(event), event["action"], event["outcome"], len(shown(event))) for event in events]
    assert told == [
        ("read", "R", "0", 1),
        ("vread", "R", "0", 1),
        ("history-instance", "R", "0", 1),
        ("search-type", "R", "0", 2),
        ("read", "R", "4", 0),
        ("update", "U", "0", 1),
        ("delete", "D", "0", 2),
        ("transaction", "C", "0", 1),
        ("transaction", "E", "0", 1),
    ]
    assert shown(events[5]) == {"Patient/a/_history/2"}
    assert shown(events[6]) == {"Observation/a/_history/2", "Patient/a"}


async def test_who_and_what_was_asked(filled: httpx2.AsyncClient, trail: Trail) -> None:
    await filled.get("Observation?patient=a", headers={"x-request-id": "one"})
    newest = (await trail())[0]
    assert newest["agent"][0]["who"] == {"identifier": {"system": "urn:fhir-hub:subject", "value": "local"}}
    query = newest["entity"][0]
    assert base64.b64decode(query["query"]).decode() == "Observation?patient=a"
    assert query["what"]["identifier"]["value"] == "one"


async def test_a_patient_is_found_by_what_was_seen_and_written(
    filled: httpx2.AsyncClient, trail: Trail, seal: Seal
) -> None:
    await filled.get("Observation/b")
    await filled.get("Observation?code:text=pulse")
    await seal()
    await filled.put("Observation/a", json=pulse("a", "b"))
    about_a = [code(event) for event in await trail(patient="a")]
    assert about_a == ["update", "search-type", "update", "update"]
    about_b = [code(event) for event in await trail(patient="Patient/b")]
    assert about_b == ["update", "search-type", "read", "update", "update"]
    assert await trail(patient="nobody") == []


async def test_what_is_in_two_records_concerns_both_patients(
    filled: httpx2.AsyncClient, trail: Trail, seal: Seal
) -> None:
    await filled.put("Observation/both", json=pulse("both", "a") | {"performer": [{"reference": "Patient/b"}]})
    await seal()
    await filled.get("Observation/both")
    await filled.get("Observation/a")
    await filled.get("Observation?_id=both,a")
    for patient, reads in (("a", ["search-type", "read", "read"]), ("b", ["search-type", "read"])):
        events = await trail(patient=patient)
        assert [code(event) for event in events if event["action"] == "R"] == reads


async def test_the_report_of_a_patient_tells_nothing_of_others(filled: httpx2.AsyncClient, trail: Trail) -> None:
    await filled.get("Observation?code:text=pulse&subject:Patient.family=b")
    await filled.get("Patient/a/nonsense")
    await filled.get("Observation?code:text=pulse")
    events = await trail("Patient/a/$access-report")
    assert [code(event) for event in events] == ["search-type", "update", "update"]
    for event in events:
        assert shown(event) <= {"Patient/a"}
        assert "Query" not in str(event)
        assert "network" not in event["agent"][0]
    assert (await filled.get("Patient/nobody/$access-report")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"outcome": "failure"}, ["read"]),
        ({"subtype": "update", "_count": "2"}, ["update", "update"]),
        ({"agent": "somebody"}, []),
        ({"client": "some-app"}, []),
        ({"entity": "Observation/b"}, ["update"]),
        ({"end": "2020"}, []),
        ({"start": "2020", "subtype": "read"}, ["read"]),
    ],
)
async def test_narrowed(filled: httpx2.AsyncClient, trail: Trail, asked: dict[str, str], expected: list[str]) -> None:
    await filled.get("Patient/nobody")
    assert [code(event) for event in await trail(**asked)] == expected


async def test_pages(filled: httpx2.AsyncClient, seal: Seal) -> None:
    for _ in range(3):
        for _ in range(4):
            await filled.get("Patient/a")
        await seal()
    url: str | None = f"{BASE}/AuditEvent/$trail?_count=5&subtype=read"
    numbers: list[int] = []
    while url:
        bundle = (await filled.get(url)).json()
        numbers += [int(entry["resource"]["id"]) for entry in bundle.get("entry", ())]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert numbers == list(range(16, 4, -1))


@pytest.mark.parametrize("query", ["outcome=maybe", "patient=Group/1", "entity=1", "start=x", "_count=0", "nonsense=1"])
async def test_bad_input(audited: httpx2.AsyncClient, query: str) -> None:
    answer = await audited.get(f"AuditEvent/$trail?{query}")
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_what_is_refused_leaves_its_event_and_nothing_else(audited: httpx2.AsyncClient, trail: Trail) -> None:
    assert (await audited.put("Observation/a", json=pulse("a", "nobody"))).status_code == 422
    [event] = await trail()
    assert (code(event), event["outcome"], shown(event)) == ("update", "4", set())


async def test_many_at_once_each_leave_one(filled: httpx2.AsyncClient, trail: Trail) -> None:
    await asyncio.gather(
        *(filled.get(f"Observation/{'ab'[number % 2]}") for number in range(40)),
        *(filled.post("Observation", json=pulse("x", "a")) for _ in range(40)),
    )
    events = await trail(_count="1000")
    assert sorted(code(event) for event in events) == sorted(["read"] * 40 + ["create"] * 40 + ["update"] * 4)


@pytest.mark.parametrize(
    "path",
    [
        "Patient/a",
        "Patient/a?_summary=text",
        "Patient/a/_history/1",
        "Patient?family=a",
        "Patient?_id=a",
        "Patient/nobody",
    ],
)
async def test_what_cannot_be_audited_is_not_answered(filled: httpx2.AsyncClient, database: str, path: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("alter table audit_intake add check (events < 0) not valid")
    answer = await filled.get(path)
    assert answer.status_code == 500
    assert "family" not in answer.text


async def test_searches_at_once_each_leave_what_their_page_shows(filled: httpx2.AsyncClient, trail: Trail) -> None:
    for number in range(3):
        assert (await filled.put(f"Observation/more{number}", json=pulse(f"more{number}", "a"))).status_code == 201
    asked = ["patient=a", "patient=a&_count=2", "patient=b", "patient=nobody", "_id=b&_include=Observation:subject"]
    answers = await asyncio.gather(*(filled.get(f"Observation?{one}") for one in asked * 4))
    pages = [[entry["resource"] for entry in answer.json().get("entry", ())] for answer in answers]
    assert [len(page) for page in pages[:5]] == [4, 2, 1, 0, 2]
    events = [event for event in await trail(_count="1000") if code(event) == "search-type"]
    # Whom it concerns is told as well.
    whom = [{one["subject"]["reference"] for one in page if "subject" in one} for page in pages]
    told = [{f"{one['resourceType']}/{one['id']}" for one in page} | of for page, of in zip(pages, whom, strict=True)]
    assert sorted(map(sorted, map(shown, events))) == sorted(map(sorted, told))


async def test_it_is_only_ever_added_to(filled: httpx2.AsyncClient, seal: Seal, database: str) -> None:
    await seal()
    for command in (
        "update audit_batch set events = 0", "delete from audit_batch", "truncate audit_batch cascade",
        "delete from audit_key",
    ):  # fmt: skip
        with psycopg.connect(database) as connection, pytest.raises(psycopg.Error, match="only ever added to"):
            connection.execute(command.encode())


async def test_a_busy_hub_s_reads_wait_for_their_commit_together(
    audited: httpx2.AsyncClient, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few are worked on at a time: each would wait for company that is not let in."""
    monkeypatch.setattr(admission, "TOGETHER", 2)
    monkeypatch.setattr(admission, "SHORT_TURN", -1.0)
    created = await audited.put("Patient/1", json={"resourceType": "Patient", "id": "1"})
    assert created.status_code == 201
    before = len(stored(database))
    answers = await asyncio.gather(*(audited.get("Patient/1") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    rows = stored(database)[before:]
    assert sum(map(len, rows)) == 40
    assert len(rows) < 10
