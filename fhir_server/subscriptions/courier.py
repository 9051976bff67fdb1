"""Tells one subscription's endpoint of its events: handshake, order, retries, heartbeat, error and recovery.

An event is marked as delivered once the endpoint has answered 2xx; until then it is sent again. Of one resource the
next version goes out only when the one before is marked, so that an endpoint may see a version twice, after a crash,
but never an older one after a newer one.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fhir_server.access.wall import wall_of
from fhir_server.loader import Loader
from fhir_server.postgres import Row
from fhir_server.statement import Statement
from fhir_server.subscriptions import events
from fhir_server.subscriptions.definition import WEBSOCKET, Definition
from fhir_server.subscriptions.notification import About, Event, notification
from fhir_server.subscriptions.rest import rest
from smart_auth.scopes import Access

Run = Callable[[Sequence[Statement]], Awaitable[list[list[Row]]]]
Headers = Sequence[tuple[str, str]]
Send = Callable[[str, str, Headers, bytes | None, float], Awaitable[None]]
"""(method, url, headers, body, seconds); returns when the endpoint has answered 2xx, else raises Undelivered."""
Tell = Callable[[Definition, str, str | None], Awaitable[None]]
"""(definition, status, error): changes the Subscription's status."""

LANES = 8
"""Requests under way at once to one endpoint, of different resources."""
WINDOW = 64
"""Events read at once."""
FHIR_JSON = "application/fhir+json"


class Undelivered(Exception):
    """The endpoint did not take it. The text says why; it becomes Subscription.error and names no content."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        """status: of its answer; None: there was none."""
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Patience:
    """How failures are met."""

    first: float = 0.5
    """Seconds before the second attempt; doubled each time."""
    most: float = 60.0
    attempts: int = 5
    """Failures in a row after which the status is error; attempts go on."""

    def pause(self, failures: int) -> float:
        """Seconds before the next attempt."""
        return float(min(self.first * 2 ** min(failures - 1, 20), self.most))


@dataclass(frozen=True, slots=True)
class Means:
    """What couriers work with."""

    run: Run
    """Statements on the relay's connection."""
    send: Send
    tell: Tell
    access: Callable[[Definition], Access]
    """Access of the subscription's owner, judged at each delivery."""
    now: Callable[[], int]
    base: str
    patience: Patience


class Courier:
    """One subscription's deliveries; `run` is its task."""

    def __init__(self, definition: Definition, counted: int, settled: int | None, means: Means) -> None:
        self.definition, self.events, self.settled = definition, counted, settled
        self._means = means
        self._failures = 0
        self._status = definition.status
        self._told = 0
        self._sent = time.monotonic()
        self._changed, self._redefined = asyncio.Event(), asyncio.Event()
        self._marks = Loader[int, None](self._mark_all, slots=1)

    def wake(self) -> None:
        """There is something new."""
        self._changed.set()

    def redefine(self, definition: Definition) -> None:
        """The Subscription was changed; one that is requested again is tried at once."""
        if definition.status == "requested":
            self.settled, self._failures = None, 0
        self.definition, self._status = definition, definition.status
        self._changed.set()
        self._redefined.set()

    async def run(self) -> None:
        """Delivers until the subscription ends, or the task is cancelled."""
        while True:
            self._changed.clear()
            self._redefined.clear()
            end = self.definition.end
            if end is not None and self._means.now() >= end:
                await self._means.tell(self.definition, "off", None)
                return
            try:
                idle = await self._step()
            except Undelivered as error:
                await self._failed(str(error))
                await rest(self._redefined, self._means.patience.pause(self._failures))
                continue
            if self._failures or self._status != "active":
                await self._well()
            if idle:
                await rest(self._changed, self._due())

    async def _step(self) -> bool:
        """One delivery or one notification, if there is one to make; True if nothing waits. Raises Undelivered."""
        definition = self.definition
        if self.settled != definition.key:
            await self._handshake(definition)
            return False
        if definition.channel == WEBSOCKET:
            return True  # `sockets.py` tells it, in whatever process its clients are
        access = self._means.access(definition)
        if not wall_of(access).types:
            raise Undelivered("its owner has no access any more")
        limit = WINDOW if definition.topic is None else definition.most
        content = definition.content == "full-resource"
        [rows] = await self._means.run([events.waiting(access, definition.rid, limit, content=content)])
        found = events.told(rows)
        if not found:
            if self._due() <= 0 and definition.heartbeat:
                await self._post(definition, "heartbeat", [])
            return True
        hidden = [number for number, event in found if event is None]
        if hidden:
            await self._mark(hidden)
        seen = [event for _, event in found if event is not None]
        if definition.topic is None:
            await self._each(definition, seen)
        elif seen:
            await self._post(definition, "event-notification", seen)
            await self._mark([event.number for event in seen])
        return False

    async def _handshake(self, definition: Definition) -> None:
        """Asks the endpoint whether it agrees; R4's own subscriptions begin without."""
        if definition.topic is not None and definition.channel != WEBSOCKET:
            await self._post(definition, "handshake", [])
        await self._means.run([events.settled(definition.rid, definition.key)])
        self.settled = definition.key

    async def _post(self, definition: Definition, kind: str, told: Sequence[Event]) -> None:
        state = "requested" if kind == "handshake" else "active"
        counted = max([self.events, *(event.number for event in told)])
        about = About(self._means.base, definition.id, definition.topic, state, counted)
        body = notification(about, kind, self._means.now(), told, definition.content)
        await self._send(definition, "POST", definition.endpoint, body)

    async def _each(self, definition: Definition, found: Sequence[Event]) -> None:
        """Each event by itself; different resources at once, versions of one in their order."""
        lanes: defaultdict[int, list[Event]] = defaultdict(list)
        for event in found:
            lanes[event.rid].append(event)
        free, failed = asyncio.Semaphore(LANES), list[Undelivered]()

        async def lane(versions: list[Event]) -> None:
            async with free:
                for event in versions:
                    if failed:
                        return
                    try:
                        await self._tell_one(definition, event)
                    except Undelivered as error:
                        failed.append(error)
                        return
                    self._failures = 0  # failures in a row are counted, and it did take something
                    await self._marks.load(event.number)

        async with asyncio.TaskGroup() as group:
            for versions in lanes.values():
                group.create_task(lane(versions))
        if failed:
            raise failed[0]

    async def _tell_one(self, definition: Definition, event: Event) -> None:
        """R4: an update of the resource at the endpoint, or an empty POST where no payload is wanted."""
        if definition.content == "empty":
            await self._send(definition, "POST", definition.endpoint, None)
        elif event.body is not None:
            await self._send(
                definition, "PUT", f"{definition.endpoint.rstrip('/')}/{event.type}/{event.id}", event.body
            )

    async def _send(self, definition: Definition, method: str, url: str, body: bytes | None) -> None:
        headers = [*definition.headers, *([("Content-Type", FHIR_JSON)] if body is not None else [])]
        await self._means.send(method, url, headers, body, definition.timeout)
        self._sent = time.monotonic()

    async def _mark_all(self, numbers: Sequence[int]) -> dict[int, None]:
        await self._mark(numbers)
        return {}

    async def _mark(self, numbers: Sequence[int]) -> None:
        batch = [events.delivered(self.definition.rid, numbers)]
        self._told += len(numbers)
        if self._told >= events.PRUNE:
            self._told = 0
            batch.append(events.pruned(self.definition.rid, self.events))
        await self._means.run(batch)

    async def _failed(self, reason: str) -> None:
        self._failures += 1
        agreed = self.definition.topic is None or self.settled == self.definition.key
        if (self._failures >= self._means.patience.attempts or not agreed) and self._status != "error":
            await self._means.tell(self.definition, "error", reason)
            self._status = "error"

    async def _well(self) -> None:
        self._failures = 0
        if self._status != "active":
            await self._means.tell(self.definition, "active", None)
            self._status = "active"

    def _due(self) -> float:
        """Seconds until something is to be done without being woken."""
        seconds = 3600.0
        if self.definition.heartbeat and self.definition.channel != WEBSOCKET:
            seconds = min(seconds, self._sent + self.definition.heartbeat - time.monotonic())
        if self.definition.end is not None:
            seconds = min(seconds, (self.definition.end - self._means.now()) / 1_000_000)
        return seconds
