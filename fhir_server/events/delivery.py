"""A service does with an event what it does, once: the ledger `event_done` is written with the effect. Synchronous.

Events come from a broker (`deliver`) or from `event_delivery` (`deliver_due`): there stand all of them where there is
no broker, and in any case those that a service could not do with yet. As long as one does, later ones of its order key
stand behind it. One connection works on one event at a time, in one transaction: whoever dies leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from fhir_server.events.event import Event

CHANNEL = "event_delivery"
"""Of PostgreSQL's NOTIFY: there are rows that are due."""
ATTEMPTS = 12
MOST_SECONDS = 600
"""Between two attempts at most."""
LEDGER_SECONDS = 7 * 86_400
"""How long it is known that an event is done: a broker redelivers within minutes."""

Service = Callable[[Event, psycopg.Connection[Any]], None]
"""Does with an event what is to be done. What it writes by the connection is committed with the ledger; the rest must
not be done twice by itself, for whoever dies in between is called again. Raises Later to be called again."""

Noting = Callable[[Sequence[Event], psycopg.Connection[Any]], None]
"""A service that does no more than to note events by the connection: it takes many at a time, in whatever order, and
fails with the database alone."""


class Later(Exception):
    """The service cannot do it now; the text says why, never a value."""

    def __init__(self, reason: str, retry_after: float = 0) -> None:
        """retry_after: seconds until it is worth trying, 0 where nobody knows."""
        super().__init__(reason)
        self.reason, self.retry_after = reason, retry_after


@dataclass(frozen=True, slots=True)
class Fault:
    """A service has failed in a way that trying again does not mend, or too often."""

    service: str
    event: Event
    attempts: int
    reason: str
    error: Exception | None = None


Bury = Callable[[psycopg.Connection[Any], Fault], None]
"""Keeps a dead letter for people, in the transaction."""

_BEGIN = """
with behind as materialized (
  select exists (select from event_delivery where service = $1 and order_key = $2) as yes),
done as (
  insert into event_done (service, sequence, at) select $1, $3, $4 where not (select yes from behind)
    and not exists (select from event_delivery where service = $1 and sequence = $3)
  on conflict do nothing returning 1),
parked as (
  insert into event_delivery (service, sequence, since, due, attempts, interaction, reference, order_key)
  select $1, $3, $5, $4, 0, $6, $7, $2 where (select yes from behind)
    and not exists (select from event_done where service = $1 and sequence = $3)
  on conflict do nothing returning 1)
select exists (select from done), exists (select from parked)"""
_PARK = """
insert into event_delivery (service, sequence, since, due, attempts, interaction, reference, order_key, fault)
select s, n, m, d, a, i, r, k, f
from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::text[],
  %s::text[]) u(s, n, m, d, a, i, r, k, f)
on conflict (service, sequence) do update set
  due = excluded.due, attempts = excluded.attempts, fault = excluded.fault"""
_NEXT = """
with taken as (
  delete from event_delivery where (service, sequence) = (
    select service, sequence from event_delivery d
    where due <= $1 and service = any($2) and not exists (
      select from event_delivery e where e.service = d.service and e.order_key = d.order_key
        and e.sequence < d.sequence)
    order by sequence limit 1 for update skip locked)
  returning service, attempts, sequence, reference, interaction, order_key, since),
done as (
  insert into event_done (service, sequence, at) select service, sequence, $1 from taken
  on conflict do nothing returning 1)
select taken.*, exists (select from done) from taken"""
_DONE = """
insert into event_done (service, sequence, at) select %s, n, %s from unnest(%s::bigint[]) n
on conflict do nothing returning sequence"""
_UNDONE = "delete from event_done where service = %s and sequence = %s"
_COUNT = "update event_count set number = number + %s where name = %s"


def deliver(
    connection: psycopg.Connection[Any], name: str, service: Service, event: Event, now: int, bury: Bury
) -> None:
    """An event that a broker has brought: done, known as done, or kept in `event_delivery` when this returns.

    now: microseconds since 1970 UTC. Raises psycopg.OperationalError if the database is lost: nothing has happened.
    """
    with connection.transaction():
        cursor = psycopg.RawCursor(connection)
        values = (name, event.order_key, event.sequence, now, event.since, event.interaction, event.reference)
        cursor.execute(_BEGIN.encode(), values)
        row = cursor.fetchone()
        assert row is not None
        new, parked = row
        if new:
            _carry_out(connection, name, service, event, 0, now, bury)
        elif not parked:
            count(connection, "redelivered")


def note_all(connection: psycopg.Connection[Any], name: str, noting: Noting, events: Sequence[Event], now: int) -> None:
    """Events that leave the record, in the transaction that takes them out of it: those it does not know are noted."""
    rows = connection.execute(_DONE, [name, now, [one.sequence for one in events]]).fetchall()
    new = {sequence for (sequence,) in rows}
    noting([one for one in events if one.sequence in new], connection)


def deliver_due(connection: psycopg.Connection[Any], services: Mapping[str, Service], now: int, bury: Bury) -> bool:
    """Has the next event that is due done with; False if there is none, or others are at them. As `deliver`."""
    with connection.transaction():
        row = psycopg.RawCursor(connection).execute(_NEXT.encode(), [now, list(services)]).fetchone()
        if row is None:
            return False
        name, attempts, sequence, reference, interaction, key, since, new = row
        if attempts:
            count(connection, "redelivered")
        if new:
            event = Event(sequence, reference, interaction, key, since)
            _carry_out(connection, name, services[name], event, attempts, now, bury)
    return True


def _carry_out(
    connection: psycopg.Connection[Any], name: str, service: Service, event: Event, before: int, now: int, bury: Bury
) -> None:
    """The service, in the transaction that has the row of the ledger; if it fails, the event is kept instead."""
    attempts = before + 1
    try:
        with connection.transaction():
            service(event, connection)
    except (Later, psycopg.Error) as error:
        if isinstance(error, psycopg.OperationalError) and connection.broken:
            raise
        reason = error.reason if isinstance(error, Later) else type(error).__name__
        after = error.retry_after if isinstance(error, Later) else 0
        if attempts < ATTEMPTS:
            connection.execute(_UNDONE, [name, event.sequence])
            park(connection, [(name, event)], now + int(max(after, pause(attempts)) * 1_000_000), attempts, reason)
        else:
            _die(connection, Fault(name, event, attempts, reason), bury)
    except Exception as error:  # noqa: BLE001 - a service's own fault must not hold up other patients
        _die(connection, Fault(name, event, attempts, type(error).__qualname__, error), bury)


def dead(connection: psycopg.Connection[Any], fault: Fault, now: int, bury: Bury) -> None:
    """A broker has given up delivering an event: a dead letter, unless it is known."""
    with connection.transaction():
        if connection.execute(_DONE, [fault.service, now, [fault.event.sequence]]).fetchone() is not None:
            _die(connection, fault, bury)


def _die(connection: psycopg.Connection[Any], fault: Fault, bury: Bury) -> None:
    """It stays in the ledger: whoever sends it again, it is people who decide."""
    count(connection, "dead")
    bury(connection, fault)


def pause(attempts: int) -> float:
    """Seconds after so many attempts: 1, 2, 4, ... MOST_SECONDS."""
    return min(2.0 ** (attempts - 1), MOST_SECONDS)


def park(
    connection: psycopg.Connection[Any],
    events: Sequence[tuple[str, Event]],
    due: int,
    attempts: int = 0,
    fault: str | None = None,
) -> None:
    """Keeps events for services, to be done with by `deliver_due` from `due` on."""
    rows = [
        (name, one.sequence, one.since, due, attempts, one.interaction, one.reference, one.order_key, fault)
        for name, one in events
    ]
    connection.execute(_PARK, [list(column) for column in zip(*rows, strict=True)])
    connection.execute(f"notify {CHANNEL}".encode())


def count(connection: psycopg.Connection[Any], name: str, number: int = 1) -> None:
    """Counts what metrics tell: published, redelivered, dead."""
    connection.execute(_COUNT, [number, name])


def forget(connection: psycopg.Connection[Any], now: int) -> None:
    """Forgets what was done long ago."""
    connection.execute("delete from event_done where at < %s", [now - LEDGER_SECONDS * 1_000_000])
