"""A request ends with its deadline or its client, and otherwise as it would."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from fhir_server import patience
from fhir_server.patience import Ended, Patience, Watch

pytestmark = pytest.mark.alone


class Client:
    """The receiving side of a connection whose client may leave."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "GRACE", 0.01)


async def test_what_ends_in_time_is_left_alone() -> None:
    with Patience(Watch(), Client().receive, 60) as watched:
        await asyncio.sleep(0.05)
    assert watched.ended is None
    await asyncio.sleep(0)  # nothing is cancelled afterwards


async def test_the_deadline_ends_it() -> None:
    with Patience(Watch(), Client().receive, 0.05) as watched:
        await asyncio.sleep(60)
    assert watched.ended is Ended.LATE
    await asyncio.sleep(0)


async def test_a_client_that_leaves_ends_it() -> None:
    client = Client()
    asyncio.get_running_loop().call_later(0.03, client.gone.set)
    with Patience(Watch(), client.receive, 60) as watched:
        await asyncio.sleep(60)
    assert watched.ended is Ended.LEFT


async def test_its_own_errors_pass() -> None:
    async def fail() -> None:
        with Patience(Watch(), Client().receive, 60):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_being_cancelled_by_others_passes() -> None:
    async def work() -> None:
        with Patience(Watch(), Client().receive, 60):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_watch_serves_those_that_came_at_other_times() -> None:
    """Each by its own deadline; those that are over leave nothing behind."""
    watch, ended = Watch(), dict[int, tuple[Ended | None, float]]()
    loop = asyncio.get_running_loop()

    async def work(number: int, seconds: float) -> None:
        begun = loop.time()
        with Patience(watch, Client().receive, 0.1) as watched:
            await asyncio.sleep(seconds)
        ended[number] = watched.ended, loop.time() - begun

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(work(number, 60 if number % 2 else 0.002 * number))
            await asyncio.sleep(0.005)
    for number, (why, seconds) in ended.items():
        assert why is (Ended.LATE if number % 2 else None)
        assert seconds >= 0.1 or not number % 2
    assert not watch._young


@pytest.mark.parametrize("deadline", [60, 0.05])
async def test_what_has_ended_is_freed_at_once(deadline: float) -> None:
    """Without the garbage collector, which under load comes to what outlived one of its visits after hours only."""

    async def work() -> weakref.ref[Patience]:
        with Patience(Watch(), Client().receive, deadline) as watched:
            await asyncio.sleep(0.1)
        return weakref.ref(watched)

    gc.collect()
    gc.disable()
    try:
        ended = await asyncio.create_task(work())
        await asyncio.sleep(0.01)  # the watcher ends
        assert ended() is None
    finally:
        gc.enable()
