"""Statuses, applied to what was sent: how far each message has come, and what follows where it failed.

The care services' contract, section 2. The webhook keeps them (`receiver.py`); a round takes many at a time from the
store of messages, and folds them into their Communications in one transaction. A status whose message nobody knows
waits ten minutes, then people look at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from hub import own_clients
from hub.ledger import Ledger, Rows, now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.lines import Lines
from hub.whatsapp.outcome import Trouble, needs_request, put, settled
from hub.whatsapp.receiver import ACTOR, STATUSES
from hub.whatsapp.trying import RACED, RACES, troubled, written
from mappings.identifiers import Systems
from mappings.whatsapp import ladder
from mappings.whatsapp.communication import message_id
from mappings.whatsapp.sends import sends, steps, token, told, tracked, with_sends
from mappings.whatsapp.webhook import Status
from messages import queue, store, tally
from messages.queue import Taken
from messages.states import State
from messages.store import Fault, Step

Json = Any

AT_ONCE = 200
PARKED, LOOK_AGAIN = timedelta(minutes=10), timedelta(seconds=30)
"""How long a status waits for its message, and between two looks for it."""
AWAY = timedelta(seconds=5)
"""Before statuses are tried again that the record could not take."""
_DONE = (State.VALIDADA, State.MAPEADA, State.APLICADA, State.ENTREGUE)


@dataclass(frozen=True, slots=True)
class _Read:
    """A status, and the message of the store that told it."""

    taken: Taken
    status: Status


def applying(settings: Settings, url: str) -> Callable[[], Awaitable[None]]:
    """A round (`hub/rounds.py`). url: of the database. Raises SiteUnusable."""
    applied = Applied(settings, Ledger(url, bodies(settings), threads=1), site(settings).site.systems)
    return applied.look


class Applied:
    """Applies what is due."""

    def __init__(
        self, settings: Settings, ledger: Ledger, systems: Systems, clock: Callable[[], datetime] = now
    ) -> None:  # fmt: skip
        """ledger: theirs who made it."""
        self._now = clock
        self._settings, self._ledger, self._systems = settings, ledger, systems
        self._lines = Lines(settings.whatsapp_numbers, ledger, clock)
        self._trouble: dict[Trouble, None] = {}
        """What people who run the hub are to be told, once for a batch."""
        self._tally: Counter[tally.Kind] = Counter()
        self._life = AsyncExitStack()
        self._record: FhirClient | None = None

    async def look(self) -> None:
        """All that are due. Raises PartnerUnavailable: the record is away, and they are due again soon."""
        record = await self._door()
        while taken := await self._ledger(
            lambda connection: queue.take_many(connection, self._ledger.sealing, self._now(), (STATUSES,), most=AT_ONCE)
        ):
            try:
                await self._all(record, taken)
            except PartnerUnavailable:
                await self._given_back(taken, AWAY)
                raise

    async def _all(self, record: FhirClient, taken: Sequence[Taken]) -> None:
        found, ended = [], []
        for one in taken:
            status = read_status(one.body)
            if status is None:
                fault = Fault("unknown-state", "tells a state that the ladder has not", "status")
                ended.append(Step(one.id, (State.QUARENTENA,), fault=fault, lease=one.lease))
            else:
                found.append(_Read(one, status))
        made = await self._messages(record, [one.status for one in found])
        names, of = _index(made, self._systems), dict[str, list[_Read]]()
        waiting = []
        for read in found:
            mine = tracked(read.status.tracking)
            name = names.get(read.status.id) or (names.get(mine[0]) if mine else None)
            if name is not None:
                of.setdefault(name, []).append(read)
            elif read.taken.received + PARKED > self._now():
                waiting.append(read.taken)
            else:
                fault = Fault("unknown-message", "is about a message that nobody here has sent", "id")
                ended.append(Step(read.taken.id, (State.QUARENTENA,), fault=fault, lease=read.taken.lease))
        ended += await self._applied(record, {id: made[id] for id in of}, of)
        counts, self._tally = self._tally, Counter()

        def done(connection: Rows) -> None:
            with connection.transaction():
                store.advance_many(connection, ended, ACTOR, self._now())
                tally.add(connection, counts)

        await self._ledger(done)
        await self._given_back(waiting, LOOK_AGAIN)
        for trouble in [*self._trouble]:
            await troubled(trouble, self._lines)
            del self._trouble[trouble]

    async def _messages(self, record: FhirClient, statuses: Sequence[Status]) -> dict[str, Json]:
        """Communications that statuses may be about, by id."""
        own, pedido = message_id(self._systems), self._systems.sid("whatsapp/pedido")
        tokens = {f"{own}|{token(one.id)}" for one in statuses}
        tokens |= {f"{pedido}|{token(mine[0])}" for one in statuses if (mine := tracked(one.tracking))}
        if not tokens:
            return {}
        criteria = {"identifier": ",".join(sorted(tokens)), "_count": str(AT_ONCE)}
        return {one["id"]: one async for one in record.search("Communication", criteria)}

    async def _applied(
        self, record: FhirClient, made: Mapping[str, Json], of: Mapping[str, list[_Read]]
    ) -> list[Step]:  # fmt: skip
        """What becomes of statuses of messages that are there. Those the record refuses take none of the others with
        them."""
        requests = await self._requests(record, made, of)
        entries: list[Json] = []
        for id, one in made.items():
            entries += self._entries(one, [read.status for read in of[id]], requests)
        try:
            await written(record, entries)
        except FhirRefused as refused:
            if len(made) == 1:
                return await self._alone(record, next(iter(made)), of, refused)
            ids = list(made)
            halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
            return [
                step for half in halves for step in await self._applied(record, {id: made[id] for id in half}, of)
            ]  # fmt: skip
        return [step for id, one in made.items() for step in self._counted(id, one, of)]

    async def _alone(
        self, record: FhirClient, id: str, of: Mapping[str, list[_Read]], refused: FhirRefused
    ) -> list[Step]:  # fmt: skip
        """Those of one message: read again where somebody else was faster."""
        for _ in range(RACES):
            if refused.status not in RACED:
                break
            made = {id: await record.read(f"Communication/{id}")}
            try:
                requests = await self._requests(record, made, of)
                await written(record, self._entries(made[id], [read.status for read in of[id]], requests))
                return self._counted(id, made[id], of)
            except FhirRefused as again:
                refused = again
        fault = Fault("refused", f"the record refuses it with {refused.status}")
        return [Step(read.taken.id, (State.QUARENTENA,), fault=fault, lease=read.taken.lease) for read in of[id]]

    def _counted(self, id: str, made: Json, of: Mapping[str, list[_Read]]) -> list[Step]:
        """The statuses of a message are in the record, and are counted."""
        before = sends(made, self._systems)
        self._tally.update(steps(before, told(before, [read.status for read in of[id]])))
        return [Step(one.taken.id, _DONE, applied=(f"Communication/{id}",), lease=one.taken.lease) for one in of[id]]

    def _entries(self, made: Json, statuses: Sequence[Status], requests: Mapping[str, Json]) -> list[Json]:
        before = sends(made, self._systems)
        every = told(before, statuses)
        if every == before:
            return []
        request = requests.get(_request_id(made))
        if request is None or not needs_request(before, every, made):
            failed = made["status"] if made["status"] in ("not-done", "stopped") else "on-hold"
            return [put(with_sends(made, every, self._systems, failed=failed))]
        outcome = settled(made, every, request, self._systems, self._now())
        if outcome.trouble is not None:
            self._trouble[outcome.trouble] = None
        return outcome.entries

    async def _requests(
        self, record: FhirClient, made: Mapping[str, Json], of: Mapping[str, list[_Read]]
    ) -> dict[str, Json]:  # fmt: skip
        """Requests of those messages of which more changes than themselves, by id: few."""
        wanted = []
        for id, one in made.items():
            before = sends(one, self._systems)
            if needs_request(before, told(before, [read.status for read in of[id]]), one):
                wanted.append(_request_id(one))
        if not wanted:
            return {}
        criteria = {"_id": ",".join(wanted), "_count": str(AT_ONCE)}
        return {one["id"]: one async for one in record.search("CommunicationRequest", criteria)}

    async def _given_back(self, taken: Sequence[Taken], after: timedelta) -> None:
        due = self._now() + after

        def later(connection: Rows) -> None:
            for one in taken:
                queue.later(connection, one, due)

        if taken:
            await self._ledger(later)

    async def _door(self) -> FhirClient:
        if self._record is None:  # for as long as the process is there
            self._record = await self._life.enter_async_context(own_clients.door(self._settings, own_clients.WHATSAPP))
        return self._record


def read_status(body: bytes) -> Status | None:
    """As the webhook's receiver keeps it; None: it tells a state that is none."""
    found = msgspec.json.decode(body, type=Status)
    return found if ladder.known(found.state) else None


def _index(made: Mapping[str, Json], systems: Systems) -> dict[str, str]:
    """The channel's id of each message, and the id of the request it was made for -> id of the Communication."""
    own, found = message_id(systems), {_request_id(one): id for id, one in made.items()}
    for id, one in made.items():
        found |= {named["value"]: id for named in one.get("identifier", ()) if named.get("system") == own}
    return found


def _request_id(made: Json) -> str:
    return str(made["basedOn"][0]["reference"].split("/")[1]) if made.get("basedOn") else ""
