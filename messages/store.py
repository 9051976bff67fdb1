"""Messages stored and moved on: the one place where their rows change. Tasy contract, section 16.

Each function is one statement, hence one round trip on a connection in autocommit, and part of the transaction on any
other; none commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import TupleRow

from messages import bodies, states
from messages.bodies import Sealed, Sealing
from messages.states import NotAllowed, State

Rows = Connection[TupleRow]
URGENT, INTERACTIVE, BACKGROUND = range(3)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message cannot go on. Never has a value of it."""

    code: str
    reason: str
    element: str = ""
    """Path in the body: "itens[1].ie_status"."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it arrives."""

    flow: str
    business_key: str
    raw: bytes = field(repr=False)
    correlation: UUID = field(default_factory=uuid4)
    direction: str = "in"
    source: str = "tasy"
    order_key: str | None = None
    """Key of the ERP or a reference; never a CPF, never a name."""
    lane: int = BACKGROUND
    due: datetime | None = None
    """When the queue may give it to somebody; None: it is in no queue."""
    run: int | None = None
    then: tuple[State, ...] = ()
    """Steps it takes at once after ARMAZENADA, such as MORTA for a line that cannot be used."""
    fault: Fault | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What became of it."""

    id: int
    new: bool
    """Else the same was here before: that is noted with it."""
    state: State


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one message."""

    id: int
    path: tuple[State, ...]
    """One state, or several in their order."""
    mapped: Sealed | None = None
    """For the place `bodies.mapped(id)`."""
    applied: tuple[str, ...] | None = None
    fault: Fault | None = None
    due: datetime | None = None
    """When the queue may give it to somebody; None: as before, and in no queue in a state at rest."""
    leaves: bool = False
    """Whether it leaves the queue in any case."""
    reason: str | None = None
    lease: UUID | None = None
    """Of whoever works on it, who must still have it."""


class NoSuchMessage(LookupError):
    """There is none with this id."""


class LeaseLost(Exception):
    """Somebody else has the message by now: what was done with it is theirs to say."""


_RECEIVE = """
with given as materialized (
  select * from unnest(
    %(n)s::int[], %(correlation)s::uuid[], %(flow)s::text[], %(direction)s::text[], %(source)s::text[],
    %(business_key)s::text[], %(hash)b::bytea[], %(order_key)s::text[], %(lane)s::smallint[], %(state)s::text[],
    %(due)s::timestamptz[], %(run)s::bigint[], %(raw)b::bytea[], %(fault_code)s::text[], %(fault_element)s::text[],
    %(fault_reason)s::text[]
  ) as g (n, correlation, flow, direction, source, business_key, hash, order_key, lane, state, due, run_id, raw,
          fault_code, fault_element, fault_reason)
), stored as (
  insert into messages.message as m (correlation, flow, direction, source, business_key, hash, order_key, lane, state,
    received, changed, due, run_id, raw, fault_code, fault_element, fault_reason)
  select correlation, flow, direction, source, business_key, hash, order_key, lane, state, %(now)s, %(now)s, due,
    run_id, raw, fault_code, fault_element, fault_reason
  from given order by n
  on conflict (source, business_key, hash) do update set repeats = m.repeats + 1
  returning m.id, m.flow, m.source, m.business_key, m.hash, m.repeats, m.state
), found as (
  select g.n, g.correlation, s.id, s.flow, s.hash, s.repeats = 0 as new, s.state
  from stored s join given g using (source, business_key, hash)
), noted as (
  insert into messages.transition (message_id, at, from_state, to_state, actor, correlation, hash, reason, flow)
  select f.id, %(now)s, t.from_state, t.to_state, %(actor)s, f.correlation, f.hash, t.reason, f.flow
  from found f join unnest(%(step_n)s::int[], %(step_new)s::bool[], %(step_from)s::text[], %(step_to)s::text[],
                           %(step_reason)s::text[])
    with ordinality as t (n, new, from_state, to_state, reason, place) on t.n = f.n and t.new = f.new
  order by f.n, t.place
)
select n, id, new, state from found"""


def receive(connection: Rows, sealing: Sealing, incoming: Incoming, actor: str, now: datetime) -> Received:
    """Stores a message; it is durable once the transaction is. Raises NotAllowed, ValueError (too long).

    The same again (source, business key, hash) is noted as DUPLICADA with what is there, and not stored.
    """
    return receive_many(connection, sealing, (incoming,), actor, now)[0]


def receive_many(
    connection: Rows, sealing: Sealing, incoming: Sequence[Incoming], actor: str, now: datetime
) -> list[Received]:
    """As `receive`, in the order given."""
    firsts: dict[tuple[str, str, bytes], int] = {}
    again: list[int] = []
    hashes = [sha256(one.raw).digest() for one in incoming]
    for n, one in enumerate(incoming):
        if firsts.setdefault((one.source, one.business_key, hashes[n]), n) != n:
            again.append(n)
    found: dict[int, Received] = {}
    if firsts:
        values = _columns(sealing, {n: incoming[n] for n in firsts.values()}, hashes)
        for n, id, new, state in connection.execute(_RECEIVE, values | {"actor": actor, "now": now}):
            found[n] = Received(id, new, State(state))
    if again:  # one statement cannot meet the same row twice
        found |= zip(again, receive_many(connection, sealing, [incoming[n] for n in again], actor, now), strict=True)
    return [found[n] for n in range(len(incoming))]


def _columns(sealing: Sealing, given: Mapping[int, Incoming], hashes: Sequence[bytes]) -> dict[str, Any]:
    """The parameters of _RECEIVE."""
    every, ns = list(given.values()), list(given)
    steps: list[tuple[int, bool, str | None, str, str | None]] = []
    for n, one in given.items():
        path = (State.RECEBIDA, State.ARMAZENADA, *one.then)
        states.check(path)
        last = len(path) - 1
        steps += [
            (n, True, str(path[at - 1]) if at else None, str(to), one.reason if at == last else None)
            for at, to in enumerate(path)
        ]
        steps.append((n, False, None, str(State.DUPLICADA), None))
    kinds = [_faults(one.fault) for one in every]
    ends = [str(one.then[-1] if one.then else State.ARMAZENADA) for one in every]
    return {
        "n": ns, "correlation": [one.correlation for one in every], "flow": [one.flow for one in every],
        "direction": [one.direction for one in every], "source": [one.source for one in every],
        "business_key": [one.business_key for one in every], "hash": [hashes[n] for n in ns],
        "order_key": [one.order_key for one in every], "lane": [one.lane for one in every], "state": ends,
        "due": [None if end in states.AT_REST else one.due for end, one in zip(ends, every, strict=True)],
        "run": [one.run for one in every],
        "raw": [sealing.seal(one.raw, bodies.raw(hashes[n])).body for n, one in given.items()],
        "fault_code": [one[0] for one in kinds], "fault_element": [one[1] for one in kinds],
        "fault_reason": [one[2] for one in kinds],
        "step_n": [one[0] for one in steps], "step_new": [one[1] for one in steps],
        "step_from": [one[2] for one in steps], "step_to": [one[3] for one in steps],
        "step_reason": [one[4] for one in steps],
    }  # fmt: skip


def _faults(fault: Fault | None) -> tuple[str | None, str | None, str | None]:
    return (None, None, None) if fault is None else (fault.code, fault.element or None, fault.reason)


_ADVANCE = """
with given as materialized (
  select * from unnest(
    %(n)s::int[], %(id)s::bigint[], %(before)s::text[], %(state)s::text[], %(mapped)b::bytea[],
    %(mapped_hash)b::bytea[], %(applied)s::text[], %(fault_code)s::text[], %(fault_element)s::text[],
    %(fault_reason)s::text[], %(due)s::timestamptz[], %(leaves)s::bool[], %(fresh)s::bool[], %(reason)s::text[],
    %(lease)s::uuid[]
  ) as g (n, id, before, state, mapped, mapped_hash, applied, fault_code, fault_element, fault_reason, due, leaves,
          fresh, reason, lease)
), present as materialized (
  select m.id, m.state, m.flow, m.correlation, m.lease, coalesce((
    select e.hash from messages.edit e where e.message_id = m.id order by e.number desc limit 1), m.hash) as hash
  from messages.message m where m.id = any(%(id)s::bigint[]) order by m.id for update of m
), judged as materialized (
  select g.*, p.state as present, p.flow, p.correlation, p.hash,
    p.state = any(string_to_array(g.before, ' ')) as allowed,
    g.lease is null or g.lease is not distinct from p.lease as held
  from given g left join present p using (id)
), good as materialized (
  select j.* from judged j where not exists (select from judged where (allowed and held) is not true)
), changed as (
  update messages.message m set
    state = g.state, changed = %(now)s, mapped = coalesce(g.mapped, case when g.fresh then null else m.mapped end),
    applied = case when g.applied is null then m.applied else string_to_array(g.applied, ' ') end,
    fault_code = g.fault_code, fault_element = g.fault_element, fault_reason = g.fault_reason,
    due = case when g.leaves then null else coalesce(g.due, m.due) end,
    lease = case when g.leaves or g.due is not null then null else m.lease end,
    attempts = case when g.fresh then 0 else m.attempts end
  from good g where m.id = g.id
), noted as (
  insert into messages.transition (message_id, at, from_state, to_state, actor, correlation, hash, reason, flow)
  select g.id, %(now)s, coalesce(t.from_state, g.present), t.to_state, %(actor)s, g.correlation,
    case when t.to_state = 'MAPEADA' then coalesce(g.mapped_hash, g.hash) else g.hash end,
    case when t.last then g.reason end, g.flow
  from good g join unnest(%(step_n)s::int[], %(step_from)s::text[], %(step_to)s::text[], %(step_last)s::bool[])
    with ordinality as t (n, from_state, to_state, last, place) using (n)
  order by g.n, t.place
)
select n, present, allowed, held from judged order by n"""


def advance(
    connection: Rows,
    id: int,
    state: State | Sequence[State],
    actor: str,
    now: datetime,
    *,
    mapped: Sealed | None = None,
    applied: Sequence[str] | None = None,
    fault: Fault | None = None,
    due: datetime | None = None,
    leaves: bool = False,
    reason: str | None = None,
    lease: UUID | None = None,
) -> None:
    """Moves a message on, by one step of the table or several (`states.way`); see `Step`.

    Raises NotAllowed, NoSuchMessage, LeaseLost; nothing has changed then.
    """
    path = (state,) if isinstance(state, State) else tuple(state)
    step = Step(id, path, mapped, None if applied is None else tuple(applied), fault, due, leaves, reason, lease)
    advance_many(connection, (step,), actor, now)


def advance_many(connection: Rows, steps: Sequence[Step], actor: str, now: datetime) -> None:
    """Moves messages on, all of them or none. Raises what `advance` does, of the first at fault."""
    if not steps:
        return
    if len({one.id for one in steps}) < len(steps):
        raise ValueError("a message is named twice")
    for one in steps:
        if not one.path:
            raise ValueError("a step leads somewhere")
        states.check(one.path, known=False)
    walked = [
        (n, str(one.path[at - 1]) if at else None, str(to), at == len(one.path) - 1)
        for n, one in enumerate(steps)
        for at, to in enumerate(one.path)
    ]
    kinds = [_faults(one.fault) for one in steps]
    ends = [one.path[-1] for one in steps]
    values = {
        "n": list(range(len(steps))), "id": [one.id for one in steps],
        "before": [" ".join(sorted(states.before(one.path[0]))) for one in steps], "state": [str(one) for one in ends],
        "mapped": [one.mapped.body if one.mapped else None for one in steps],
        "mapped_hash": [one.mapped.hash if one.mapped else None for one in steps],
        "applied": [None if one.applied is None else " ".join(one.applied) for one in steps],
        "fault_code": [one[0] for one in kinds], "fault_element": [one[1] for one in kinds],
        "fault_reason": [one[2] for one in kinds], "due": [one.due for one in steps],
        "leaves": [one.leaves or end in states.AT_REST for one, end in zip(steps, ends, strict=True)],
        "fresh": [State.ARMAZENADA in one.path for one in steps], "reason": [one.reason for one in steps],
        "lease": [one.lease for one in steps], "actor": actor, "now": now,
        "step_n": [one[0] for one in walked], "step_from": [one[1] for one in walked],
        "step_to": [one[2] for one in walked], "step_last": [one[3] for one in walked],
    }  # fmt: skip
    for n, present, allowed, held in connection.execute(_ADVANCE, values):
        if present is None:
            raise NoSuchMessage(steps[n].id)
        if not held:
            raise LeaseLost
        if not allowed:
            raise NotAllowed(State(present), steps[n].path[0])
