"""Admission: counts down again, whatever happened, and never refuses a lone request."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from fhir_server import admission as module
from fhir_server.admission import Admission, Busy

pytestmark = pytest.mark.alone


def test_requests_beyond_the_limit_are_refused_until_one_ends() -> None:
    admission = Admission(2, 100)
    with admission.place(0) as first:
        first.begin()
        with admission.place(0) as second:
            second.begin()
            with pytest.raises(Busy), admission.place(0):
                pass
        with admission.place(0) as third:
            third.begin()


def test_bytes_beyond_the_limit_are_refused_unless_alone() -> None:
    admission = Admission(10, 100)
    with admission.place(1000), pytest.raises(Busy), admission.place(1):
        pass
    with admission.place(60), pytest.raises(Busy), admission.place(60):
        pass


def test_requests_whose_bodies_are_still_to_come_take_nobody_s_place() -> None:
    admission = Admission(1, 100)
    with admission.place(10) as slow, admission.place(10) as slower:
        with admission.place(0) as quick:
            quick.begin()
        slow.begin()
        with pytest.raises(Busy):
            slower.begin()
    with admission.place(0) as later:
        later.begin()


def test_a_failed_request_gives_its_place_back() -> None:
    admission = Admission(1, 100)
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError), admission.place(50) as place:
            place.begin()
            raise ZeroDivisionError


async def work(admission: Admission, begun: list[int], number: int, end: asyncio.Event) -> None:
    with admission.place(0) as place:
        if not place.begin():
            await place.turn()
        begun.append(number)
        await end.wait()


async def keep_busy(until: asyncio.Event) -> None:
    while not until.is_set():
        time.sleep(0.02)  # noqa: ASYNC251 - what makes the turns long
        await asyncio.sleep(0)


async def test_a_busy_process_works_on_so_many_together_and_then_on_the_next_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 2)
    admission, begun, over = Admission(10, 0), list[int](), asyncio.Event()
    ends = [asyncio.Event() for _ in range(5)]
    busy = asyncio.create_task(keep_busy(over))
    await asyncio.sleep(0.1)
    tasks = [asyncio.create_task(work(admission, begun, number, end)) for number, end in enumerate(ends)]
    await asyncio.sleep(0.3)
    assert begun == [0, 1]
    tasks[2].cancel()  # who left is passed over
    ends[0].set()
    await asyncio.sleep(0.3)
    assert begun == [0, 1, 3]
    for end in ends:
        end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    over.set()
    await busy
    assert begun == [0, 1, 3, 4]
    assert (admission.requests, admission.working) == (0, 0)


async def test_a_process_with_time_to_spare_begins_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER", 2)
    admission, begun, end = Admission(10, 0), list[int](), asyncio.Event()
    tasks = [asyncio.create_task(work(admission, begun, number, end)) for number in range(9)]
    async with asyncio.timeout(10):
        while len(begun) < 9:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
    assert begun == list(range(9))
    end.set()
    await asyncio.gather(*tasks)
    assert (admission.requests, admission.working) == (0, 0)


async def test_who_waits_for_somebody_else_keeps_nobody_from_being_worked_on() -> None:
    admission, back = Admission(1000, 100), asyncio.Event()
    over: list[int] = []

    async def waits(number: int) -> None:
        with admission.place(0) as place:
            if not place.begin():
                await place.turn()
            async with place.aside():
                await back.wait()
            over.append(number)

    tasks = [asyncio.create_task(waits(number)) for number in range(3 * module.TOGETHER)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert admission.working == 0
    with admission.place(0) as place:
        assert place.begin()
    back.set()
    await asyncio.gather(*tasks)
    assert len(over) == 3 * module.TOGETHER
    assert (admission.working, admission.requests) == (0, 0)


async def test_who_fails_aside_gives_its_place_back() -> None:
    admission = Admission(2, 100)
    with contextlib.suppress(ZeroDivisionError), admission.place(0) as place:
        place.begin()
        async with place.aside():
            raise ZeroDivisionError
    assert (admission.working, admission.requests) == (0, 0)


async def test_who_leaves_lets_the_next_in_and_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER", 1)
    monkeypatch.setattr(module, "SHORT_TURN", -1.0)
    admission, begun, end = Admission(10, 100), list[int](), asyncio.Event()

    async def waits(number: int) -> None:
        with admission.place(0) as place:
            if not place.begin():
                await place.turn()
            begun.append(number)
            place.leave()
            place.leave()
            await end.wait()

    tasks = [asyncio.create_task(waits(number)) for number in range(5)]
    async with asyncio.timeout(10):
        while len(begun) < 5:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
    assert (admission.requests, admission.working) == (5, 0)
    end.set()
    await asyncio.gather(*tasks)
    assert (admission.requests, admission.working) == (0, 0)
