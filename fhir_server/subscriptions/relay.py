"""The relay: takes what was written from the outbox, counts an event for each subscription it meets, keeps couriers.

Of all workers one holds the advisory lock and relays; another takes over when its connection ends. Whatever it writes
goes through the connection that holds the lock, so nobody else can have taken over meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from fhir_server.compression import decompress
from fhir_server.encryption.keys import generation as keys_generation
from fhir_server.full_text.due import SWITCHED_OFF, SWITCHED_ON, WAITING, due
from fhir_server.outcome import FhirError
from fhir_server.postgres import Connection, ConnectionLost, DatabaseError
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import current
from fhir_server.search.registry import proof
from fhir_server.statement import Statement
from fhir_server.store import ResourceStore
from fhir_server.store_errors import StaleParameters
from fhir_server.subscriptions import events
from fhir_server.subscriptions.courier import Courier, Means, Patience, Send
from fhir_server.subscriptions.definition import WEBSOCKET, Definition, Unusable, definition, wanted
from fhir_server.subscriptions.matching import Plan, match, plans
from fhir_server.subscriptions.outbox import LIMIT, READY, Listened, Outbox, recorded
from fhir_server.subscriptions.seen import Seen
from fhir_server.subscriptions.status import set_status
from fhir_server.trouble import places
from mappings.r4 import Json, parse
from smart_auth.scopes import UNRESTRICTED, Access

LOCK = 4_611_686_018_427_387_848
"""Advisory lock of the relay, one for each database."""

_LOCK = Statement(f"select pg_try_advisory_lock({LOCK})")
_SUBSCRIPTION = TYPE_ID["Subscription"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the relay looks, in seconds."""

    poll: float = 0.025
    """At the outbox, for what other workers wrote; what this one wrote wakes it."""
    gather: float = 0.01
    """Between two looks at least, so that a busy record is relayed many at a time."""
    unheard: float = 0.1
    """The same while there is no Subscription: then only new ones are looked for."""
    contest: float = 1.0
    """At the lock, while another worker holds it."""
    audit: float = 2.0
    """For Subscriptions removed for good, which leave nothing in the outbox."""


@dataclass(slots=True)
class _Held:
    """A subscription that is carried out."""

    definition: Definition
    plans: tuple[Plan, ...]
    events: int
    courier: Courier
    task: asyncio.Task[None] | None = None


def _everybody(definition: Definition) -> Access:
    return UNRESTRICTED


def _silent(record: dict[str, object]) -> None:
    pass


def _unheard(number: int) -> None:
    """The number of changes that wait, where nobody counts them."""


@dataclass(slots=True)
class _Batch:
    """What one look at the outbox leads to."""

    statements: list[Statement] = field(default_factory=list)
    found: list[tuple[int, int, Seen]] = field(default_factory=list)
    """rid of the Subscription, number of the event, change."""


class Relay:
    """`run` is a task of each worker."""

    def __init__(
        self,
        store: ResourceStore,
        send: Send,
        *,
        now: Callable[[], int],
        access: Callable[[Definition], Access] = _everybody,
        log: Callable[[dict[str, object]], None] = _silent,
        full_text: bool = False,
        listened: Listened = (),
        waiting: Callable[[int], None] = _unheard,
        pace: Pace | None = None,
        patience: Patience | None = None,
    ) -> None:
        """send: the way out; now: microseconds since 1970 UTC; access: of the owner, at each delivery.

        full_text: changes are handed on to be indexed, and `waiting` is told how many have not been.
        listened: those of these types and interactions become events for care services.
        """
        self._listened = listened
        self._full_text, self._waiting = full_text, waiting
        self._store, self._send, self._now, self._access, self._log = store, send, now, access, log
        self._pace, self._patience = pace or Pace(), patience or Patience()
        self._held: dict[int, _Held] = {}
        self._types: dict[str, list[int]] = {}
        self._wake = asyncio.Event()
        self._generation = (0, 0)
        self.leading = False

    async def run(self) -> None:
        """Relays whenever it can, until cancelled."""
        self._store.on_write = self._wake.set
        while True:
            try:
                await self._lead()
            except StaleParameters:
                continue
            except Exception as error:  # noqa: BLE001 - outermost loop of the relay: it begins anew
                self._tell(error)
            await asyncio.sleep(self._pace.contest)

    async def _lead(self) -> None:
        connection = await self._store.connection()
        try:
            while (await connection.send([_LOCK]))[0][0][0] != b"\x01":  # noqa: ASYNC110 - others hold it
                await asyncio.sleep(self._pace.contest)
            self.leading = True
            await self._relay(connection)
        finally:
            self.leading = False
            tasks = [held.task for held in self._held.values() if held.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._held.clear()
            connection.close()

    async def _relay(self, connection: Connection) -> None:
        self._means = Means(
            connection.send, self._send, self._tell_status, self._access, self._now, self._store.base,
            self._patience,
        )  # fmt: skip
        outbox = Outbox(connection.send, self._store.base, self._listened)
        await connection.send([READY, SWITCHED_ON if self._full_text else SWITCHED_OFF])
        if self._store.ignorant:
            await self._store.learn()
        self._generation = _generation()
        [rows] = await connection.send([events.states()])
        for rid, counted, settled, body in rows:
            resource = parse(decompress(body))
            if not wanted(resource):
                continue  # the outbox will tell
            known = _number(rid), resource, _number(counted), None if settled is None else _number(settled)
            if not await self._take_up(*known):
                await connection.send(events.ended(_number(rid)))
        self._sort()
        self._set_out(())
        audited = 0.0
        while True:
            if time.monotonic() - audited > self._pace.audit:
                audited = time.monotonic()
                await self._audit(connection)
            self._wake.clear()
            if not await self._take(connection, outbox):
                await asyncio.sleep(self._pace.gather if self._held or self._full_text else self._pace.unheard)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.poll):
                        await self._wake.wait()

    async def _audit(self, connection: Connection) -> None:
        """Ends what nobody can read any more; tells how far full text is behind."""
        if self._full_text:
            [[(number, _)]] = await connection.send([WAITING])
            self._waiting(_number(number))
        [rows] = await connection.send([events.orphaned()])
        for (rid,) in rows:
            batch = _Batch()
            self._drop(_number(rid), batch)
            batch.statements.append(events.announced([_number(rid)]))
            await connection.send(batch.statements)

    async def _take(self, connection: Connection, outbox: Outbox) -> int:
        """Relays what is there; how much is known to be left. All of it is committed at once, or nothing.

        Raises StaleParameters: what the Subscriptions ask for has to be read anew.
        """
        if _generation() != self._generation:
            raise StaleParameters
        asked = [_SUBSCRIPTION, *(TYPE_ID[name] for name in self._types if name != "Subscription")]
        more = False
        if self._full_text:
            seen = await outbox.look(asked)
        else:
            seen, more = await outbox.look_for(asked)
        if not seen:
            return int(more)
        # A Subscription changes what is asked of the rows after it: they are left for the next look.
        length = next((n for n, one in enumerate(seen, 1) if one.type == "Subscription"), len(seen))
        rest, seen = (len(seen) - length) or len(seen) // LIMIT or int(more), seen[:length]
        batch = _Batch()
        if seen[-1].type == "Subscription":
            # What was written before it is none of its concern.
            await self._match(seen[:-1], batch, connection)
            await self._changed(seen[-1], batch)
            await self._match(seen[-1:], batch, connection)
        else:
            await self._match(seen, batch, connection)
        if _generation() != self._generation:
            raise StaleParameters
        found = [(rid, number, one) for rid, number, one in batch.found if rid in self._held]
        if found:
            batch.statements.append(recorded(found, [TYPE_ID[one.type] for _, _, one in found]))
            batch.statements += [events.counted(rid, self._held[rid].events) for rid in {rid for rid, _, _ in found}]
        # Who holds websockets, in whatever process, learns of it by the same commit.
        touched = {rid for rid, _, _ in found if self._held[rid].definition.channel == WEBSOCKET}
        touched |= {one.rid for one in seen if one.type == "Subscription"}
        if touched:
            batch.statements.append(events.announced(sorted(touched)))
        if self._full_text:
            batch.statements.append(due([one.rid for one in seen]))
        await outbox.commit(batch.statements, seen)
        self._set_out({rid for rid, _, _ in found})
        return rest

    async def _match(self, seen: Sequence[Seen], batch: _Batch, connection: Connection) -> None:
        """Counts the events of a part of the batch, in its order for each subscription."""

        async def select(statement: Statement) -> list[tuple[bytes | None, ...]]:
            if statement.generation is None:
                [rows] = await connection.send([statement])
                return rows
            try:
                rows, _ = await connection.send([statement, proof(statement.generation)])
            except DatabaseError as error:
                raise await self._store.learned(error) from error
            return rows

        concerned: dict[int, list[Seen]] = {}
        for one in seen:
            for rid in self._types.get(one.type, ()):
                concerned.setdefault(rid, []).append(one)
        for rid, part in sorted(concerned.items()):
            held = self._held[rid]
            try:
                access = self._access(held.definition)
                matched = await match(held.definition, held.plans, part, access, self._store.base, select)
            except FhirError:
                continue  # its owner may see nothing
            if matched.failed:
                await set_status(self._store, held.definition.id, "error", "the criteria cannot be evaluated")
                self._drop(held.definition.rid, batch)
            for one in matched.hits:
                held.events += 1
                batch.found.append((held.definition.rid, held.events, one))

    async def _changed(self, one: Seen, batch: _Batch) -> None:
        """A Subscription was written: it begins, changes or ends."""
        if one.method == "DELETE" or not wanted(one.resource) or one.resource is None:
            self._drop(one.rid, batch)
        else:
            batch.statements.append(events.begun(one.rid))
            if one.resource.get("status") == "requested":
                batch.statements.append(events.settled(one.rid, None))
            if not await self._take_up(one.rid, one.resource, 0, None, version=one.version_id):
                self._drop(one.rid, batch)
        self._sort()

    async def _take_up(
        self, rid: int, resource: dict[str, Json], counted: int, settled: int | None, version: int | None = None
    ) -> bool:
        """Holds a subscription from now on, or its new definition; False if it cannot be carried out."""
        base = self._store.base
        try:
            asked = definition(resource, rid, base)
            judged = plans(asked, base)
        except (Unusable, FhirError) as error:
            await set_status(self._store, resource["id"], "error", str(error), only=version)
            return False
        held = self._held.get(rid)
        if held is None:
            self._held[rid] = _Held(asked, judged, counted, Courier(asked, counted, settled, self._means))
        else:
            held.definition, held.plans = asked, judged
        return True

    def _drop(self, rid: int, batch: _Batch) -> None:
        held = self._held.pop(rid, None)
        if held is not None and held.task is not None:
            held.task.cancel()
        batch.statements += events.ended(rid)
        self._sort()

    def _sort(self) -> None:
        """Which subscriptions a change of each type may meet."""
        self._types = {}
        for rid, held in self._held.items():
            for name in held.definition.types():
                self._types.setdefault(name, []).append(rid)

    def _set_out(self, told: Iterable[int]) -> None:
        """Couriers learn what was committed."""
        for rid, held in self._held.items():
            courier = held.courier
            courier.events = held.events
            if held.task is None:
                held.task = asyncio.create_task(self._carry(held))
            elif courier.definition is not held.definition:
                courier.redefine(held.definition)
            elif rid in told:
                courier.wake()

    async def _carry(self, held: _Held) -> None:
        """A courier's task: a fault of ours in it must not end it, nor anybody else's."""
        while True:
            try:
                await held.courier.run()
                return
            except ConnectionLost:
                return  # the relay ends too, and begins anew
            except Exception as error:  # noqa: BLE001 - outermost loop of a courier
                self._tell(error)
            await asyncio.sleep(self._pace.contest)

    async def _tell_status(self, definition: Definition, status: str, error: str | None) -> None:
        await set_status(self._store, definition.id, status, error)

    def _tell(self, error: Exception) -> None:
        """Logs a fault: what and where, never the message, which may hold values from the record."""
        self._log({"message": "relay", "level": "error", "error": type(error).__qualname__, "trace": places(error)})


def _generation() -> tuple[int, int]:
    """Another value whenever the criteria of Subscriptions ask something else of index rows."""
    return current().generation, keys_generation()


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)
