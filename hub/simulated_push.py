"""`hub simulate push`: a push service on a socket of this machine; prints what a browser would show as it comes."""

from __future__ import annotations

import asyncio
import signal

from hub.push_key import subscribed_with
from hub.settings import Settings, with_variables
from simulators.push_service import Pushed, PushService, serving

CONTACT = "mailto:avisos@austa.example"


def run(settings: Settings, port: int) -> int:
    """Serves it until it is interrupted; the exit code. Raises OSError, KeyUnusable."""
    key = subscribed_with(with_variables(settings, {"HUB_PUSH_CONTACT": settings.push_contact or CONTACT}))
    assert key is not None  # there is a contact
    asyncio.run(_run(PushService(_came), port, key))
    return 0


async def _run(service: PushService, port: int, key: str) -> None:
    ended = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, ended.set)
    async with serving(service, port) as url:
        print(_told(url, key), flush=True)
        await ended.wait()


def _came(pushed: Pushed) -> None:
    print(f"{pushed.browser[:8]}  {pushed.urgency}  {pushed.ttl} s  {pushed.text}", flush=True)


def _told(url: str, key: str) -> str:
    return f"""A push service, simulated. A hub is set to it by:

  HUB_PUSH_CONTACT={CONTACT}
  HUB_OUTBOUND_SCHEMES=http,https
  HUB_OUTBOUND_LOOPBACK=true

A browser of it, subscribed with this hub's key, for Patient/[id]/$browser-on (endpoint, key: p256dh, secret: auth):

  curl -d '{{"key": "{key}"}}' {url}/_simulador/navegadores

It refuses when told: POST {url}/_simulador/problemas {{"status": 410}}
GET {url}/_simulador tells what came.

Ctrl-C ends it. Messages follow."""
