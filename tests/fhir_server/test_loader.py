"""Reads share queries; one that leaves or fails takes no other along."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fhir_server.loader import Loader


async def test_a_lone_read_goes_at_once_and_those_that_wait_go_together() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def fetch(keys: Sequence[int]) -> dict[int, int]:
        batches.append(list(keys))
        await gate.wait()
        return {key: key * 10 for key in keys if key != 3}

    loader = Loader(fetch, slots=1)
    first = asyncio.create_task(loader.load(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(loader.load(key)) for key in (2, 3, 2)]
    await asyncio.sleep(0)
    gate.set()
    assert [await first, *[await task for task in rest]] == [10, 20, None, 20]
    assert batches == [[1], [2, 3]]


async def test_failure_reaches_everybody_who_waited_and_nobody_after() -> None:
    calls = 0

    async def fetch(keys: Sequence[int]) -> dict[int, int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("broken")
        return dict.fromkeys(keys, 1)

    loader = Loader(fetch)
    for answer in await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True):
        assert isinstance(answer, ValueError)
    assert await loader.load(1) == 1


async def test_a_reader_that_leaves_does_not_end_the_others() -> None:
    gate = asyncio.Event()

    async def fetch(keys: Sequence[int]) -> dict[int, int]:
        await gate.wait()
        return dict.fromkeys(keys, 7)

    loader = Loader(fetch)
    leaver, stayer = asyncio.create_task(loader.load(1)), asyncio.create_task(loader.load(1))
    await asyncio.sleep(0)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    gate.set()
    assert await stayer == 7


async def test_a_key_that_comes_as_the_work_ends_is_not_forgotten() -> None:
    """Between the end of a worker and the callbacks of its task others run: they must find its slot free."""
    loop = asyncio.get_running_loop()
    late: list[asyncio.Future[int | None]] = []

    def come() -> None:
        late.append(loader.load(2).send(None))  # up to where it waits, without a turn of the loop

    async def fetch(keys: Sequence[int]) -> dict[int, int]:
        if 1 in keys:
            loop.call_soon(loop.call_soon, come)
            await asyncio.sleep(0)
        return {key: key for key in keys}

    loader = Loader(fetch, slots=1)
    assert await loader.load(1) == 1
    for _ in range(10):
        await asyncio.sleep(0)
    assert late[0].done()
