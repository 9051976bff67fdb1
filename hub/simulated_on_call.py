"""`hub simulate oncall`: whoever is on call, on a socket of this machine; prints each page as it comes."""

from __future__ import annotations

import asyncio
import secrets
import signal
from typing import Any

from simulators.on_call import OnCall, serving


def run(port: int) -> int:
    """Serves it until it is interrupted; the exit code. Raises OSError."""
    asyncio.run(_run(OnCall(secrets.token_urlsafe(32), _came), port))
    return 0


async def _run(on_call: OnCall, port: int) -> None:
    ended = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, ended.set)
    async with serving(on_call, port) as url:
        print(_told(on_call, url), flush=True)
        await ended.wait()


def _came(page: Any) -> None:
    print(f"{page['at']}  {page['reason']:<10} {page['priority']:<8} {page['desk']:<10} {page['link']}", flush=True)


def _told(on_call: OnCall, url: str) -> str:
    return f"""Whoever is on call, simulated. A hub is set to it by:

  HUB_ONCALL_URL={url}/pages
  HUB_ONCALL_SECRET={on_call.secret}

It refuses when told: POST {url}/_simulador/problemas {{"status": 503, "times": 2}}
GET {url}/_simulador tells what came.

Ctrl-C ends it. Pages follow."""
