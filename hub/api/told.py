"""The websockets of one process: who is told what happens in conversations, until their token ends.

`{site}/ws/conversations`. The token comes in the header Authorization or, from browsers, as the first message. Nothing
but ids is told, each only to who may read that resource at that moment; that it was told is in the audit trail first.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from fhir_server.access.interactions import require
from fhir_server.app import Log, Scope, headers_of
from fhir_server.dispatch import Server
from fhir_server.exchange import FhirRequest
from fhir_server.outcome import FhirError, Forbidden
from fhir_server.subscriptions.rest import rest
from fhir_server.subscriptions.switchboard import refuse
from fhir_server.trouble import places
from hub.api.happenings import Happening, Happenings, seen_by
from mappings.identifiers import Systems
from smart_auth.bearer import TokenRefused
from smart_auth.feed import FeedLost
from smart_auth.scopes import NOBODY, Access

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Gate = Callable[[FhirRequest], Awaitable[Access]]
Holds = Callable[[str], Awaitable[object]]
"""A token that was let in; raises TokenRefused or FeedLost once it does not hold."""
Told = Callable[[FhirRequest, int, str, Sequence[Happening]], Awaitable[None]]
"""Notes in the audit trail: who, with which status, from which address, of what."""

MOST = 500
"""Websockets of one process."""
WAITING = 1000
"""Events that one client may be behind."""
EVERY = 0.5
"""Seconds between two looks at the record, and at a token."""
FIRST, QUIET, PATIENCE = 10.0, 20.0, 30.0
"""Seconds for the first message; without a word until a ping; for its pong, and for taking what is sent."""
REFUSED, AGAIN = 1008, 1013
"""Close codes of RFC 6455: it may not; come back later."""


class Closed(Exception):
    """The websocket is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Client:
    """One websocket that was let in."""

    def __init__(self, request: FhirRequest, token: str | None, address: str, receive: Receive, send: Send) -> None:
        self.request, self._token, self._address = request, token, address
        self._receive, self._send = receive, send
        self._waiting: deque[Happening | None] = deque()
        self._changed = asyncio.Event()
        self._spoke = time.monotonic()
        self._asked: float | None = None

    def offer(self, found: Sequence[Happening], *, missed: bool) -> None:
        """What it is told as soon as it can take it."""
        self._waiting.extend(found)
        if missed:
            self._waiting.append(None)
        self._changed.set()

    async def hear(self) -> None:
        """Until the client leaves. Raises Closed."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.pong":
                self._asked = None
            elif message["type"] == "websocket.disconnect":
                return
            else:
                raise Closed(REFUSED, "after the token there is nothing to send")

    async def speak(self, holds: Holds, told: Told) -> None:
        """Until the token ends, or the client does not keep up. Raises Closed, OSError."""
        await self._say({"event": "ready"})
        while True:
            self._changed.clear()
            await self._judge(holds)
            if len(self._waiting) > WAITING:
                raise Closed(AGAIN, "too far behind; come back, and read what there is")
            if self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), 100))]
                known = [one for one in batch if one is not None]
                if known:
                    await told(self.request, 200, self._address, known)
                for one in batch:
                    await self._say({"event": "missed"} if one is None else one.told())
                continue
            now = time.monotonic()
            if self._asked is not None and now - self._asked >= PATIENCE:
                raise Closed(AGAIN, "no answer to a ping")
            if self._asked is None and now - self._spoke >= QUIET:
                self._asked = now
                await self._send({"type": "websocket.ping", "bytes": bytes(8)})
            await rest(self._changed, EVERY)

    async def _judge(self, holds: Holds) -> None:
        if self._token is None:
            return
        try:
            await holds(self._token)
        except TokenRefused:
            raise Closed(REFUSED, "the token no longer holds") from None
        except FeedLost:
            raise Closed(AGAIN, "whether the token still holds cannot be found out just now") from None

    async def _say(self, what: object) -> None:
        self._spoke = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._send({"type": "websocket.send", "text": json.dumps(what)})
        except TimeoutError:
            raise Closed(AGAIN, "what was sent is not read in time") from None


class Sockets:
    """Lets clients in, and looks for what happens as long as there are any."""

    def __init__(
        self, server: Server, systems: Systems, gate: Gate, holds: Holds | None, told: Told, log: Log
    ) -> None:  # fmt: skip
        """gate: request -> its Access. holds: None where no tokens are needed. told: notes in the audit trail."""
        self._server, self._systems, self._gate, self._holds = server, systems, gate, holds
        self._told, self._log = told, log
        self._open: set[Client] = set()
        self._count = 0
        self._looking: asyncio.Task[None] | None = None

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One client, from its handshake to its end."""
        headers, origin_of = headers_of(scope["headers"]), urlsplit(self._server.base).netloc
        address = scope["client"][0] if scope.get("client") else ""
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc not in (headers.get("host"), origin_of):
            await refuse(send, 403, "pages of other sites may not open websockets here")
            return
        if self._count >= MOST:
            await refuse(send, 503, "as many websockets are open as may be; try again later")
            return
        self._count += 1
        request = FhirRequest("GET", ("ws", "conversations"), [], dict(headers), NOBODY, base=self._server.base)
        begun, code = time.monotonic(), 1006
        try:
            accepted = self._holds is not None and "authorization" not in headers
            if accepted:
                await receive()  # the handshake
                await send({"type": "websocket.accept"})
                token = await _first(receive)
                request.headers = {**headers, "authorization": f"Bearer {token}"}
            try:
                await self._let_in(request)
            except FhirError as error:
                await self._told(request, error.status, address, ())
                if accepted:
                    raise Closed(AGAIN if error.status in (429, 503) else REFUSED, str(error)[:100]) from None
                await refuse(send, 503 if error.status in (429, 503) else 403, str(error))
                return
            if not accepted:
                await receive()
                await send({"type": "websocket.accept"})
            await self._serve(request, address, receive, send)
        except Closed as end:
            code = end.code
            with suppress(OSError):
                await send({"type": "websocket.close", "code": end.code, "reason": end.reason})
        except OSError:
            pass  # it left while something was being sent: 1006 is logged
        finally:
            self._count -= 1
            self._log({"message": "websocket", "code": code, "seconds": round(time.monotonic() - begun, 1)})

    async def _let_in(self, request: FhirRequest) -> None:
        """Raises FhirError."""
        request.access = await self._gate(request)
        if not request.access.unrestricted:
            with suppress(Forbidden):
                require(request.access, "r", "Communication")
                return
            require(request.access, "r", "Task")

    async def _serve(self, request: FhirRequest, address: str, receive: Receive, send: Send) -> None:
        """Raises Closed, OSError."""
        token = None if self._holds is None else request.headers["authorization"].partition(" ")[2].strip()
        await self._told(request, 200, address, ())
        client = Client(request, token, address, receive, send)
        if self._looking is None:
            happenings = Happenings(self._server, self._systems)
            await happenings.begin()
            if self._looking is None:
                self._looking = asyncio.create_task(self._look(happenings))
        self._open.add(client)
        holds = self._holds or _always
        tasks = [asyncio.create_task(client.hear()), asyncio.create_task(client.speak(holds, self._told))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._open.discard(client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, happenings: Happenings) -> None:
        """As long as anybody listens."""
        while self._open or self._count:
            await asyncio.sleep(EVERY)
            try:
                found, missed = await happenings.look()
                for client in list(self._open) if found or missed else ():
                    access = client.request.access
                    client.offer(await seen_by(self._server, access, found) if found else [], missed=missed)
            except Exception as error:  # noqa: BLE001 - outermost of the look: everybody is told that something is missing
                told = {"message": "fault", "level": "error", "interaction": "websocket"}
                self._log(told | {"error": type(error).__qualname__, "trace": places(error)})
                for client in list(self._open):
                    client.offer((), missed=True)
        self._looking = None


async def _always(token: str) -> object:
    return None


async def _first(receive: Receive) -> str:
    """The token that a client sends first. Raises Closed, OSError."""
    try:
        async with asyncio.timeout(FIRST):
            message = await receive()
    except TimeoutError:
        raise Closed(REFUSED, "no token was sent") from None
    if message["type"] == "websocket.disconnect":
        raise ConnectionResetError
    try:
        found = json.loads(message.get("text") or "")
    except ValueError:
        found = None
    token = found.get("token") if isinstance(found, dict) and len(found) == 1 else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise Closed(REFUSED, 'the first message is {"token": "..."}')
    return token
