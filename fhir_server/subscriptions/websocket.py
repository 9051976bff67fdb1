"""One websocket: binds Subscriptions to it, tells their events, and knows what the client has read.

https://hl7.org/fhir/uv/subscriptions-backport/channels.html#websockets https://hl7.org/fhir/R4/subscription.html#2.46.7.2

After each message goes a ping of RFC 6455; its pong says that the client has read what came before (`unread.py`). Only
then is an event delivered. docs/decisions/websocket-subscriptions.md
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from fhir_server.access.interactions import hears, wide
from fhir_server.compression import decompress
from fhir_server.outcome import FhirError, Invalid, operation_outcome
from fhir_server.postgres import ConnectionLost, Row
from fhir_server.statement import Statement
from fhir_server.subscriptions import events, tokens
from fhir_server.subscriptions.definition import WEBSOCKET, Definition, Unusable, definition
from fhir_server.subscriptions.notification import About, Event, notification
from fhir_server.subscriptions.rest import rest
from fhir_server.subscriptions.unread import Unread
from mappings.r4 import parse, serialize
from smart_auth.scopes import Access

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_BOUND = 100
"""Subscriptions bound to one websocket."""
MESSAGE = 2**19
"""Bytes of content in one message, unless one resource alone has more."""
MOST_ASKED = 100
"""Messages of the client that wait to be read."""
_LAST = 2**63 - 1
_BIND = re.compile(r"\s*(bind-with-token|bind)\b:?\s+(\S{1,200})\s*")

NORMAL, REFUSED, AGAIN = 1000, 1008, 1013
"""Close codes of RFC 6455: nothing is bound any more; nothing could be bound; come back later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may cost, and how long it may take."""

    messages: int = 16
    """Messages that were sent and not acknowledged."""
    size: int = 2**20
    """Bytes of them; one message may be longer."""
    patience: float = 30.0
    """Seconds for an acknowledgement."""
    quiet: float = 20.0
    """Seconds without a message after which a ping asks whether the client is still there."""
    unbound: float = 30.0
    """Seconds for binding something."""


class Board(Protocol):
    """What a websocket needs of its worker: see `switchboard.py`."""

    base: str
    now: Callable[[], int]
    lost: Callable[[Access, int], bool]
    """(access, when it came in) -> whether its right has ended since."""

    async def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Rows of each statement. Raises ConnectionLost."""

    def bind(self, rid: int, socket: WebSocket) -> None:
        """Wakes the websocket from now on when there is something new."""

    def release(self, rid: int, socket: WebSocket) -> None:
        """No longer."""


class Close(Exception):
    """The websocket is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(slots=True)
class Binding:
    """One Subscription of a websocket."""

    definition: Definition
    access: Access
    """Of whoever bound it, judged at each delivery."""
    expires: int | None
    """Microseconds since 1970 UTC; None: with the websocket."""
    version: int
    """Of the Subscription as it is known here."""
    events: int
    next: int
    """Number of the first event that was not sent yet."""
    since: int
    """When it was bound, in microseconds."""
    due: bool = True
    """There may be something to send."""
    told: float = field(default_factory=time.monotonic)


class WebSocket:
    """`serve` is its life. One task hears, another does everything else."""

    def __init__(self, board: Board, access: Access, receive: Receive, send: Send, limits: Limits | None = None):
        """access: of the request that opened it, for what is bound without a token."""
        self._board, self._access, self._receive, self._out = board, access, receive, send
        self._limits = limits or Limits()
        self._bound: dict[int, Binding] = {}
        self._asked: deque[str] = deque()
        self._unread = Unread(self._limits.messages, self._limits.size)
        self._changed = asyncio.Event()
        self._opened = self._spoke = time.monotonic()
        self.told = self._pruned = 0
        """Events sent."""

    def wake(self, rid: int | None = None) -> None:
        """There may be something new of a Subscription, or of all."""
        for binding in self._bound.values() if rid is None else filter(None, (self._bound.get(rid),)):
            binding.due = True
        self._changed.set()

    async def serve(self) -> int:
        """From the handshake to the end; the close code, 1006 if the client just left."""
        await self._out({"type": "websocket.accept"})
        tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._speak())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            return 1006
        except Close as end:
            with suppress(OSError):
                await self._out({"type": "websocket.close", "code": end.code, "reason": end.reason})
            return end.code
        except OSError:
            return 1006  # it left while something was being sent
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for rid in list(self._bound):
                self._board.release(rid, self)

    async def _hear(self) -> None:
        """Takes what the client sends, until it leaves. Raises Close."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.pong":
                self._unread.acknowledged(int.from_bytes(message["bytes"], "big"))
            elif message["type"] == "websocket.receive":
                if len(self._asked) >= MOST_ASKED:
                    raise Close(REFUSED, "too many messages")
                self._asked.append(message.get("text") or "")
            elif message["type"] == "websocket.disconnect":
                return
            self._changed.set()

    async def _speak(self) -> None:
        """Everything but hearing. Raises Close, OSError."""
        try:
            while True:
                self._changed.clear()
                while self._asked:
                    await self._answer(self._asked.popleft())
                await self._mark()
                self._expire()
                moved = False
                for binding in list(self._bound.values()):
                    if binding.due and not self._unread.full:
                        moved = await self._tell(binding) or moved
                await self._beat()
                if not moved:
                    await rest(self._changed, self._pause())
        except ConnectionLost:
            raise Close(AGAIN, "the database is away; come back and bind again") from None

    # What the client asks for.

    async def _answer(self, text: str) -> None:
        try:
            match = _BIND.fullmatch(text)
            if match is None:
                raise Invalid("a message is: bind-with-token [token], or bind [id]", code="structure")
            await (self._bind_token if match[1] == "bind-with-token" else self._bind_id)(match[2])
        except FhirError as error:
            await self._send(serialize(operation_outcome(error.issues)))
            if not self._bound:
                raise Close(REFUSED, str(error)) from None

    async def _bind_token(self, token: str) -> None:
        """Raises Invalid."""
        [rows] = await self._board.run([tokens.found(token, self._board.now())])
        grant = tokens.granted(rows)
        if grant is None:
            raise Invalid("the token is unknown, or has expired", code="expired")
        [rows] = await self._board.run([events.known(grant.access, grant.rids)])
        if not rows:
            raise Invalid("the Subscriptions of the token are gone", code="not-found")
        for row in rows:
            await self._bind(row, grant.access, grant.expires)

    async def _bind_id(self, id: str) -> None:
        """As R4 has it, for criteria of R4. Raises Invalid, Forbidden."""
        hears(self._access)
        [rows] = await self._board.run([events.known_by_id(self._access, id)])
        if not rows:
            raise Invalid("there is no such Subscription", code="not-found")
        if ":" in parse(decompress(rows[0][3]))["criteria"].partition("?")[0]:
            raise Invalid("a Subscription to a topic is bound with a token: $get-ws-binding-token", code="security")
        await self._bind(rows[0], self._access, None)

    async def _bind(self, row: Row, access: Access, expires: int | None) -> None:
        """Raises Invalid."""
        rid, _, version, body, counted, first = row
        try:
            asked = usable(parse(decompress(body)), _number(rid), self._board.base)
        except Unusable as error:
            raise Invalid(f"the Subscription is not served by websocket: {error}", code="not-supported") from None
        known = self._bound.get(asked.rid)
        if known is None and len(self._bound) >= MOST_BOUND:
            raise Invalid(f"a websocket is bound to at most {MOST_BOUND} Subscriptions", code="too-costly")
        # What is bound again goes on where it is.
        following = _number(first) if known is None else known.next
        binding = Binding(asked, access, expires, _number(version), _number(counted), following, self._board.now())
        if asked.topic is None:
            await self._send(f"bound {asked.id}".encode())
        else:
            await self._send(self._bundle(binding, "handshake"))
        self._bound[asked.rid] = binding
        self._board.bind(asked.rid, self)

    def _expire(self) -> None:
        """Lets go what is over. Raises Close when nothing is left, or nobody binds anything."""
        now = self._board.now()
        for rid, binding in list(self._bound.items()):
            if binding.expires is not None and binding.expires <= now:
                self._drop(rid, "the token has expired")
        moment = time.monotonic()
        if not self._bound and self._opened + self._limits.unbound <= moment:
            raise Close(REFUSED, "nothing was bound")
        oldest = self._unread.oldest
        if oldest is not None and oldest + self._limits.patience <= moment:
            raise Close(AGAIN, "what was sent is not read in time; come back and bind again")

    def _drop(self, rid: int, reason: str) -> None:
        del self._bound[rid]
        self._board.release(rid, self)
        if not self._bound:
            raise Close(NORMAL, reason)

    # What the client is told.

    async def _tell(self, binding: Binding) -> bool:
        """Sends the next events of a Subscription; whether there was anything to do."""
        binding.due = False
        asked, access = binding.definition, binding.access
        if self._board.lost(access, binding.since) or not wide(access, "rs"):
            self._drop(asked.rid, "the right to it has ended")
            return True
        full = asked.content == "full-resource"
        known, rows = await self._board.run(
            [
                events.changed(access, asked.rid, binding.version),
                events.between(access, asked.rid, binding.next, _LAST, asked.most, content=full),
            ]
        )
        if not known:
            self._drop(asked.rid, "the Subscription is gone")
            return True
        [(version, counted, body)] = known
        binding.events = _number(counted)
        if body is not None:
            try:
                binding.definition = usable(parse(decompress(body)), asked.rid, self._board.base)
            except Unusable as error:
                self._drop(asked.rid, str(error))
            binding.version, binding.due = _number(version), True
            return True
        waiting = events.told(rows)
        if not waiting:
            return False
        found = fitting(waiting)
        await self._notify(binding, [event for _, event in found if event is not None], found[-1][0])
        binding.next = found[-1][0] + 1
        binding.due = binding.due or binding.next <= binding.events
        self._bound[asked.rid] = self._bound.pop(asked.rid)  # the others come first next time
        return True

    async def _notify(self, binding: Binding, seen: Sequence[Event], last: int) -> None:
        size = 0
        if binding.definition.topic is None:
            for _ in seen:
                await self._send(f"ping {binding.definition.id}".encode())
        elif seen:
            body = self._bundle(binding, "event-notification", seen)
            size = len(body)
            await self._send(body)
        binding.told = time.monotonic()
        self.told += len(seen)
        await self._ping(binding.definition.rid, last, size)

    def _bundle(self, binding: Binding, kind: str, told: Sequence[Event] = ()) -> bytes:
        asked = binding.definition
        counted = max([binding.events, *(event.number for event in told)])
        about = About(self._board.base, asked.id, asked.topic, asked.status, counted)
        return notification(about, kind, self._board.now(), told, asked.content)

    async def _beat(self) -> None:
        """Heartbeats that are due; a ping where nothing was said for long."""
        now = time.monotonic()
        for binding in self._bound.values():
            beat = binding.definition.heartbeat
            if beat and now - binding.told >= beat and not self._unread.full:
                binding.told = now
                await self._send(self._bundle(binding, "heartbeat"))
                await self._ping(binding.definition.rid, 0, 0)
        if self._unread.oldest is None and now - self._spoke >= self._limits.quiet:
            await self._ping(0, 0, 0)

    async def _send(self, text: bytes) -> None:
        """Waits while the connection is full. Raises Close, OSError."""
        self._spoke = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.patience):
                await self._out({"type": "websocket.send", "text": text.decode()})
        except TimeoutError:
            raise Close(AGAIN, "what was sent is not read in time; come back and bind again") from None

    async def _ping(self, rid: int, event: int, size: int) -> None:
        """Asks the client to acknowledge what was sent so far."""
        self._spoke = time.monotonic()
        number = self._unread.sent(rid, event, size, self._spoke)
        await self._out({"type": "websocket.ping", "bytes": number.to_bytes(8, "big")})

    async def _mark(self) -> None:
        """What was read is delivered."""
        if read := self._unread.read():
            batch = [events.delivered_to(rid, number) for rid, number in read.items()]
            if self.told - self._pruned >= events.PRUNE:
                self._pruned = self.told
                batch += [events.pruned(rid, number) for rid, number in read.items()]
            await self._board.run(batch)

    def _pause(self) -> float:
        """Seconds until something is to be done without being woken."""
        now, limits = time.monotonic(), self._limits
        oldest = self._unread.oldest
        moments = [self._spoke + limits.quiet if oldest is None else oldest + limits.patience]
        if not self._bound:
            moments.append(self._opened + limits.unbound)
        for binding in self._bound.values():
            if binding.definition.heartbeat:
                moments.append(binding.told + binding.definition.heartbeat)
            if binding.expires is not None:
                moments.append(now + (binding.expires - self._board.now()) / 1_000_000)
        return max(min(moments) - now, 0.001)


def fitting(waiting: Sequence[tuple[int, Event | None]]) -> Sequence[tuple[int, Event | None]]:
    """As many of the events as one message may hold, one at least: clients take no message of any length."""
    size = 0
    for position, (_, event) in enumerate(waiting):
        size += len(event.body or b"") if event is not None else 0
        if size > MESSAGE and position:
            return waiting[:position]
    return waiting


def usable(resource: dict[str, Any], rid: int, base: str) -> Definition:
    """The definition of a Subscription that is served by websocket. Raises Unusable."""
    if resource["status"] not in ("requested", "active"):
        raise Unusable(f"its status is {resource['status']}")
    found = definition(resource, rid, base)
    if found.channel != WEBSOCKET:
        raise Unusable("its channel is another")
    return found


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)
