"""An SMS gateway, simulated: takes short messages with its token, each once by its key, and refuses on demand.

`GET /_simulador` tells what came; `POST /_simulador/problemas` {"status": 503, "times": 2} what goes wrong next:
a status, or "hang-up", after the message was taken.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from simulators.going_wrong import takes_what_goes_wrong
from simulators.hanging_up import HangUp
from simulators.on_socket import on_socket

Json = Any


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    to: str
    text: str


@dataclass
class Gateway:
    """What came, and what goes wrong next."""

    token: str
    told: Callable[[Json], None] = lambda message: None
    """Called with each message that is taken."""
    messages: dict[str, Json] = field(default_factory=dict)
    """By their keys."""
    wrong: list[int | str] = field(default_factory=list)

    def taken(self, headers: Any, body: bytes) -> int:
        """The status of the answer to a message. Raises HangUp."""
        status = self.wrong.pop(0) if self.wrong else 202
        if isinstance(status, int) and status != 202:
            return status
        if not secrets.compare_digest(headers.get("authorization", ""), f"Bearer {self.token}"):
            return 401
        key = headers.get("idempotency-key", "")
        try:
            message = msgspec.to_builtins(msgspec.json.decode(body, type=_Message))
        except msgspec.MsgspecError:
            return 400
        if not key or not message["to"].startswith("+") or not message["text"]:
            return 400
        if key not in self.messages:
            self.messages[key] = message
            self.told(message)
        if status == "hang-up":
            raise HangUp
        return 202


def app(gateway: Gateway) -> FastAPI:
    """The gateway at `/messages`."""
    api = FastAPI(openapi_url=None)

    @api.post("/messages")
    async def message(request: Request) -> Response:
        return Response(status_code=gateway.taken(request.headers, await request.body()))

    takes_what_goes_wrong(api, gateway.wrong)

    @api.get("/_simulador")
    async def came() -> Response:
        return Response(msgspec.json.encode(list(gateway.messages.values())), media_type="application/json")

    return api


@asynccontextmanager
async def serving(gateway: Gateway, port: int | socket.socket = 0) -> AsyncIterator[str]:
    """Its URL, as long as the block. Raises OSError."""
    async with on_socket(app(gateway), port) as url:
        yield url
