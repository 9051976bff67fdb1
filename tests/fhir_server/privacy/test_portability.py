"""One's own record to take along: what is in it, who may fetch it, how it ends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhir_server.bulk.tasks import tasks
from fhir_server.job_work import Worker
from fhir_server.privacy.portability import MOST_KEPT, SUMMARY
from fhir_server.privacy.summary import summary, title_of
from mappings.r4 import parse
from tests.fhir_server.conftest import BASE
from tests.fhir_server.privacy.conftest import ANA, CODE, PEOPLE, Hub

DAY = 86_400_000_000


def nobody(url: str, path: Any) -> None:
    raise AssertionError("nothing is fetched here")


async def work(hub: Hub, database: str, later: int = 0) -> bool:
    """Lets the worker do one job; whether there was one."""

    def run() -> bool:
        with psycopg.connect(database, autocommit=True) as connection:
            worker = Worker(
                connection, hub.files, tasks(database, BASE, nobody, 1), lambda: time.time_ns() // 1000 + later, DAY
            )
            worker.sweep()
            return worker.work()

    return await asyncio.to_thread(run)


async def kick_off(hub: Hub, who: str, patient: str) -> str:
    status, told, headers = await hub.ask(who, f"Patient/{patient}/$portability", "POST")
    assert status == 202, told
    return headers["content-location"]


async def fill(hub: Hub) -> None:
    for one in (
        {"resourceType": "Practitioner", "id": "doctor", "name": [{"text": "Dra. Rosa"}]},
        {"resourceType": "Condition", "id": "c", "subject": ANA, "code": {"text": "uma\nqueixa"},
         "recorder": {"reference": "Practitioner/doctor"}},
        {"resourceType": "Provenance", "id": "told", "target": [{"reference": "Condition/c"}],
         "recorded": "2026-01-01T00:00:00Z", "agent": [{"who": {"reference": "Practitioner/doctor"}}]},
        {"resourceType": "Provenance", "id": "of-both", "recorded": "2026-01-01T00:00:00Z",
         "target": [{"reference": "Condition/c"}, {"reference": "Observation/other"}],
         "agent": [{"who": {"reference": "Practitioner/doctor"}}]},
        {"resourceType": "Observation", "id": "model", "status": "final", "code": CODE, "subject": ANA,
         "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
                                "code": "AIAST"}]}},
    ):  # fmt: skip
        await hub.put(one)


async def test_all_that_one_may_see_and_who_recorded_it(hub: Hub, database: str) -> None:
    await fill(hub)
    url = await kick_off(hub, "ana", "ana")
    assert await kick_off(hub, "ana", "ana") == url, "one at a time"
    assert (await hub.ask("ana", url))[0] == 202
    assert await work(hub, database)
    status, manifest, headers = await hub.ask("ana", url)
    assert (status, "expires" in headers, manifest["requiresAccessToken"]) == (200, True, True)
    found = set()
    for item in manifest["output"]:
        answer = await hub.client.get(item["url"], headers={"authorization": "ana"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+ndjson")
        lines = [parse(line) for line in answer.content.splitlines()]
        assert len(lines) == item["count"]
        found |= {f"{one['resourceType']}/{one['id']}" for one in lines}
    assert found == {"Patient/ana", "Observation/own", "Condition/c", "Provenance/told", "Practitioner/doctor"}
    answer = await hub.client.get(manifest["extension"]["urn:fhir-hub:summary"], headers={"authorization": "ana"})
    assert (answer.status_code, answer.headers["content-disposition"]) == (200, "attachment")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "uma queixa" in answer.text
    assert "seen own" in answer.text
    assert "seen other" not in answer.text


async def test_files_are_nobody_elses(hub: Hub, database: str) -> None:
    url = await kick_off(hub, "ana", "ana")
    assert await work(hub, database)
    places = [url, f"{url}/Patient.1.ndjson", f"{url}/{SUMMARY}"]
    for who, expected in (
        ("rui", 404), ("guardian", 404), ("nurse", 404), ("officer", 404), ("research", 404), ("ana elsewhere", 404),
        ("ana's reader", 403), ("ana", 200),
    ):  # fmt: skip
        for place in places:
            assert (await hub.ask(who, place))[0] == expected, (who, place)
    assert (await hub.ask("rui", url, "DELETE"))[0] == 404
    assert (await hub.ask("ana", f"{url}/..%2f..%2fpyproject.toml"))[0] == 404
    # And when its time is over it is nobody's.
    assert not await work(hub, database, later=2 * DAY)
    assert [(await hub.ask("ana", place))[0] for place in places] == [404, 404, 404]
    assert list(hub.files.iterdir()) == []


async def test_a_guardian_has_it_until_the_child_is_grown_up(hub: Hub, database: str) -> None:
    url = await kick_off(hub, "guardian", "kid")
    assert await work(hub, database)
    assert (await hub.ask("guardian", f"{url}/Patient.1.ndjson"))[0] == 200
    await hub.put({"resourceType": "Patient", "id": "kid", "birthDate": "2000-01-01"})
    assert (await hub.ask("guardian", f"{url}/Patient.1.ndjson"))[0] == 404
    assert (await hub.ask("guardian", url))[0] == 404
    assert (await hub.ask("guardian", "Patient/kid/$portability", "POST"))[0] == 404


async def test_of_two_children_each_has_its_own(hub: Hub, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = await kick_off(hub, "guardian", "kid")
    assert await work(hub, database)
    mother = PEOPLE["guardian"]()
    monkeypatch.setitem(PEOPLE, "guardian of the other", lambda: replace(mother, patient="ana"))
    assert (await hub.ask("guardian of the other", url))[0] == 404


@pytest.mark.parametrize(
    ("who", "patient", "expected"),
    [
        ("ana", "rui", 404),
        ("guardian of a grown-up", "ana", 404),
        ("nurse", "ana", 403),
        ("nurse with ana open", "ana", 403),
        ("officer", "ana", 403),
        ("ana without a patient", "ana", 202),
        ("ana's reader", "ana", 202),
    ],
)
async def test_who_may(hub: Hub, who: str, patient: str, expected: int) -> None:
    assert (await hub.ask(who, f"Patient/{patient}/$portability", "POST"))[0] == expected


async def test_no_more_than_the_scopes(hub: Hub, database: str) -> None:
    await fill(hub)
    url = await kick_off(hub, "ana's reader", "ana")
    assert await work(hub, database)
    _, manifest, _ = await hub.ask("ana's reader", url)
    assert {item["type"] for item in manifest["output"]} == {"Patient"}


async def test_not_without_end(hub: Hub, database: str) -> None:
    for _ in range(MOST_KEPT):
        url = await kick_off(hub, "ana", "ana")
        assert await work(hub, database)
    assert (await hub.ask("ana", "Patient/ana/$portability", "POST"))[0] == 429
    assert (await hub.ask("ana", url, "DELETE"))[0] == 202
    await kick_off(hub, "ana", "ana")


async def test_what_is_erased_is_in_no_file_either(hub: Hub, database: str) -> None:
    url = await kick_off(hub, "ana", "ana")
    assert await work(hub, database)
    _, task, _ = await hub.ask("ana", "Patient/ana/$erasure", "POST")
    status, _, _ = await hub.ask(
        "officer, second factor shown", f"Task/{task['id']}/$decide", decision="accept", reason="por lei"
    )
    assert status == 200
    assert (await hub.ask("ana", url))[0] == 404
    assert not await work(hub, database)
    assert list(hub.files.iterdir()) == []


TEXT = st.text(max_size=30)
CONCEPT = st.fixed_dictionaries({}, optional={"text": TEXT, "coding": st.lists(
    st.fixed_dictionaries({}, optional={"display": TEXT, "code": TEXT}), max_size=2)})  # fmt: skip


@given(st.lists(st.fixed_dictionaries(
    {"resourceType": st.sampled_from(["Observation", "Condition", "Basic"])},
    optional={"code": CONCEPT, "effectiveDateTime": st.just("2026-01-31T10:00:00Z"), "valueString": TEXT},
)))  # fmt: skip
@example([{"resourceType": "Observation", "valueString": "\r"}])
def test_each_resource_has_its_line(resources: list[dict[str, Any]]) -> None:
    text = summary("Ana", "2026-01-31", resources)
    kinds = {one["resourceType"] for one in resources}
    assert len(text.split("\n")) == 4 + 3 * len(kinds) + len(resources)
    assert all("\n" not in title_of(one) and title_of(one) for one in resources)
