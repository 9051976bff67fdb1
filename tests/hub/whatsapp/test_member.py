"""Whom the channel does not reach is not tried again for a week; what it holds back waits a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.whatsapp.member import Asked, member, of
from tests.hub.whatsapp.channel import CARE, SYSTEMS, Channel

pytestmark = pytest.mark.usefixtures("awake")

DAY = 86_400


async def test_unreachable_for_a_week(channel: Channel) -> None:
    channel.trouble("error", 131026)
    first = await channel.asks(category="authorization", wrote=False)
    await channel.sending.send(first)
    channel.clock.passes(6 * DAY)
    second = await channel.asks(category="authorization", wrote=False)
    await channel.sending.send(second)
    assert channel.heard() == []
    assert [len(await channel.tasks(one)) for one in (first, second)] == [1, 1]
    assert [one["description"] for one in await channel.tasks(second)] == ["not reached by the channel"]
    answer = await channel.asks("Oi")  # who writes is there
    await channel.sending.send(answer)
    await channel.told()
    third = await channel.asks(category="authorization", wrote=False)
    await channel.sending.send(third)
    assert len(channel.heard()) == 2


async def test_what_is_known_of_somebody(channel: Channel) -> None:
    async def known() -> object:
        request = await channel.request(await channel.asks(category="wellness", wrote=False))
        asked = Asked(channel.record, SYSTEMS, "America/Sao_Paulo")
        found = await member(asked, request, CARE, {}, channel.clock())
        hold = None if found.held_until is None else round((found.held_until - channel.clock()) / timedelta(hours=1))
        return found.wrote is not None, hold, {one.category: one.template for one in found.sent}

    assert await known() == (False, None, {})
    channel.trouble("error", 131049)
    for category, wrote in (("safety", False), ("authorization", False), ("answer", True)):
        await channel.sending.send(await channel.asks(category=category, wrote=wrote))
    await channel.told()
    assert await known() == (
True, 24, {"authorization": "austa_authorization_plain_v1", "answer": None},
    )  # fmt: skip


def test_nothing_is_known_of_nobody() -> None:
    found = of([], SYSTEMS)
    assert (found.unreachable_until, found.held_until, found.sent) == (None, None, [])
