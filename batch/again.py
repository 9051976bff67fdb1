"""Lines that were not applied with their set: those that wait for what they refer to, and those a person sent again.

They are messages in the queue. Counts of their run follow what becomes of them. Tasy contract, 10.3, 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from batch import ledger, plans
from batch.apply import Piece, entries_of, send, waits
from batch.entities import CODES, REMOVED, entity
from batch.faults import CODES as REASONS
from batch.lines import Fault, Raw, Target, targets
from batch.names import SetName, set_name
from batch.parts import ACTOR, Parts
from batch.text import repairs
from messages import queue, runs, search, store
from messages.queue import Taken
from messages.states import State

PATIENCE = timedelta(hours=24)
"""For what a line refers to."""
LOOK = timedelta(minutes=15)
"""Between two tries without a new set."""
MOST = 200
FLOWS = frozenset(CODES.values())


def due_now(parts: Parts, flow: str) -> None:
    """Lines that wait are tried with the next `work`: there is a new set."""
    parts.connection.execute(
        "update messages.message set due = %s where flow = %s and state = %s and lease is null",
        [parts.now(), flow, str(State.ESTACIONADA)],
    )


async def work(parts: Parts) -> int:
    """Tries the lines that are due; how many were applied. Raises PartnerUnavailable: they are given to the next."""
    done = 0
    while taken := queue.take_many(parts.connection, parts.sealing, parts.now(), FLOWS, most=MOST):
        done += await _tried(parts, taken)
    return done


@dataclass(frozen=True, slots=True)
class _Line:
    taken: Taken
    name: SetName
    type: str
    """Of the file."""
    targets: list[Target]

    @property
    def fault(self) -> Fault | None:
        return self.targets[0].fault


class _Moved(NamedTuple):
    """Where a line goes, and what its run counts it as."""

    path: tuple[State, ...]
    counted: str
    fault: Fault | None = None
    reason: str | None = None


async def _tried(parts: Parts, taken: Sequence[Taken]) -> int:
    found = [_line(parts, one) for one in taken]
    pieces, moved = list[Piece](), dict[int, _Moved]()
    for number, line in enumerate(found):
        if line.fault is not None:
            moved[number] = _dead(line.taken, line.fault)
        elif line.taken.run is not None and ledger.overtaken(parts.connection, line.taken.run, line.targets):
            path = _aside(line.taken, State.DUPLICADA)
            moved[number] = _Moved(path, "unchanged", reason="uma linha mais nova foi aplicada")
        else:
            pieces.append(Piece(number, await _entries(parts, line)))
    refused = await send(parts.client, pieces) if pieces else {}
    for piece in pieces:
        fault = refused.get(piece.number)
        moved[piece.number] = _judged(parts, found[piece.number], fault)
    for number, step in moved.items():
        _note(parts, found[number], step)
    return len(pieces) - len(refused)


def _line(parts: Parts, taken: Taken) -> _Line:
    file, _, _ = taken.business_key.rpartition(":")
    name = set_name(file)
    assert name is not None  # the key was made of a file of a set
    kind = name.resource_of(file)
    return _Line(taken, name, kind, targets(Raw(1, taken.body), name.flow, kind, parts.site))


async def _entries(parts: Parts, line: _Line) -> list[bytes]:
    named = [(str(one.type), str(one.id)) for one in line.targets]
    kind = entity(line.name.flow, line.type)
    if kind is not None and kind.versioned:
        made = await plans.entries(parts.client, ledger.Entry(1, named, None), line.taken.body)
    else:
        made = entries_of(line.name.flow, line.type, named, line.taken.body)
    return made if line.type == REMOVED else [*made, *repairs(named, line.taken.body, parts.site)]


def _judged(parts: Parts, line: _Line, fault: Fault | None) -> _Moved:
    if fault is None:
        return _Moved(_aside(line.taken, State.APLICADA, State.ENTREGUE), "accepted")
    if waits(line.type, fault) and parts.now() - line.taken.received < PATIENCE:
        return _Moved(_aside(line.taken, State.ESTACIONADA), "in_review", fault)
    return _dead(line.taken, fault)


def _dead(taken: Taken, fault: Fault) -> _Moved:
    return _Moved(_aside(taken, State.MORTA), "rejected", fault)


def _aside(taken: Taken, *end: State) -> tuple[State, ...]:
    """The steps from where a line is to an end; () where it is there."""
    if (taken.state,) == end:
        return ()
    begun = () if taken.state is State.ARMAZENADA else (State.ARMAZENADA,)
    between = (State.VALIDADA, State.MAPEADA) if State.APLICADA in end else ()
    return (*begun, *between, *end)


def _note(parts: Parts, line: _Line, step: _Moved) -> None:
    connection, taken, now = parts.connection, line.taken, parts.now()
    fault = None if step.fault is None else store.Fault(step.fault.code, REASONS[step.fault.code], step.fault.element)
    with connection.transaction():
        before = _counted(parts, taken)
        if step.counted == "accepted" and taken.run is not None:
            ledger.one_applied(connection, taken.run, line.targets, Raw(1, taken.body).hash)
        if step.counted == "in_review":
            if step.path:
                store.advance(
                    connection, taken.id, step.path, ACTOR, now, fault=fault, due=now + LOOK, lease=taken.lease
                )  # fmt: skip
            else:
                queue.later(connection, taken, now + LOOK)
        else:
            queue.done(connection, taken, step.path, ACTOR, now, fault=fault, reason=step.reason)
        if taken.run is not None and before != step.counted:
            more = {before: -1, "accepted" if step.counted == "unchanged" else step.counted: 1}
            runs.count(connection, taken.run, **more, **({"unchanged": 1} if step.counted == "unchanged" else {}))


def _counted(parts: Parts, taken: Taken) -> str:
    """What its run counts a line as: by what it was before a person, or nobody, sent it again."""
    for one in reversed(search.history(parts.connection, taken.id)):
        if one.after is State.MORTA:
            return "rejected"
        if one.after is State.ESTACIONADA:
            return "in_review"
    return "rejected"
