"""Lanes: how many calls go out, and whose."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.partner_errors import PartnerUnavailable
from adapters.tasy.lanes import BACKGROUND, BURST, INTERACTIVE, KEPT, RATE, SHARE, URGENT, Bucket, Lanes


def taken(bucket: Bucket, lane: int, now: float) -> int:
    """Calls that may go out at once."""
    count = 0
    while bucket.wait(lane, now) == 0:
        bucket.take(lane, now)
        count += 1
    return count


def test_a_fifth_is_kept_for_urgent_calls() -> None:
    bucket = Bucket(0)
    assert taken(bucket, INTERACTIVE, 0) == BURST * (1 - KEPT)
    assert taken(bucket, URGENT, 0) == BURST * KEPT


def test_background_has_a_share() -> None:
    bucket = Bucket(0)
    assert taken(bucket, BACKGROUND, 0) == BURST * SHARE
    assert taken(bucket, INTERACTIVE, 0) == BURST * (1 - KEPT - SHARE)
    assert bucket.wait(BACKGROUND, 0) >= 1 / (RATE * SHARE)


def test_nothing_goes_out_while_the_partner_wants_none() -> None:
    bucket = Bucket(0)
    bucket.hold(7)
    assert [bucket.wait(lane, 0) for lane in (URGENT, INTERACTIVE, BACKGROUND)] == [7, 7, 7]
    assert bucket.wait(URGENT, 7) == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 2)), max_size=300))
def test_never_more_than_is_allowed(asked: list[tuple[int, float]]) -> None:
    """In any minute at most a minute's rate and a burst; background at most its share; whoever waits as told may go."""
    bucket, now = Bucket(0), 0.0
    sent: list[tuple[float, int]] = []
    for lane, pause in asked:
        now += pause
        now += bucket.wait(lane, now)
        assert bucket.wait(lane, now) < 1e-6
        bucket.take(lane, now)
        sent.append((now, lane))
    for at, _ in sent:
        minute = [lane for moment, lane in sent if at <= moment < at + 60]
        assert len(minute) <= RATE * 60 + BURST <= 1010
        assert minute.count(BACKGROUND) <= (RATE * 60 + BURST) * SHARE + 1


async def test_urgent_calls_do_not_wait_behind_others() -> None:
    loop = asyncio.get_running_loop()
    lanes = Lanes(loop.time)
    waiting = [asyncio.create_task(lanes.turn(INTERACTIVE, loop.time() + 30)) for _ in range(60)]
    await asyncio.sleep(0.05)
    began = loop.time()
    for _ in range(int(BURST * KEPT)):
        await lanes.turn(URGENT, loop.time() + 30)
    assert loop.time() - began < 1
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_cannot_go_before_the_deadline_is_told_at_once_or_then() -> None:
    loop = asyncio.get_running_loop()
    lanes = Lanes(loop.time)
    lanes.hold(60)
    for lane in (URGENT, INTERACTIVE):
        with pytest.raises(PartnerUnavailable) as told:
            await lanes.turn(lane, loop.time() + 0.2)
        assert told.value.retry_after > 0
