"""The simulated WhatsApp and on-call webhook beside `hub serve`, so that whoever starts it can write to it.

Never in production: the command refuses it there.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.beside import beside
from hub.logs import configure_logs
from hub.settings import Settings, with_variables
from hub.simulated_whatsapp import Agreed, account, agreed, variables
from simulators import on_call
from simulators.on_socket import bound
from simulators.whatsapp.serve import serving

PORTS = (8090, 8092)
"""Of the telephone and of the on-call webhook, where they are free."""
_log = logging.getLogger("hub.simulated-channels")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Secrets, and sockets that are bound."""

    agreed: Agreed
    pages: str
    """Secret of the on-call webhook."""
    telephone: socket.socket
    webhook: socket.socket

    @property
    def url(self) -> str:
        """Of the page that is a telephone."""
        return _url(self.telephone)


@contextmanager
def prepared(settings: Settings) -> Iterator[tuple[Prepared, Settings]]:
    """Secrets and sockets, and the settings of a hub that speaks with them. Raises OSError, ValueError."""
    with bound(PORTS[0]) as telephone, bound(PORTS[1]) as webhook:
        found = Prepared(
            agreed(settings.data / "whatsapp"), secrets.token_urlsafe(32), telephone, webhook
        )  # fmt: skip
        told = dict(variables(found.agreed, found.url))
        if settings.oncall_url is None:
            told |= {"HUB_ONCALL_URL": f"{_url(webhook)}/pages", "HUB_ONCALL_SECRET": found.pages}
        yield found, with_variables(settings, told)


@contextmanager
def simulated_channels(settings: Settings, found: Prepared) -> Iterator[None]:
    """Keeps them going as long as the block, in a process of its own."""
    with beside("hub-simulated-channels", __name__, settings, found):
        yield


def run(settings: Settings, found: Prepared) -> None:
    """Serves them until SIGTERM; each page to whoever is on call becomes a line of the log."""
    configure_logs(settings.log_level)
    asyncio.run(_run(settings, found))


async def _run(settings: Settings, found: Prepared) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    paged = on_call.OnCall(found.pages, lambda page: _log.warning("on call is paged: %s", page))
    # Copies: a process that takes the place of this one is given the same sockets.
    async with (
        serving(account(found.agreed), settings.whatsapp_webhook, found.telephone.dup()),
        on_call.serving(paged, found.webhook.dup()),
    ):
        await ended.wait()


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
