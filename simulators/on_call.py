"""Whoever is on call, simulated: a webhook that checks signatures, tells pages by their keys, and refuses on demand.

`GET /_simulador` tells what came; `POST /_simulador/problemas` {"status": 503, "times": 2} what goes wrong next:
a status, or "hang-up".
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from simulators.hanging_up import HangUp
from simulators.on_socket import on_socket

Json = Any

SKEW = 300
"""Seconds by which a page may be older or newer than the clock here."""


class _Wrong(msgspec.Struct):
    status: int | str
    times: int = 1


@dataclass
class OnCall:
    """What came, and what goes wrong next."""

    secret: str
    told: Callable[[Json], None] = lambda page: None
    """Called with each page that is taken."""
    pages: list[Json] = field(default_factory=list)
    """As they were taken, in order; repeats too."""
    refused: list[int] = field(default_factory=list)
    """Statuses of those that were not."""
    wrong: list[int | str] = field(default_factory=list)

    def taken(self, headers: Any, body: bytes) -> int:
        """The status of the answer to a page. Raises HangUp."""
        if self.wrong:
            status = self.wrong.pop(0)
            if status == "hang-up":
                raise HangUp
            return int(status)
        at, given = headers.get("x-hub-timestamp", ""), headers.get("x-hub-signature-256", "")
        own = hmac.new(self.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given, f"sha256={own}") or not at.isdigit() or abs(time.time() - int(at)) > SKEW:
            return 401
        page = msgspec.json.decode(body)
        if headers.get("idempotency-key") != page["key"]:
            return 400
        self.pages.append(page)
        self.told(page)
        return 202


def app(on_call: OnCall) -> FastAPI:
    """The webhook at `/pages`."""
    api = FastAPI(openapi_url=None)

    @api.post("/pages")
    async def page(request: Request) -> Response:
        status = on_call.taken(request.headers, await request.body())
        if status != 202:
            on_call.refused.append(status)
        return Response(status_code=status)

    @api.post("/_simulador/problemas")
    async def wrong(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=_Wrong)
        except msgspec.MsgspecError as error:
            return Response(str(error), 400)
        on_call.wrong += [asked.status] * asked.times
        return Response(status_code=204)

    @api.get("/_simulador")
    async def came() -> Response:
        found = {"pages": on_call.pages, "refused": on_call.refused}
        return Response(msgspec.json.encode(found), media_type="application/json")

    return api


@asynccontextmanager
async def serving(on_call: OnCall, port: int | socket.socket = 0) -> AsyncIterator[str]:
    """Serves it; its URL. port: or a bound socket. Raises OSError: the port is taken."""
    async with on_socket(app(on_call), port) as url:
        yield url
