"""`hub simulate sms`: an SMS gateway on a socket of this machine; prints each message as it comes."""

from __future__ import annotations

import asyncio
import secrets
import signal
from typing import Any

from simulators.sms import Gateway, serving


def run(port: int) -> int:
    """Serves it until it is interrupted; the exit code. Raises OSError."""
    asyncio.run(_run(Gateway(secrets.token_urlsafe(32), _came), port))
    return 0


async def _run(gateway: Gateway, port: int) -> None:
    ended = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, ended.set)
    async with serving(gateway, port) as url:
        print(_told(gateway, url), flush=True)
        await ended.wait()


def _came(message: Any) -> None:
    print(f"{message['to']}  {message['text']}", flush=True)


def _told(gateway: Gateway, url: str) -> str:
    return f"""An SMS gateway, simulated. A hub is set to it by:

  HUB_SMS_URL={url}/messages
  HUB_SMS_TOKEN={gateway.token}

It refuses when told: POST {url}/_simulador/problemas {{"status": 503, "times": 2}}
GET {url}/_simulador tells what came.

Ctrl-C ends it. Messages follow."""
