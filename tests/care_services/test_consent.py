"""Consents: what several say together, what is written, and that none of them closes or opens a chart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.consent import DEFAULTS, NOTICES, PURPOSE, Consented, changed, consent, consented
from fhir_server.consent.effects import effects
from fhir_server.privacy import purposes
from mappings.identifiers import Systems

Json = Any

SYSTEMS = Systems()
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANA = {"reference": "Patient/ana", "identifier": {"system": SYSTEMS.sid("whatsapp/usuario"), "value": "BR.1"}}
STEPS = st.lists(st.tuples(st.sampled_from(sorted(DEFAULTS)), st.booleans()), max_size=12)


def stored(after: Consented, number: int = 1, own: str = "BR.1") -> Json:
    moment = BEGIN + timedelta(hours=number)
    entry = consent(after, own, ANA, "5517988887777", "Communication/1", "texts/1", SYSTEMS, moment)
    return {**entry["resource"], "id": "c1", "meta": {"versionId": str(number)}}


def portal(purpose: str, status: str, hours: int) -> Json:
    """As the apps write it: one for a patient and purpose."""
    return {
        "resourceType": "Consent", "id": purpose, "meta": {"versionId": "1"}, "status": status,
        "category": [{"coding": [{"system": PURPOSE, "code": purpose}]}],
        "dateTime": (BEGIN + timedelta(hours=hours)).isoformat(),
    }  # fmt: skip


@given(STEPS)
def test_what_was_said_last_of_each_purpose_counts_and_is_read_as_it_was_written(steps: list[tuple[str, bool]]) -> None:
    now, last = Consented(), dict(DEFAULTS)
    for number, (purpose, granted) in enumerate(steps):
        now = changed(now, [purpose], granted, BEGIN + timedelta(hours=number))
        last[purpose] = granted
    assert now.granted() == {one for one, granted in last.items() if granted}
    read = consented([stored(now)], SYSTEMS, "BR.1")
    assert (read.said, read.own) == (now.said, ("c1", "1"))


@given(STEPS)
def test_none_of_them_says_anything_of_access_to_the_chart(steps: list[tuple[str, bool]]) -> None:
    now = Consented()
    for purpose, granted in steps:
        now = changed(now, [purpose], granted, BEGIN)
    assert [(one.permits, one.low < one.high) for one in effects(stored(now))] == [(False, False)]


@pytest.mark.parametrize(
    ("channel", "app", "granted"),
    [
        ((True, 1), ("active", 2), True),
        ((False, 1), ("active", 2), True),
        ((False, 3), ("active", 2), False),
        ((True, 3), ("inactive", 2), True),
        ((True, 1), ("rejected", 2), False),
        ((True, 2), ("inactive", 2), False),  # at the same moment the no
    ],
)  # fmt: skip
def test_of_channel_and_app_the_newest_counts(channel: tuple[bool, int], app: tuple[str, int], granted: bool) -> None:
    said = stored(changed(Consented(), ["reminders"], channel[0], BEGIN + timedelta(hours=channel[1])))
    for several in ([said, portal("reminders", *app)], [portal("reminders", *app), said]):
        assert ("reminders" in consented(several, SYSTEMS).granted()) is granted


def test_a_no_keeps_when_the_yes_was_and_the_next_takes_the_place_of_what_was_read() -> None:
    yes = changed(Consented(), ["reminders"], True, BEGIN)
    no = changed(consented([stored(yes, 3)], SYSTEMS, "BR.1"), NOTICES, False, BEGIN + timedelta(days=1))
    entry = consent(no, "BR.1", ANA, None, "Communication/2", "texts/1", SYSTEMS, BEGIN + timedelta(days=1))
    assert entry["request"] == {"method": "PUT", "url": "Consent/c1", "ifMatch": 'W/"3"'}
    periods = {one["purpose"][0]["code"]: set(one["period"]) for one in entry["resource"]["provision"]["provision"]}
    assert periods == {"reminders": {"start", "end"}, "wellness": {"end"}, "healthpoints": {"end"}}


def test_purposes_are_those_that_the_record_knows() -> None:
    assert set(DEFAULTS) <= set(purposes.PURPOSES)
    assert PURPOSE == purposes.SYSTEM
    assert {one for one in DEFAULTS if not purposes.PURPOSES[one].switchable} == {"care-messages"}
