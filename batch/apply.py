"""The lines of a set that are due, as Bundles through the FHIR API, several on their way at the same time.

A Bundle that is refused comes back without the lines the server named, or in halves where it named none, until what is
wrong stands alone. https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from adapters.fhir_client import FhirClient, FhirRefused, Issue
from adapters.partner_errors import PartnerUnavailable
from batch import ledger
from batch.entities import REMOVED, entity
from batch.ledger import ABSENT, Connection, Entry, State
from batch.lines import Fault, lines
from batch.scan import Opened
from batch.text import repairs, utf8
from mappings.tasy.site import Site

IN_FLIGHT = 3
LINES, BYTES = 500, 1 << 22
"""Of a Bundle, at most."""
ATTEMPTS, FIRST_PAUSE = 6, 0.5
"""While the server is away: with pauses that double, about half a minute."""
NOT_OURS = (401, 403)
PASSING = ("transient", "lock-error", "timeout", "throttled")
"""Issue codes of what passes: a Bundle whose answer was not waited for is still being stored while it is sent again."""
_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\](?:\.(resource\.)?(.*))?")


class Piece(NamedTuple):
    """A line, as entries of a Bundle."""

    number: int
    entries: list[bytes]


Told = Callable[[int], None]
"""Is told lines that were applied."""


def entries_of(flow: str, resource_type: str, targets: Sequence[tuple[str, str]], raw: bytes) -> list[bytes]:
    """A line as entries of a transaction; of one that removes, patches that end what it names."""
    if resource_type != REMOVED:
        [(kind, id)] = targets
        return [b'{"resource":%b,"request":{"method":"PUT","url":"%b/%b"}}' % (utf8(raw), kind.encode(), id.encode())]
    return [_end(flow, kind, id) for kind, id in targets]


def _end(flow: str, kind: str, id: str) -> bytes:
    found = entity(flow, kind)
    assert found is not None  # the line was checked
    element, value = found.ended()
    patch = base64.b64encode(orjson.dumps([{"op": "add", "path": f"/{element}", "value": value}])).decode()
    resource = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": patch}
    return orjson.dumps({"resource": resource, "request": {"method": "PATCH", "url": f"{kind}/{id}"}})


def bundle(pieces: Sequence[Piece]) -> bytes:
    """A transaction."""
    entries = b",".join(entry for one in pieces for entry in one.entries)
    return b'{"resourceType":"Bundle","type":"transaction","entry":[' + entries + b"]}"


async def send(client: FhirClient, pieces: Sequence[Piece]) -> dict[int, Fault]:
    """Stores lines; those that were refused, each with its fault, by number.

    Raises PartnerUnavailable; FhirRefused: nothing may be stored at all.
    """
    try:
        await _sent(client, bundle(pieces))
        return {}
    except FhirRefused as error:
        if error.status in NOT_OURS:
            raise  # of no line's making
        named = faults(error.issues, [one.number for one in pieces for _ in one.entries])
        if not named and len(pieces) == 1:
            fault = Fault("HUB-B207", error.issues[0].element if error.issues else "$")
            return {pieces[0].number: fault}
    if named:
        rest = [one for one in pieces if one.number not in named]
        return named | (await send(client, rest) if rest else {})
    middle = len(pieces) // 2
    return await send(client, pieces[:middle]) | await send(client, pieces[middle:])


async def _sent(client: FhirClient, body: bytes) -> None:
    pause = FIRST_PAUSE
    for attempt in range(ATTEMPTS):
        try:
            await client.transaction(body, minimal=True)
            return
        except (PartnerUnavailable, FhirRefused) as error:
            if isinstance(error, FhirRefused):
                if any(one.code not in PASSING for one in error.issues) or not error.issues:
                    raise
                error = PartnerUnavailable("others write to the same resources")
            if attempt == ATTEMPTS - 1:
                raise error from None
            await asyncio.sleep(max(pause, error.retry_after))
            pause *= 2


def faults(issues: Sequence[Issue], numbers: Sequence[int]) -> dict[int, Fault]:
    """Which lines an OperationOutcome names, and why. numbers: the line of each entry of the Bundle."""
    found: dict[int, Fault] = {}
    for issue in issues:
        where = _ENTRY.match(issue.element)
        if where is None or int(where[1]) >= len(numbers):
            continue
        missing = issue.code == "not-found"
        fault = Fault("HUB-B203" if missing else "HUB-B207", where[3] or "$")
        found.setdefault(numbers[int(where[1])], fault)
    return found


def waits(resource_type: str, fault: Fault) -> bool:
    """Whether a line waits for what it refers to; what would be ended and is not there does not come by waiting."""
    return fault.code == "HUB-B203" and resource_type != REMOVED


@dataclass(slots=True)
class _Flight:
    """Bundles of a file on their way, and what became of them, noted as they land."""

    connection: Connection
    client: FhirClient
    run: int
    file: int
    resource_type: str
    told: Told
    under_way: dict[asyncio.Task[dict[int, Fault]], list[Piece]] = field(default_factory=dict)

    async def start(self, pieces: list[Piece]) -> None:
        while len(self.under_way) >= IN_FLIGHT:
            await self.land()
        self.under_way[asyncio.create_task(send(self.client, pieces))] = pieces

    async def land(self) -> None:
        done, _ = await asyncio.wait(self.under_way, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            pieces = self.under_way.pop(task)
            refused = task.result()
            with self.connection.transaction():
                good = [one.number for one in pieces if one.number not in refused]
                if good:
                    ledger.applied(self.connection, self.run, self.file, good)
                for state in (State.PARKED, State.REJECTED):
                    some = {
                        number: fault for number, fault in refused.items()
                        if waits(self.resource_type, fault) is (state is State.PARKED)
                    }  # fmt: skip
                    if some:
                        ledger.faulty(self.connection, self.run, self.file, some, state)
            self.told(len(pieces))


@asynccontextmanager
async def _flight(flight: _Flight) -> AsyncIterator[_Flight]:
    try:
        yield flight
        while flight.under_way:
            await flight.land()
    finally:
        for task in flight.under_way:
            task.cancel()


def chosen(opened: Opened, entries: Iterator[Entry]) -> Iterator[tuple[Entry, bytes]]:
    """Lines of a file with their bytes, for entries of the journal in order."""
    wanted = next(entries, None)
    if wanted is None:
        return
    with gzip.open(opened.path) as stream:
        for line in lines(stream):
            if line.number == wanted.number:
                yield wanted, line.source
                wanted = next(entries, None)
                if wanted is None:
                    return


Prepared = Callable[[Entry, bytes], Awaitable[list[bytes]]]
"""A line of a versioned entity -> its entries."""


async def apply(
    connection: Connection,
    client: FhirClient,
    run: int,
    file: int,
    opened: Opened,
    flow: str,
    site: Site,
    *,
    state: State = State.DUE,
    told: Told = lambda _: None,
    prepared: Prepared | None = None,
) -> None:
    """Applies lines of a file that are in a state, and notes what became of each. Raises PartnerUnavailable."""
    kind = opened.file.ds_recurso
    async with _flight(_Flight(connection, client, run, file, kind, told)) as flight:
        pieces: list[Piece] = []
        size = 0
        for entry, raw in chosen(opened, ledger.entries(connection, run, file, state)):
            made = await prepared(entry, raw) if prepared else entries_of(flow, kind, entry.targets, raw)
            if kind != REMOVED:
                made += repairs(entry.targets, raw, site)
            pieces.append(Piece(entry.number, made))
            size += sum(map(len, made))
            if len(pieces) >= LINES or size >= BYTES:
                await flight.start(pieces)
                pieces, size = [], 0
        if pieces:
            await flight.start(pieces)


async def end_absent(connection: Connection, client: FhirClient, run: int, flow: str, told: Told) -> None:
    """Ends what a full set left out. Raises PartnerUnavailable."""
    async with _flight(_Flight(connection, client, run, ABSENT, REMOVED, told)) as flight:
        pieces: list[Piece] = []
        for entry in ledger.entries(connection, run, ABSENT, State.DUE):
            pieces.append(Piece(entry.number, entries_of(flow, REMOVED, entry.targets, b"")))
            if len(pieces) >= LINES:
                await flight.start(pieces)
                pieces = []
        if pieces:
            await flight.start(pieces)
