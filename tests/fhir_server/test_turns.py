"""Turns: one at a time per key, nothing left behind."""

from __future__ import annotations

import asyncio

import pytest

from fhir_server.turns import Turns


async def test_one_at_a_time_per_key_in_order() -> None:
    turns, inside, most, order = Turns(), 0, 0, []

    async def work(number: int) -> None:
        nonlocal inside, most
        async with turns.turn("key"):
            inside += 1
            most = max(most, inside)
            order.append(number)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*map(work, range(20)))
    assert (most, order) == (1, list(range(20)))
    assert not turns._waiting


async def test_keys_do_not_wait_for_each_other() -> None:
    turns = Turns()
    async with turns.turn("a"):
        await asyncio.wait_for(turns.turn("b").__aenter__(), 1)


async def test_an_error_or_a_cancelled_wait_leaves_nothing() -> None:
    turns = Turns()

    async def wait() -> None:
        async with turns.turn("a"):
            pass

    async def fail() -> None:
        async with turns.turn("a"):
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert not turns._waiting


async def test_a_wait_cancelled_as_its_turn_comes_passes_it_on() -> None:
    turns, done = Turns(), []

    async def work(name: str) -> None:
        async with turns.turn("a"):
            done.append(name)

    holder = turns.turn("a")
    await holder.__aenter__()
    second, third = asyncio.create_task(work("second")), asyncio.create_task(work("third"))
    await asyncio.sleep(0)
    await holder.__aexit__(None, None, None)
    second.cancel()
    await asyncio.gather(second, third, return_exceptions=True)
    assert done == ["third"]
    assert not turns._waiting
