"""The durable queue: messages that are due, urgent lanes first, of one order key one after the other.

Tasy contract, section 3. Whoever takes a message has it for a while (a lease); if nothing is heard of them it is given
to somebody else, so it may be worked on more than once, and is never lost. What fails is tried again later, and is a
dead letter in the end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow

from messages import bodies, store
from messages.bodies import Sealed, Sealing
from messages.states import AT_REST, State
from messages.store import BACKGROUND, INTERACTIVE, URGENT, Fault, LeaseLost, Rows

ATTEMPTS = 12
FIRST, LONGEST = timedelta(seconds=2), timedelta(minutes=10)
"""Before the second attempt, and before any."""
LEASE = timedelta(minutes=2)
LANES = (URGENT, INTERACTIVE, BACKGROUND)
ACTOR = "queue"
_RACES = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is this taker's for the time of the lease."""

    id: int
    lease: UUID
    correlation: UUID
    flow: str
    direction: str
    business_key: str
    order_key: str | None
    lane: int
    state: State
    attempt: int
    """From 1."""
    received: datetime
    run: int | None
    applied: tuple[str, ...]
    body: bytes = field(repr=False)
    """Raw, or as it was last corrected."""
    mapped: bytes | None = field(repr=False)
    """Of an earlier attempt; None once it was corrected."""


# What is being worked on goes before all others of its key, then what came first.
_TAKE = """
with free as (
  select m.id from messages.message m
  where m.due <= %(now)s and m.flow = any(%(flows)s) and m.lane = any(%(lanes)s)
    and (m.order_key is null or not exists (
    select from messages.message n
    where n.order_key = m.order_key and n.due is not null and n.id <> m.id
      and (n.lease is not null or m.lease is null and n.id < m.id)))
  order by m.lane, m.due, m.id limit %(most)s for update of m skip locked
), taken as (
  update messages.message m set lease = gen_random_uuid(), due = %(until)s, attempts = m.attempts + 1
  from free where m.id = free.id
  returning m.*
)
select t.id, t.lease, t.correlation, t.flow, t.direction, t.business_key, t.order_key, t.lane, t.state, t.attempts,
  t.received, t.run_id, t.applied, t.hash, t.raw, t.mapped, e.number, e.body
from taken t left join lateral (
  select number, body from messages.edit where message_id = t.id order by number desc limit 1) e on true
order by t.lane, t.id"""


def take(
    connection: Rows, sealing: Sealing, now: datetime, flows: Collection[str], *, lease: timedelta = LEASE
) -> Taken | None:
    """The next message of these flows, None: there is none now. See `take_many`."""
    found = take_many(connection, sealing, now, flows, most=1, lease=lease)
    return found[0] if found else None


def take_many(
    connection: Rows,
    sealing: Sealing,
    now: datetime,
    flows: Collection[str],
    *,
    most: int,
    lease: timedelta = LEASE,
    lanes: Collection[int] = LANES,
) -> list[Taken]:
    """At most so many messages of these lanes, all of different order keys, in one round trip. Raises CannotOpen.

    connection: in autocommit, for what was taken has to be known to others at once; ValueError if it is not. A message
    whose last attempt was never heard of is a dead letter now, and not given to anybody.
    """
    if not connection.autocommit:
        raise ValueError("messages are taken on a connection in autocommit")
    values = {"now": now, "flows": list(flows), "until": now + lease, "most": most, "lanes": list(lanes)}
    for _ in range(_RACES):
        try:
            rows = connection.execute(_TAKE, values).fetchall()
        except UniqueViolation:  # another of the same key was taken just now
            continue
        found = [_taken(sealing, row) for row in rows]
        spent = [one for one in found if one.attempt > ATTEMPTS]
        for one in spent:
            _die(connection, one, now, Fault("attempts", f"no outcome of {ATTEMPTS} attempts"), ACTOR)
        if not spent or len(spent) < len(found):
            return [one for one in found if one.attempt <= ATTEMPTS]
    return []


def _taken(sealing: Sealing, row: TupleRow) -> Taken:
    id, hash, raw, mapped, number, edit = row[0], *row[13:]
    if number is None:
        body = sealing.unseal(raw, bodies.raw(hash))
    else:
        body = sealing.unseal(edit, bodies.edited(id, number))
    before = None if mapped is None else sealing.unseal(mapped, bodies.mapped(id))
    values: list[Any] = [*row[:8], State(row[8]), *row[9:12], tuple(row[12]), body, before]
    return Taken(*values)


def put(connection: Rows, id: int, due: datetime) -> None:
    """Puts a message that is here into the queue. Raises NoSuchMessage: nobody has it, or it is at rest."""
    done = connection.execute(
        "update messages.message set due = %s, lease = null where id = %s and state = any(%s) returning id",
        (due, id, [str(one) for one in State if one not in AT_REST]),
    )
    if done.rowcount == 0:
        raise store.NoSuchMessage(id)


def done(
    connection: Rows,
    taken: Taken,
    path: State | Sequence[State],
    actor: str,
    now: datetime,
    *,
    mapped: Sealed | None = None,
    applied: Sequence[str] | None = None,
    fault: Fault | None = None,
    reason: str | None = None,
) -> None:
    """Moves the message on and out of the queue. Raises LeaseLost, NotAllowed."""
    store.advance(
        connection, taken.id, path, actor, now, mapped=mapped, applied=applied, fault=fault, leaves=True,
        reason=reason, lease=taken.lease,
    )  # fmt: skip


def again(
    connection: Rows,
    taken: Taken,
    now: datetime,
    fault: Fault,
    actor: str,
    *,
    after: timedelta = timedelta(0),
    jitter: Callable[[], float] = random.random,
) -> State:
    """It failed: tried again later, not before `after`; after the last attempt it is a dead letter.

    Gives the state it is in. Raises LeaseLost.
    """
    if taken.attempt >= ATTEMPTS:
        _die(connection, taken, now, fault, actor)
        return State.MORTA
    _give_back(connection, taken, now + max(after, pause(taken.attempt, jitter())), taken.attempt, fault)
    return taken.state


def later(connection: Rows, taken: Taken, due: datetime) -> None:
    """Gives it back untried, which is no attempt: the partner takes nothing now. Raises LeaseLost."""
    _give_back(connection, taken, due, taken.attempt - 1, None)


def reclaim(connection: Rows, flows: Collection[str], now: datetime) -> int:
    """Gives back what somebody took who is known to be gone, without waiting for the end of leases; how many.

    For whoever is the only taker of these flows: what the other does yet is LeaseLost to them.
    """
    given = connection.execute(
        "update messages.message set due = %s, lease = null where lease is not null and flow = any(%s)",
        (now, list(flows)),
    )
    return given.rowcount


def pause(attempt: int, share: float) -> timedelta:
    """Before the attempt after this one: doubling, the upper half of it by chance (share: 0 to 1), up to LONGEST."""
    longest: timedelta = min(LONGEST, FIRST * (1 << (attempt - 1)))
    return longest * (0.5 + share / 2)


def _give_back(connection: Rows, taken: Taken, due: datetime, attempts: int, fault: Fault | None) -> None:
    code, reason, element = (fault.code, fault.reason, fault.element or None) if fault else (None, None, None)
    given = connection.execute(
        "update messages.message set due = %s, lease = null, attempts = %s, fault_code = coalesce(%s, fault_code),"
        " fault_reason = coalesce(%s, fault_reason), fault_element = coalesce(%s, fault_element)"
        " where id = %s and lease = %s",
        (due, attempts, code, reason, element, taken.id, taken.lease),
    )
    if given.rowcount == 0:
        raise LeaseLost


def _die(connection: Rows, taken: Taken, now: datetime, fault: Fault, actor: str) -> None:
    store.advance(connection, taken.id, State.MORTA, actor, now, fault=fault, reason=fault.reason, lease=taken.lease)
