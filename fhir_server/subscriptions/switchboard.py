"""The websockets of one worker: lets clients in, and wakes those whose Subscriptions have something new.

Events are counted by the relay, which may be in another process: its commit announces them by NOTIFY.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from fhir_server.outcome import Issue, operation_outcome
from fhir_server.postgres import Connection, ConnectionLost, Row
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.events import CHANNEL
from fhir_server.subscriptions.websocket import Limits, Receive, Send, WebSocket
from mappings.r4 import serialize
from smart_auth.scopes import Access

MOST = 1000
"""Websockets of one worker."""
PATH = "_websocket"
"""Below the FHIR base."""


def websocket_url(base: str) -> str:
    """Where clients open websockets of a server with this FHIR base URL."""
    return f"ws{base.removeprefix('http')}/{PATH}"


def _silent(record: dict[str, object]) -> None:
    pass


def _kept(access: Access, since: int) -> bool:
    return False


class Switchboard:
    """Holds one connection to the database for all of them, from the first on."""

    def __init__(
        self,
        store: ResourceStore,
        *,
        now: Callable[[], int],
        log: Callable[[dict[str, object]], None] = _silent,
        lost: Callable[[Access, int], bool] = _kept,
        limits: Limits | None = None,
    ) -> None:
        """now: microseconds since 1970 UTC; lost: whether who came in then has lost their right."""
        self.lost = lost
        self._store, self.base, self.now, self._log, self._limits = store, store.base, now, log, limits
        self._open: set[WebSocket] = set()
        self._bound: dict[int, set[WebSocket]] = {}
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def serve(self, headers: Mapping[str, str], access: Access, receive: Receive, send: Send) -> None:
        """One client, from its handshake to its end. headers: by lower-case name."""
        if not self._own(headers):
            await refuse(send, 403, "pages of other sites may not open websockets here")
        elif len(self._open) >= MOST:
            await refuse(send, 503, "as many websockets are open as may be; try again later")
        else:
            begun, socket = time.monotonic(), WebSocket(self, access, receive, send, self._limits)
            self._open.add(socket)
            try:
                code = await socket.serve()
            finally:
                self._open.discard(socket)
            seconds = round(time.monotonic() - begun, 1)
            self._log({"message": "websocket", "code": code, "events": socket.told, "seconds": seconds})

    def _own(self, headers: Mapping[str, str]) -> bool:
        """Whether the client is no page of another site: browsers let any page open a websocket to anywhere."""
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc in (headers.get("host"), urlsplit(self.base).netloc)

    async def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Rows of each statement, run as one transaction. Raises ConnectionLost.

        They may be run twice: what websockets ask, and note, is the same then.
        """
        try:
            return await (await self._connected()).send(statements)
        except ConnectionLost:
            # Perhaps this connection alone has ended, and the database is there.
            return await (await self._connected()).send(statements)

    async def _connected(self) -> Connection:
        """The connection, opened where it is lost. Raises ConnectionLost."""
        async with self._connecting:
            if self._connection is None or self._connection.lost:
                connection = await self._store.connection()
                await connection.send([Statement(f"listen {CHANNEL}")])
                connection.on_notify, connection.on_lost = self._announced, self._wake_all
                self._connection = connection
                self._wake_all()  # nobody listened until now
            return self._connection

    def close(self) -> None:
        """Closes the connection to the database."""
        if self._connection is not None:
            self._connection.on_lost = None
            self._connection.close()

    def bind(self, rid: int, socket: WebSocket) -> None:
        """Wakes the websocket from now on when there is something new of the Subscription."""
        self._bound.setdefault(rid, set()).add(socket)

    def release(self, rid: int, socket: WebSocket) -> None:
        """No longer."""
        bound = self._bound.get(rid, set())
        bound.discard(socket)
        if not bound:
            self._bound.pop(rid, None)

    def _announced(self, payload: bytes) -> None:
        if not payload:
            self._wake_all()
        for rid in map(int, filter(None, payload.split(b","))):
            for socket in self._bound.get(rid, ()):
                socket.wake(rid)

    def _wake_all(self) -> None:
        for socket in self._open:
            socket.wake()


async def refuse(send: Send, status: int, reason: str) -> None:
    """Answers the handshake with an error of HTTP."""
    code = {403: "forbidden", 404: "not-found", 503: "throttled"}[status]
    body = serialize(operation_outcome([Issue(code, reason)]))
    headers = [(b"content-type", b"application/fhir+json"), (b"content-length", b"%d" % len(body))]
    if status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
