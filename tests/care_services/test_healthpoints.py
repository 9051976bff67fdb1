"""What earns points and what never does, what lapses, and that an event counts once in whatever order it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.consent import Said
from care_services.healthpoints import (
    EARNS,
    JOINED,
    KEPT,
    Entry,
    Points,
    Refused,
    balance,
    basic,
    decide,
    entries,
    lapsed,
)
from fhir_server.privacy.retention import class_of
from mappings.identifiers import Systems

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
YES, NO = Said(True, NOW - timedelta(days=10)), Said(False, NOW - timedelta(days=1), NOW - timedelta(days=10))
WHO = {"identifier": {"system": "urn:test", "value": "ana"}}
BEFORE = Entry(JOINED, "ana:joined", 50, NOW - timedelta(days=10))


@pytest.mark.parametrize(
    ("kind", "event", "said", "clinical", "came"),
    [
        ("joined", "other:joined", YES, False, Refused.THERE),  # once by a person, not by a line
        ("course-finished", "course-7", YES, False, Entry("course-finished", "course-7", 40, NOW)),
        ("course-finished", "ana:joined", YES, False, Refused.THERE),
        ("vaccine-day-attended", "day-1", YES, False, Entry("vaccine-day-attended", "day-1", 30, NOW)),
        ("check-in-answered", "check-1", YES, False, Entry("check-in-answered", "check-1", 10, NOW)),
        ("check-in-answered", "check-1", YES, True, Refused.CLINICAL),
        ("vaccine-day-attended", "day-1", NO, False, Refused.NOT_JOINED),
        ("vaccine-day-attended", "day-1", None, False, Refused.NOT_JOINED),
        *((never, "x", YES, False, Refused.NO_SUCH) for never in (
            "weight-lost", "result-normal", "glucose", "appointment", "authorization", "admission", "silence", "lapsed",
        )),
    ],
)  # fmt: skip
def test_what_earns_points(kind: str, event: str, said: Said | None, clinical: bool, came: Entry | Refused) -> None:
    assert decide(kind, event, NOW, [BEFORE], said, clinical=clinical) == came


@pytest.mark.parametrize("kind", EARNS)
def test_joining_earns_once_and_everything_else_the_same_each_time(kind: str) -> None:
    first = decide(kind, "a", NOW, [], YES, clinical=False)
    assert isinstance(first, Entry)
    second = decide(kind, "b", NOW, [first], YES, clinical=False)
    assert second == (Refused.THERE if kind == JOINED else Entry(kind, "b", EARNS[kind], NOW))


@given(st.text(), st.text(), st.sampled_from([YES, NO, None]))
def test_nothing_is_earned_in_a_clinical_matter_nor_by_anything_else(kind: str, event: str, said: Said | None) -> None:
    assert all(isinstance(decide(one, event, NOW, [], said, clinical=True), Refused) for one in (*EARNS, kind))
    assert kind in EARNS or decide(kind, event, NOW, [], said, clinical=False) is Refused.NO_SUCH


LEDGER = st.lists(
    st.builds(
        Entry, st.sampled_from(sorted(EARNS)), st.uuids().map(str), st.sampled_from(sorted(EARNS.values())),
        st.integers(0, 400).map(lambda days: NOW - timedelta(days=days)),
    ),
    max_size=12,
)  # fmt: skip


@given(LEDGER, st.data())
def test_order_and_repetition_of_events_change_nothing(ledger: list[Entry], data: st.DataObject) -> None:
    told = data.draw(st.permutations([*ledger, *ledger[::2]]))
    assert balance(told, YES, NOW) == sum(one.points for one in ledger)


@given(LEDGER, st.integers(0, 200), st.integers(0, 24 * 3600 - 1))
def test_what_was_earned_stays_90_days_and_a_yes_afterwards_begins_at_nothing(
    ledger: list[Entry], days: int, seconds: int
) -> None:
    no = Said(False, NOW, NOW - timedelta(days=500))
    at = NOW + timedelta(days=days, seconds=seconds)
    earned = sum(one.points for one in ledger)
    kept = at - NOW < KEPT
    assert kept == (days < 90)
    assert balance(ledger, no, at) == (earned if kept else 0)
    gone = lapsed(Points("ana", tuple(ledger)), no, at)
    assert (gone is None) == (kept or not ledger)
    after = [*ledger, gone, gone] if gone else ledger
    assert balance(after, Said(True, at), at) == (earned if kept else 0)
    assert lapsed(Points("ana", tuple(after)), no, at) is None  # nothing is taken off twice


def test_nobody_who_never_joined_has_points() -> None:
    assert balance([BEFORE], None, NOW) == 0
    assert lapsed(Points("ana", (BEFORE,)), None, NOW) is None


@given(LEDGER)
def test_the_record_says_what_was_booked(ledger: list[Entry]) -> None:
    stored = [basic(one, WHO, Systems()) for one in ledger]
    other = {"resourceType": "Basic", "code": {"text": "something else"}}
    assert entries([other, *stored], Systems()) == tuple(ledger)
    assert all(class_of(one) == "consented" for one in stored)
    assert all(one["created"] == one["extension"][1]["valueInstant"][:10] for one in stored)
