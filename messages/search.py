"""Messages looked at: one with its history and forms, and those that meet criteria."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow

from messages import bodies
from messages.bodies import Sealing
from messages.states import State
from messages.store import Fault, NoSuchMessage, Rows


@dataclass(frozen=True, slots=True)
class Message:
    """A message without its bodies."""

    id: int
    correlation: UUID
    flow: str
    direction: str
    source: str
    business_key: str
    hash: bytes
    order_key: str | None
    lane: int
    state: State
    received: datetime
    changed: datetime
    due: datetime | None
    attempts: int
    repeats: int
    run: int | None
    applied: tuple[str, ...]
    fault: Fault | None
    edits: int
    """Corrections so far: the version of the body in force."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing that became of a message."""

    at: datetime
    before: State | None
    after: State
    actor: str
    correlation: UUID
    hash: bytes
    reason: str | None


@dataclass(frozen=True, slots=True)
class Criteria:
    """What messages are looked for; what is None does not matter."""

    correlation: UUID | None = None
    business_key: str | None = None
    begins: str | None = None
    """How the business key begins: the name of a file."""
    order_key: str | None = None
    flow: str | None = None
    states: Collection[State] | None = None
    run: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Received from, and before."""


@dataclass(frozen=True, slots=True)
class Forms:
    """The bodies of a message."""

    raw: bytes = field(repr=False)
    edits: tuple[Edit, ...] = ()
    """In their order."""
    mapped: bytes | None = field(default=None, repr=False)

    @property
    def in_force(self) -> bytes:
        """What is to be mapped: the last correction, or the raw bytes."""
        return self.edits[-1].body if self.edits else self.raw


@dataclass(frozen=True, slots=True)
class Edit:
    """A correction."""

    number: int
    at: datetime
    author: str
    reason: str
    hash: bytes
    body: bytes = field(repr=False)


_MESSAGE = """
select m.id, m.correlation, m.flow, m.direction, m.source, m.business_key, m.hash, m.order_key, m.lane, m.state,
  m.received, m.changed, m.due, m.attempts, m.repeats, m.run_id, m.applied, m.fault_code, m.fault_element,
  m.fault_reason, (select count(*) from messages.edit e where e.message_id = m.id)
from messages.message m"""


def _message(row: TupleRow) -> Message:
    code, element, reason, edits = row[17:]
    fault = None if code is None else Fault(code, reason or "", element or "")
    values: list[Any] = [*row[:9], State(row[9]), *row[10:16], tuple(row[16]), fault, edits]
    return Message(*values)


def message(connection: Rows, id: int) -> Message:
    """One message. Raises NoSuchMessage."""
    row = connection.execute(f"{_MESSAGE} where m.id = %s", (id,)).fetchone()
    if row is None:
        raise NoSuchMessage(id)
    return _message(row)


def history(connection: Rows, id: int) -> list[Transition]:
    """What became of a message, first to last."""
    rows = connection.execute(
        "select at, from_state, to_state, actor, correlation, hash, reason from messages.transition"
        " where message_id = %s order by id", (id,),
    )  # fmt: skip
    return [Transition(at, State(one) if one else None, State(two), *rest) for at, one, two, *rest in rows]


_CONDITIONS = {
    "correlation": "m.id in (select o.id from messages.message o where o.correlation = %(correlation)s"
    " union all select t.message_id from messages.transition t"
    " where t.to_state = 'DUPLICADA' and t.correlation = %(correlation)s)",
    "business_key": "m.business_key = %(business_key)s",
    "begins": "m.business_key like %(begins)s",
    "order_key": "m.order_key = %(order_key)s",
    "flow": "m.flow = %(flow)s",
    "states": "m.state = any(%(states)s)",
    "run": "m.run_id = %(run)s",
    "since": "m.received >= %(since)s",
    "until": "m.received < %(until)s",
    "after": "m.id < %(after)s",
}

_FEW = ("correlation", "business_key", "begins", "order_key", "run")
"""What few messages have in common: they are looked at one by one."""
# The newest of each flow and state, each from the index that has them in order; of those the newest.
_BY_STATE = """
with recursive f as (
  (select flow from messages.message order by flow limit 1) union all
  select (select n.flow from messages.message n where n.flow > f.flow order by n.flow limit 1) from f
  where f.flow is not null)
select o.id from f cross join unnest(%(states)s::text[]) as s (state) cross join lateral (
  select m.id from messages.message m where m.flow = f.flow and m.state = s.state and {}
  order by m.id desc limit %(most)s) o"""


def found(connection: Rows, criteria: Criteria, *, after: int | None = None, most: int = 50) -> list[Message]:
    """Messages, newest first, at most so many, of those older than the one whose id is `after`."""
    values: dict[str, Any] = {name: getattr(criteria, name) for name in Criteria.__slots__}
    if criteria.begins is not None:
        values["begins"] = "".join(f"\\{one}" if one in "\\%_" else one for one in criteria.begins) + "%"
    if criteria.states is not None:
        values["states"] = [str(one) for one in criteria.states]
    values |= {"after": after, "most": most}
    wanted = [text for name, text in _CONDITIONS.items() if values[name] is not None]
    if criteria.states is not None and not any(values[name] is not None for name in _FEW):
        where = f" where m.id = any(array({_BY_STATE.format(' and '.join(['true', *wanted]))}))"
    else:
        where = f" where {' and '.join(wanted)}" if wanted else ""
    return [_message(row) for row in connection.execute(f"{_MESSAGE}{where} order by m.id desc limit %(most)s", values)]


_BODIES = """
select null::int, m.received, m.source, '', m.hash, m.raw, m.mapped from messages.message m where m.id = %(id)s
union all
select number, at, author, reason, hash, body, null from messages.edit where message_id = %(id)s
order by 1 nulls first"""


def forms(connection: Rows, sealing: Sealing, id: int) -> Forms:
    """The bodies of a message. Raises NoSuchMessage, CannotOpen."""
    rows = connection.execute(_BODIES, {"id": id}).fetchall()
    if not rows:
        raise NoSuchMessage(id)
    hash, raw, mapped = rows[0][4:]
    edits = tuple(
        Edit(number, at, author, reason, digest, sealing.unseal(body, bodies.edited(id, number)))
        for number, at, author, reason, digest, body, _ in rows[1:]
    )
    return Forms(
        sealing.unseal(raw, bodies.raw(hash)),
        edits,
        None if mapped is None else sealing.unseal(mapped, bodies.mapped(id)),
    )
