"""Notices, when they are sent: consent, hours and frequency as they are then. The test moves the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from care_services.consent import Consented, changed, consent
from care_services.delivery.quiet import SUNDAY
from hub.whatsapp.again import Looks
from hub.whatsapp.calendar import calendar
from hub.whatsapp.trying import written
from tests.hub.whatsapp.channel import SYSTEMS, Channel


def workday() -> datetime:
    """The next noon in São Paulo, at 15:00 UTC, of a day on which people are written to, as on the day after it."""
    off, day = calendar(()), datetime.now(UTC).replace(hour=15, minute=0, second=0) + timedelta(days=1)
    while any(off(one.date()) or one.weekday() == SUNDAY for one in (day, day + timedelta(days=1))):
        day += timedelta(days=1)
    return day


@pytest.fixture(autouse=True)
def noon(channel: Channel) -> None:
    channel.clock.ahead = workday() - datetime.now(UTC)
    channel.phone = f"551798{channel.phone[-7:]}"


async def says(channel: Channel, purpose: str, granted: bool, phone: str = "") -> None:
    """By the channel or an app, somebody who has this telephone."""
    named = {"system": SYSTEMS.sid("telefone"), "value": phone or channel.phone}
    after = changed(Consented(), [purpose], granted, channel.clock())
    own = f"{named['value']}:{channel.clock().timestamp()}"
    said = await channel.record.create({"resourceType": "Communication", "status": "completed"})
    told = f"Communication/{said['id']}"
    entry = consent(after, own, {"identifier": named}, named["value"], told, "urn:t", SYSTEMS, channel.clock())
    await written(channel.record, [entry])


async def due(channel: Channel) -> None:
    looks = Looks(channel.settings, channel.sending, channel.clock)
    await looks.due()


async def asked(channel: Channel, category: str = "reminder", text: str = "Consulta amanhã", **more: object) -> str:
    reference = await channel.asks(text, category=category, wrote=False, **more)  # type: ignore[arg-type]
    await channel.sending.send(reference)
    await due(channel)
    return reference


async def test_consent_is_what_it_is_when_a_notice_is_sent(channel: Channel) -> None:
    nothing = await asked(channel)
    request = await channel.request(nothing)
    assert (request["status"], request["statusReason"]["text"]) == ("revoked", "no consent to reminders")
    await says(channel, "reminders", True)
    tomorrow = await asked(channel, occurrenceDateTime=(channel.clock() + timedelta(hours=20)).isoformat())
    channel.clock.passes(3600)
    await says(channel, "reminders", False)
    channel.clock.passes(20 * 3600)
    await due(channel)
    assert (await channel.request(tomorrow))["status"] == "revoked"
    assert channel.heard() == []
    await says(channel, "reminders", True)
    assert (await channel.request(await asked(channel)))["status"] == "completed"
    assert len(channel.heard()) == 1


async def test_a_yes_by_the_number_without_its_ninth_digit_is_one(channel: Channel) -> None:
    await says(channel, "reminders", True, f"5517{channel.phone[5:]}")
    await asked(channel)
    assert len(channel.heard()) == 1


async def test_a_stop_on_the_channel_is_a_no_to_what_it_was_about(channel: Channel) -> None:
    await says(channel, "wellness", True)
    await says(channel, "reminders", True)
    channel.trouble("failed", 131050)
    channel.clock.passes(60)
    stopped = await asked(channel, "wellness")
    await channel.told()
    assert (await channel.request(stopped))["status"] == "revoked"
    channel.clock.passes(25 * 3600)
    after = await asked(channel, "wellness")
    assert (await channel.request(after))["statusReason"]["text"] == "no consent to wellness"
    await asked(channel)
    assert [one["template"]["name"] for one in channel.heard()] == ["austa_wellness_v1", "austa_reminder_v1"]


async def test_one_a_day_the_more_important_first_and_none_is_lost(channel: Channel) -> None:
    for purpose in ("reminders", "wellness"):
        await says(channel, purpose, True)
    later, first = [
        await channel.asks(category=category, wrote=False) for category in ("wellness", "reminder")
    ]  # fmt: skip
    for one in (later, first):
        await channel.sending.send(one)
    assert channel.heard() == []  # only where nobody else sends them anything meanwhile
    await due(channel)
    assert ((await channel.request(first))["status"], (await channel.request(later))["status"]) == (
        "completed",
        "active",
    )
    assert 23.9 * 3600 < channel.seconds(await channel.request(later)) <= 24 * 3600
    assert len(channel.heard()) == 1


@pytest.mark.parametrize("category", ["authorization", "reminder"])
async def test_at_night_it_waits_for_the_morning_each_for_its_own_moment(channel: Channel, category: str) -> None:
    await says(channel, "reminders", True)
    channel.clock.passes(10 * 3600)  # 22:00
    waits = await asked(channel, category)
    assert channel.heard() == []
    waiting = await channel.request(waits)
    assert 10 * 3600 - 60 < channel.seconds(waiting) < 10.5 * 3600
    channel.clock.passes(channel.seconds(waiting) + 1)
    await due(channel)
    assert len(channel.heard()) == 1
    assert (await channel.request(waits))["status"] == "completed"


async def test_it_is_night_where_the_member_lives(channel: Channel) -> None:
    channel.phone = f"5568{channel.phone[4:]}"  # Acre, two hours behind
    await says(channel, "reminders", True)
    channel.clock.passes(9 * 3600)  # 21:00 in São Paulo
    await asked(channel)
    assert len(channel.heard()) == 1


async def test_what_expires_by_the_morning_is_not_done_and_whoever_planned_it_is_told(channel: Channel) -> None:
    await says(channel, "reminders", True)
    channel.clock.passes(10 * 3600)
    until = (channel.clock() + timedelta(hours=2)).isoformat()
    extension = [{"url": SYSTEMS.extension("vale-ate"), "valueInstant": until}]
    request = await channel.request(await asked(channel, extension=extension))
    assert (request["status"], request["statusReason"]["text"]) == ("revoked", "expires before quiet hours end")


async def test_two_decisions_on_one_day_are_both_told_and_the_same_one_is_not_repeated(channel: Channel) -> None:
    def slot(protocol: str) -> list[dict[str, object]]:
        parts = [{"url": "nome", "valueString": "protocol"}, {"url": "valor", "valueString": protocol}]
        return [{"url": SYSTEMS.extension("vaga"), "extension": parts}]

    for protocol in ("1", "2"):
        await asked(channel, "authorization", f"pedido {protocol}", extension=slot(protocol))
    assert len(channel.heard()) == 2
    await asked(channel, "authorization", "pedido 2", extension=slot("2"))
    assert len(channel.heard()) == 2


@pytest.mark.parametrize(
    ("day", "off"),
    [
        (date(2029, 4, 21), True), (date(2029, 11, 20), True), (date(2029, 3, 30), True), (date(2029, 3, 19), True),
        (date(2030, 3, 19), True), (date(2029, 7, 9), False), (date(2030, 8, 16), True), (date(2029, 8, 16), False),
    ],
)  # fmt: skip
def test_holidays_are_the_nations_and_the_sites_own(day: date, off: bool) -> None:
    assert calendar(("03-19", "2030-08-16"))(day) is off
