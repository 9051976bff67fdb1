"""A red flag while the record is away: the process pages by itself, over a socket."""

from __future__ import annotations

import asyncio

from hub.desk.away import Away
from hub.settings import Settings
from simulators.on_call import OnCall, serving

SECRET = "s" * 32


async def test_whoever_is_on_call_is_told_once_a_minute_and_until_it_is_taken() -> None:
    on_call = OnCall(SECRET)
    async with serving(on_call) as url:
        away = Away(Settings(oncall_url=f"{url}/pages", oncall_secret=SECRET))
        await away.start()
        on_call.wrong = [503]
        for _ in range(5):
            away()
        async with asyncio.timeout(20):
            while not on_call.pages:  # noqa: ASYNC110 - the simulator has no event for it
                await asyncio.sleep(0.05)
        await away.stop()
    assert on_call.refused == [503]
    [page] = on_call.pages
    assert (page["reason"], page["priority"], page["task"]) == ("record-away", "stat", None)


async def test_a_page_of_somebody_else_is_not_taken() -> None:
    on_call = OnCall(SECRET)
    async with serving(on_call) as url:
        away = Away(Settings(oncall_url=f"{url}/pages", oncall_secret="another"))
        await away.start()
        away()
        async with asyncio.timeout(20):
            while not on_call.refused:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await away.stop()
    assert on_call.refused[0] == 401
    assert on_call.pages == []
