"""`hub simulate whatsapp`: the channel and somebody's telephone, on sockets of this machine, in the foreground."""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from simulators.whatsapp.installation import ACCOUNT, NUMBERS, Account
from simulators.whatsapp.serve import serving

PURPOSES = ("care", "service", "authorization", "appointments", "notices", "spare", "spare")
"""Of the simulated numbers, in their order."""


class Agreed(msgspec.Struct, frozen=True):
    """What a hub and the simulated channel have agreed."""

    token: str
    secret: str
    verify: str


def agreed(folder: Path) -> Agreed:
    """As a folder remembers it, made at the first time. Raises OSError, ValueError: the file is not what was made."""
    path = folder / "secrets.json"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return msgspec.json.decode(path.read_bytes(), type=Agreed)
    made = Agreed(*(secrets.token_urlsafe(32) for _ in range(3)))
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(made))
    return made


def variables(found: Agreed, url: str) -> Mapping[str, str]:
    """Settings of a hub that speaks with it. url: of the simulated API."""
    return {
        "HUB_WHATSAPP_URL": url,
        "HUB_WHATSAPP_TOKEN": found.token,
        "HUB_WHATSAPP_SECRET": found.secret,
        "HUB_WHATSAPP_VERIFY": found.verify,
        "HUB_WHATSAPP_ACCOUNT": ACCOUNT,
        "HUB_WHATSAPP_NUMBERS": ",".join(f"{use}={id}" for use, id in zip(PURPOSES, NUMBERS, strict=True)),
    }


def account(found: Agreed) -> Account:
    """One whose ids are other than those of any that was before."""
    return Account(found.token, found.secret, found.verify, first=time.time_ns() // 1000)


def run(folder: Path, port: int, webhook: str) -> int:
    """Serves it until it is interrupted; the exit code. webhook: of the hub. Raises OSError, ValueError."""
    asyncio.run(_run(agreed(folder), port, webhook))
    return 0


async def _run(found: Agreed, port: int, webhook: str) -> None:
    ended = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, ended.set)
    async with serving(account(found), webhook, port) as served:
        print(_told(found, served.url, webhook), flush=True)
        await ended.wait()


def _told(found: Agreed, url: str, webhook: str) -> str:
    settings = "\n".join(f"  {name}={shlex.quote(value)}" for name, value in variables(found, url).items())
    return f"""WhatsApp, simulated. A telephone to write with: {url}/

What is written goes to {webhook}; a hub there is set to it by:

{settings}

Ctrl-C ends it."""
