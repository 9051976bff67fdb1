"""Consent purpose by purpose: who may say it, what it comes to, what is remembered."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access import policies
from fhir_server.consent.effects import effects
from fhir_server.privacy.decisions import By, consent_id, decided, decision
from fhir_server.privacy.purposes import PURPOSES
from fhir_server.validation import validate
from tests.fhir_server.privacy.conftest import Hub, parts

BY = By("patient", "ana", "app")
SECOND = 1_000_000


def purposes(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in map(parts, told["parameter"])}


async def test_a_yes_and_a_no_with_their_history(hub: Hub) -> None:
    status, told, _ = await hub.ask("ana", "Patient/ana/$consents")
    assert status == 200
    before = purposes(told)
    assert list(before) == list(PURPOSES)
    assert {code for code, one in before.items() if one["granted"]} == {"care-messages"}
    for granted in (True, True, False, True):
        status, told, _ = await hub.ask("ana", "Patient/ana/$consent", purpose="reminders", granted=granted)
        assert (status, purposes(told)["reminders"]["granted"]) == (200, granted)
    after = purposes(told)
    assert [one["granted"] for one in after["reminders"]["decision"]] == [True, False, True]
    assert {one["by"] for one in after["reminders"]["decision"]} == {"patient"}
    assert after["reminders"]["decision"][0]["version"] == "urn:fhir-hub:consent-text:reminders:1"
    assert all("decision" not in one for code, one in after.items() if code != "reminders")
    reference = after["reminders"]["decision"][1]["consent"]["reference"]
    status, version, _ = await hub.ask("ana", reference)
    assert (status, version["status"]) == (200, "inactive")
    assert version["provision"]["period"].keys() == {"start", "end"}
    # For whoever answers for data protection, too.
    assert purposes((await hub.ask("officer", "Patient/ana/$consents"))[1]) == after


async def test_without_a_yes_there_is_no_research(hub: Hub, database: str) -> None:
    """What research sees is what access control makes of the very Consents that are written here."""
    row = {"role": "client:research", "types": ["Observation"], "interactions": "rs", "purposes": ["HRESCH"]}
    rows = json.dumps([*json.loads(policies.document(policies.SHIPPED)), row])
    with psycopg.connect(database) as connection:
        connection.execute("insert into policy (version, changed, author, document) values (1, 0, 'test', %s)", [rows])
    before = policies.in_force()
    policies.use(policies.read(rows, 1))
    try:
        for granted, expected in ((None, 0), (True, 1), (False, 0)):
            if granted is not None:
                await hub.ask("ana", "Patient/ana/$consent", purpose="research", granted=granted)
            _, found, _ = await hub.ask("research", "Observation?_summary=count")
            assert found["total"] == expected
    finally:
        policies.use(before)


async def test_a_yes_to_sensitive_care_opens_what_is_labelled(hub: Hub) -> None:
    await hub.put({"resourceType": "Condition", "id": "psy", "subject": {"reference": "Patient/ana"},
                   "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32"}]}})  # fmt: skip
    for granted, expected in ((None, 404), (True, 200), (False, 404)):
        if granted is not None:
            await hub.ask("ana", "Patient/ana/$consent", purpose="sensitive-care", granted=granted)
        assert (await hub.ask("nurse", "Condition/psy"))[0] == expected
    assert (await hub.ask("nurse", "Observation/own"))[0] == 200, "a no to that closes nothing else"


@pytest.mark.parametrize(
    ("who", "patient", "reading", "writing"),
    [
        ("ana", "ana", 200, 200),
        ("ana without a patient", "ana", 200, 200),
        ("ana", "rui", 404, 404),
        ("ana", "nobody", 404, 404),
        ("ana's reader", "ana", 403, 403),
        ("guardian", "kid", 200, 200),
        ("guardian", "ana", 404, 404),
        ("guardian of a grown-up", "ana", 404, 404),
        ("nurse", "ana", 200, 403),
        ("nurse with ana open", "ana", 200, 403),
        ("officer", "ana", 200, 403),
        ("service", "ana", 200, 200),
        ("research", "ana", 200, 403),
    ],
)
async def test_who_may(hub: Hub, who: str, patient: str, reading: int, writing: int) -> None:
    assert (await hub.ask(who, f"Patient/{patient}/$consents"))[0] == reading
    status, told, _ = await hub.ask(who, f"Patient/{patient}/$consent", purpose="wellness", granted=True)
    assert status == writing, told
    _, kept, _ = await hub.ask("operator", "Consent?_summary=count")
    assert kept["total"] == (writing == 200)
    if writing == 200:
        by = purposes(told)["wellness"]["decision"][0]["by"]
        assert by == ("guardian" if who == "guardian" else "patient")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"purpose": "anything", "granted": True}, 400),
        ({"granted": True}, 400),
        ({"purpose": "reminders"}, 400),
        ({"purpose": "reminders", "granted": "perhaps"}, 400),
        ({"purpose": ["reminders", "wellness"], "granted": True}, 400),
        ({"purpose": "care-messages", "granted": False}, 422),
    ],
)
async def test_what_cannot_be_said(hub: Hub, given: dict[str, Any], status: int) -> None:
    found, told, _ = await hub.ask("ana", "Patient/ana/$consent", **given)
    assert (found, told["resourceType"]) == (status, "OperationOutcome")
    assert "perhaps" not in str(told)


@given(st.lists(st.tuples(st.sampled_from(sorted(PURPOSES)), st.booleans()), max_size=12))
def test_what_stands_is_what_was_said_last(said: list[tuple[str, bool]]) -> None:
    standing: dict[str, dict[str, Any]] = {}
    last: dict[str, bool] = {}
    for second, (code, granted) in enumerate(said):
        after = decided(standing.get(code), PURPOSES[code], granted, "ana", BY, second * SECOND)
        assert (after is None) is (last.get(code) is granted)
        if after is not None:
            standing[code] = after
        last[code] = granted
    for code, one in standing.items():
        assert [issue for issue in validate(one) if issue.severity == "error"] == []
        stamped = {**one, "meta": {"versionId": "1", "lastUpdated": one["dateTime"]}}
        assert decision(stamped).granted is last[code]
        assert one["id"] == consent_id("ana", code)
        # A no closes nothing that goes without consent: it has no effect of its own.
        assert all(effect.permits or effect.low > effect.high for effect in effects(one))
        assert bool(effects(one)) is last[code]
