"""Whether a notice is sent now, later, by telephone, or not at all: the contract's section 9 as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.delivery.decision import (
    CATEGORIES,
    UNSTOPPABLE,
    AsTemplate,
    Decision,
    Drop,
    Free,
    Member,
    Notice,
    Sent,
    Telephone,
    Wait,
    decide,
    first,
)  # fmt: skip
from care_services.delivery.quiet import quiet, wakes

ZONE = ZoneInfo("America/Sao_Paulo")
HOLIDAY = date(2026, 4, 21)


def holiday(day: date) -> bool:
    return day == HOLIDAY


def at(text: str) -> datetime:
    """Local time: "2026-03-10 14:00" is a Tuesday."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


NOON, NIGHT = at("2026-03-10 12:00"), at("2026-03-10 23:00")
MORNING = at("2026-03-11 08:00")
FOREVER = NOON + timedelta(days=30)
ALL = Member(granted=frozenset({"reminders", "wellness", "healthpoints"}))
WROTE = replace(ALL, wrote=NOON - timedelta(hours=1))


def notice(category: str, **more: object) -> Notice:
    return Notice(**{"category": category, "expires": FOREVER, "template": "t", **more})  # type: ignore[arg-type]


def reminded(**before: int) -> Sent:
    return Sent("reminder", "u", NOON - timedelta(**before))


@pytest.mark.parametrize(
    ("given_notice", "member", "now", "found"),
    [
        # window
        (notice("reminder"), WROTE, NOON, Free()),
        (notice("reminder"), ALL, NOON, AsTemplate("t")),
        (notice("answer", template=None), WROTE, NOON, Free()),
        (notice("answer", template=None), replace(WROTE, wrote=NOON - timedelta(hours=24)), NOON,
         Telephone("nobody wrote for a day, and there is no template")),
        (notice("wellness", template=None), ALL, NOON, Drop("nobody wrote for a day, and there is no template")),
        # expired
        (notice("reminder", expires=NOON), ALL, NOON, Drop("expired")),
        (notice("authorization", expires=NOON), ALL, NOON, Telephone("expired")),
        # consent, at the moment of sending
        (notice("reminder"), Member(), NOON, Drop("no consent to reminders")),
        (notice("wellness"), Member(granted=frozenset({"reminders"})), NOON, Drop("no consent to wellness")),
        (notice("authorization"), Member(), NOON, AsTemplate("t")),
        (notice("safety"), Member(), NOON, AsTemplate("t")),
        # quiet hours
        (notice("reminder"), ALL, NIGHT, Wait(MORNING, "quiet hours")),
        (notice("reminder", expires=MORNING), ALL, NIGHT, Drop("expires before quiet hours end")),
        (notice("safety"), ALL, NIGHT, Wait(MORNING, "quiet hours")),
        (notice("safety", level="less-urgent"), ALL, NIGHT, Wait(MORNING, "quiet hours")),
        (notice("safety", level="urgent"), ALL, NIGHT, AsTemplate("t")),
        (notice("authorization"), ALL, NIGHT, Wait(MORNING, "quiet hours")),
        (notice("authorization", urgent=True), ALL, NIGHT, AsTemplate("t")),
        (notice("appointment", urgent=True), ALL, NIGHT, AsTemplate("t")),
        (notice("answer"), ALL, NIGHT, AsTemplate("t")),
        # how often
        (notice("wellness"), replace(ALL, sent=[reminded(hours=23)]), NOON,
         Wait(NOON + timedelta(hours=1), "pauses between notices")),
        (notice("wellness"), replace(ALL, sent=[reminded(days=n) for n in (2, 3, 4)]), NOON,
         Wait(NOON + timedelta(days=3), "pauses between notices")),
        (notice("authorization"), replace(ALL, sent=[reminded(hours=1)]), NOON, AsTemplate("t")),
        (notice("reminder"), replace(ALL, sent=[Sent("authorization", "u", NOON)] * 9), NOON, AsTemplate("t")),
        (notice("authorization"), replace(ALL, sent=[Sent("authorization", "t", NOON - timedelta(hours=2))]), NOON,
         Wait(NOON + timedelta(hours=22), "pauses between equal notices")),
        # what the channel said
        (notice("reminder"), replace(ALL, held_until=NOON + timedelta(hours=3)), NOON,
         Wait(NOON + timedelta(hours=3), "the channel's pauses")),
        (notice("safety"), replace(ALL, held_until=NOON + timedelta(hours=3)), NOON, AsTemplate("t")),
        (notice("safety"), replace(ALL, unreachable_until=FOREVER), NOON, Telephone("not reached by the channel")),
        (notice("reminder"), replace(ALL, unreachable_until=FOREVER), NOON, Drop("not reached by the channel")),
        # nothing stands before an emergency
        (notice("safety", level="emergency", expires=NOON - timedelta(days=1)), Member(), NIGHT, AsTemplate("t")),
        (notice("answer", level="emergency"), WROTE, at("2026-03-10 12:30"), Free()),
    ],
)  # fmt: skip
def test_decisions(given_notice: Notice, member: Member, now: datetime, found: Decision) -> None:
    assert decide(given_notice, member, now, holiday) == found


@pytest.mark.parametrize(
    ("now", "is_quiet", "ends"),
    [
        ("2026-03-10 07:59", True, "2026-03-10 08:00"),
        ("2026-03-10 08:00", False, None),
        ("2026-03-10 19:59", False, None),
        ("2026-03-10 20:00", True, "2026-03-11 08:00"),
        ("2026-03-14 21:00", True, "2026-03-16 08:00"),  # Saturday evening: over Sunday
        ("2026-03-15 12:00", True, "2026-03-16 08:00"),
        ("2026-04-21 12:00", True, "2026-04-22 08:00"),  # a holiday
        ("2026-04-20 22:00", True, "2026-04-22 08:00"),
    ],
)
def test_quiet_hours(now: str, is_quiet: bool, ends: str | None) -> None:
    assert quiet(at(now), ZONE.key, holiday) is is_quiet
    if ends:
        assert wakes(at(now), ZONE.key, holiday) == at(ends)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(["America/Sao_Paulo", "America/Manaus", "America/Noronha"]),
)
def test_after_quiet_hours_it_is_not_quiet(now: datetime, zone: str) -> None:
    moment = now.replace(tzinfo=UTC)
    if quiet(moment, zone, holiday):
        end = wakes(moment, zone, holiday)
        assert end > moment
        assert not quiet(end, zone, holiday)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))
SENT = st.builds(Sent, st.sampled_from(list(CATEGORIES)), st.sampled_from(["t", "u", None]), MOMENTS)
MEMBERS = st.builds(
    Member,
    granted=st.frozensets(st.sampled_from(["reminders", "wellness", "healthpoints"])),
    wrote=st.none() | MOMENTS, held_until=st.none() | MOMENTS, sent=st.lists(SENT, max_size=8),
)  # fmt: skip
NOTICES = st.builds(
    Notice, st.sampled_from(list(CATEGORIES)), MOMENTS, st.sampled_from(["t", None]),
    st.sampled_from([None, "emergency", "very-urgent", "urgent", "less-urgent", "non-urgent"]), st.booleans(),
)  # fmt: skip


@given(NOTICES, MEMBERS, MOMENTS)
def test_an_emergency_waits_for_nothing(made: Notice, member: Member, now: datetime) -> None:
    found = decide(made, member, now, holiday)
    if made.level in UNSTOPPABLE:
        assert not isinstance(found, Wait)
        assert not (isinstance(found, Drop) and found.reason != "nobody wrote for a day, and there is no template")


@given(NOTICES, MEMBERS, MOMENTS)
def test_waiting_ends(made: Notice, member: Member, now: datetime) -> None:
    """Whoever waits waits for a time that comes, before the notice expires, and nobody is asked again for ever."""
    for _ in range(12):
        found = decide(made, member, now, holiday)
        if not isinstance(found, Wait):
            return
        assert now < found.until < made.expires
        now = found.until
    raise AssertionError("it never ends")


@given(NOTICES, MEMBERS, MOMENTS)
def test_nothing_goes_against_a_no(made: Notice, member: Member, now: datetime) -> None:
    purpose = CATEGORIES[made.category].purpose
    if made.level not in UNSTOPPABLE and purpose != "care-messages" and purpose not in member.granted:
        assert isinstance(decide(made, member, now, holiday), Drop)


def test_what_goes_first() -> None:
    made = [notice("wellness"), notice("answer"), notice("reminder", level="emergency"), notice("authorization")]
    assert [one.category for one in first(made)] == ["reminder", "answer", "authorization", "wellness"]
