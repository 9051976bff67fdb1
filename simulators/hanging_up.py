"""Connections that a simulated partner ends without a word."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class HangUp(BaseException):
    """The connection ends without an answer: no Exception, lest the framework answers 500 first."""


class Wired(H11Protocol):
    """Tells the application its connection, so that `Ended` can end it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "wire": transport}


class Ended:
    """An application whose connections end where it raises HangUp."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._inner(scope, receive, send)
        except HangUp:
            scope["state"]["wire"].abort()
