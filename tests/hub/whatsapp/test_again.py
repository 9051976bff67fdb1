"""What is looked at again: messages that are due, and those of an emergency that were not sent in 20 seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.whatsapp.again import Looks, Step, step
from mappings.whatsapp.sends import FAILED, Send
from tests.hub.whatsapp.channel import Channel

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LINE = "100000000000001"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def begun(seconds: float, number: int = 1, *, failed: bool = False) -> Send:
    return Send(number, LINE, after(seconds), at={FAILED: after(seconds + 1)} if failed else {})


@pytest.mark.parametrize(
    ("planned", "every", "moment", "found"),
    [
        (None, [], 19, Step.NOTHING),
        (None, [], 20, Step.AGAIN),
        (None, [begun(0)], 19, Step.NOTHING),
        (None, [begun(0)], 21, Step.AGAIN),
        (None, [begun(0, failed=True)], 21, Step.AGAIN),
        (None, [begun(0), begun(21, 2)], 25, Step.NOTHING),
        (None, [begun(0), begun(21, 2, failed=True)], 25, Step.TELEPHONE),
        (None, [begun(0), begun(21, 2)], 41, Step.TELEPHONE),
        (None, [begun(21)], 41, Step.TELEPHONE),
        (7200, [], 60, Step.NOTHING),
        (7200, [], 7221, Step.AGAIN),
        (5, [begun(0, failed=True)], 19, Step.NOTHING),
        (5, [begun(0, failed=True)], 20, Step.AGAIN),
        (26, [begun(0, failed=True), begun(20, 2, failed=True)], 22, Step.TELEPHONE),
    ],
)
def test_step(planned: float | None, every: Sequence[Send], moment: float, found: Step) -> None:
    request: dict[str, Any] = {"authoredOn": NOW.isoformat()}
    if planned is not None:
        request["occurrenceDateTime"] = after(planned).isoformat()
    assert step(request, every, after(moment)) == found


def looks(channel: Channel) -> Looks:
    return Looks(channel.settings, channel.sending, channel.clock)


async def test_what_is_due_is_sent(channel: Channel) -> None:
    channel.trouble("error", 131000)
    asked = await channel.asks()
    later = await channel.asks(occurrenceDateTime=(channel.clock() + timedelta(hours=1)).isoformat())
    no_text = [{"contentReference": {"display": "nothing to be written"}}]
    broken = await channel.asks(payload=no_text, occurrenceDateTime=channel.clock().isoformat())
    for one in (asked, later):
        await channel.sending.send(one)
    assert channel.heard() == []
    look = looks(channel)
    await look.due()
    assert channel.heard() == []
    channel.clock.passes(6)
    await look.due()
    assert len(channel.heard()) == 1
    assert (await channel.request(later))["status"] == "active"
    channel.clock.passes(3600)
    await look.due()
    assert len(channel.heard()) == 2
    assert (await channel.request(broken))["status"] == "active"


async def test_an_emergency_that_is_not_sent_is_tried_again_and_telephoned(channel: Channel) -> None:
    channel.clock.stops()
    channel.trouble("no-status", times=2)
    asked = await channel.asks("Ligue 192", priority="stat")
    calm = await channel.asks("Bom dia")
    look = looks(channel)
    for one in (asked, calm):
        await channel.sending.send(one)
    await channel.told()
    for seconds, heard, tasks in ((19, 2, 0), (2, 3, 0), (10, 3, 0), (11, 3, 1), (60, 3, 1)):
        channel.clock.passes(seconds)
        await look.watch()
        assert len(channel.heard()) == heard
        assert len(await channel.tasks(asked)) == tasks
    [task] = await channel.tasks(asked)
    assert (task["priority"], task["input"][0]["valueString"]) == ("stat", f"+{channel.phone}")
    assert await channel.tasks(calm) == []
    lines = {one.number for one in channel.account.lines[channel.phone] if not one.mine}
    assert len(lines) == 1


@pytest.mark.parametrize("priority", ["stat", "asap"])
async def test_an_emergency_that_cannot_be_sent_is_telephoned_at_once(channel: Channel, priority: str) -> None:
    channel.trouble("error", 131026)
    asked = await channel.asks(priority=priority)
    await channel.sending.send(asked)
    [task] = await channel.tasks(asked)
    assert task["priority"] == "stat"


async def test_an_emergency_that_nobody_has_sent_is_sent_by_the_watch(channel: Channel) -> None:
    asked = await channel.asks(priority="asap")
    channel.clock.passes(21)
    await looks(channel).watch()
    await channel.told()
    assert len(channel.heard()) == 1
    assert (await channel.request(asked))["status"] == "completed"
