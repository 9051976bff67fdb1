"""Events as they leave the record: read in order from `event`, with whose they are. Synchronous.

Whoever reads holds the advisory lock, so that there is one, and deletes a row only when the event is kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import psycopg

from fhir_server.compartment import member_parameters
from fhir_server.compression import masked
from fhir_server.events.event import Event
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search.index import index_rows
from fhir_server.search.totals import FRONT
from mappings.r4 import Json, parse

LOCK = 4_611_686_018_427_387_865
"""Advisory lock of whoever takes events from the record, one for each database."""
LIMIT = 500
"""Events read at a time."""

# Versions of a patient may leave the outbox in different transactions; none may be read before one that is to come.
_FRONT = f"""
select coalesce(min(o.sequence), {2**63 - 1}) from outbox o
where o.sequence >= coalesce((select p.versions from outbox_passed p where p.type_id = {FRONT}), 0)"""
_READ = f"""
select e.sequence, e.type_id, r.fhir_id, e.version, e.interaction, e.since,
  case when e.interaction = 'delete' then p.body when r.version = e.version then r.body else v.body end
from (select * from event where sequence < ({_FRONT}) order by sequence limit {LIMIT}) e
  left join resource r on r.rid = e.rid
  left join resource_version v on r.version <> e.version and v.rid = e.rid and v.version = e.version
  left join resource_version p on e.interaction = 'delete' and p.rid = e.rid and p.version = e.version - 1
order by e.sequence"""


class Change(NamedTuple):
    """An event, and the content that came about; of a deletion what it took away."""

    type: str
    event: Event
    resource: dict[str, Json] | None
    """Values that are encrypted have a digit in their place. None: it was removed for good meanwhile, or whoever reads
    needs no content of such events."""


def everything(kind: str, interaction: str) -> bool:
    """That the content of all events is needed."""
    return True


def read(
    connection: psycopg.Connection[Any], base: str, needed: Callable[[str, str], bool] = everything
) -> list[Change]:  # fmt: skip
    """The oldest events, at most LIMIT. base: own FHIR base URL. needed: whether their content is, and with it whose
    they are, of a type and interaction.
    """
    found = []
    for sequence, type_id, id, version, interaction, since, body in connection.execute(_READ).fetchall():
        kind = RESOURCE_TYPES[type_id - 1]
        resource = parse(masked(body)) if body and needed(kind, interaction) else None
        own = f"{kind}/{id or ''}"
        key = own if resource is None else order_key(resource, own, base)
        found.append(Change(kind, Event(sequence, f"{own}/_history/{version}", interaction, key, since), resource))
    return found


def order_key(resource: dict[str, Json], own: str, base: str) -> str:
    """The patient in whose compartment the resource is, the first of several; else `own`, its own reference."""
    kind = resource["resourceType"]
    numbers = frozenset(member_parameters("Patient", kind)) if kind != "Patient" else frozenset()
    if not numbers:
        return own
    rows = index_rows(resource, base).reference
    patients = {id for number, target, id in rows if target == "Patient" and number in numbers}
    return f"Patient/{min(patients)}" if patients else own


def kept(connection: psycopg.Connection[Any], sequences: Sequence[int]) -> None:
    """These events are kept elsewhere."""
    connection.execute("delete from event where sequence = any(%s)", [list(sequences)])


def leading(connection: psycopg.Connection[Any]) -> bool:
    """Whether this connection is the one that takes events; it stays so until it ends."""
    row = connection.execute(f"select pg_try_advisory_lock({LOCK})".encode()).fetchone()
    return row is not None and bool(row[0])
