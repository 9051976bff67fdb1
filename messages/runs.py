"""Runs: sets of files from manifest to receipt, and what guards and people said. Tasy contract, section 10."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from messages import bodies
from messages.bodies import Sealing
from messages.store import Rows

WAITING, RUNNING, HELD, APPLIED, REFUSED, DUPLICATE, FAILED = STATES = (
    "WAITING", "RUNNING", "HELD", "APPLIED", "REFUSED", "DUPLICATE", "FAILED",
)  # fmt: skip
ALLOWED: Mapping[str, frozenset[str]] = {
    WAITING: frozenset({RUNNING, HELD, REFUSED, FAILED}),
    RUNNING: frozenset({HELD, APPLIED, REFUSED, FAILED, WAITING}),
    HELD: frozenset({RUNNING, REFUSED}),
    FAILED: frozenset({RUNNING, REFUSED}),
    APPLIED: frozenset(),
    REFUSED: frozenset(),
    DUPLICATE: frozenset(),
}
"""From each state those that may follow. HELD waits for a person, WAITING for the set before it."""
COUNTS = ("received", "accepted", "rejected", "in_review", "unchanged")


class NotNow(Exception):
    """The run is in a state in which that cannot be."""

    def __init__(self, present: str, wanted: str) -> None:
        super().__init__(f"a run that is {present} cannot be {wanted}")
        self.present, self.wanted = present, wanted


class NoSuchRun(LookupError):
    """There is none with this id."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Something that keeps a set from being applied."""

    name: str
    text: str
    """With figures; nobody's data."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run."""

    id: int
    flow: str
    set_name: str
    sequence: int | None
    mode: str
    state: str
    manifest_hash: bytes
    started: datetime
    finished: datetime | None
    received: int
    accepted: int
    rejected: int
    in_review: int
    unchanged: int
    guards: tuple[Guard, ...]
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    has_receipt: bool


_RUN = """
id, flow, set_name, sequence, mode, state, manifest_hash, started, finished, received, accepted, rejected, in_review,
unchanged, guards, decided_by, decided_at, decision_reason, receipt is not null"""


def _run(row: TupleRow) -> Run:
    values: list[Any] = [*row[:14], tuple(Guard(**one) for one in row[14]), *row[15:]]
    return Run(*values)


def begin(
    connection: Rows,
    flow: str,
    set_name: str,
    manifest_hash: bytes,
    now: datetime,
    *,
    sequence: int | None = None,
    mode: str = "DELTA",
    state: str = RUNNING,
) -> tuple[Run, bool]:
    """The run of a set, and whether it is new: the same manifest has one run, to go on with after an interruption."""
    row = connection.execute(
        "insert into messages.run as r (flow, set_name, sequence, mode, state, manifest_hash, started)"
        " values (%(flow)s, %(set_name)s, %(sequence)s, %(mode)s, %(state)s, %(hash)s, %(now)s)"
        " on conflict (flow, manifest_hash) where state <> 'DUPLICATE' do update set flow = r.flow"
        f" returning {_RUN}, xmax = 0",
        {"flow": flow, "set_name": set_name, "sequence": sequence, "mode": mode, "state": state,
         "hash": manifest_hash, "now": now},
    ).fetchone()  # fmt: skip
    assert row is not None
    return _run(row[:-1]), bool(row[-1])


def again(connection: Rows, first: Run, set_name: str, now: datetime) -> int:
    """Notes that a set came again (DUPLICADO); the id of that run."""
    row = connection.execute(
        "insert into messages.run (flow, set_name, sequence, mode, state, manifest_hash, started, finished)"
        f" values (%s, %s, %s, %s, '{DUPLICATE}', %s, %s, %s) returning id",
        (first.flow, set_name, first.sequence, first.mode, first.manifest_hash, now, now),
    ).fetchone()
    assert row is not None
    return int(row[0])


def count(connection: Rows, id: int, /, **more: int) -> None:
    """Adds to counts of a run, by their names (COUNTS). Raises ValueError: there is no such count."""
    if not more.keys() <= set(COUNTS):
        raise ValueError(f"counts are {', '.join(COUNTS)}")
    sets = ", ".join(f"{name} = {name} + %({name})s" for name in more)
    if sets:
        connection.execute(f"update messages.run set {sets} where id = %(id)s", more | {"id": id})


def _moved(connection: Rows, id: int, wanted: str, *, only: str | None = None, **columns: Any) -> None:
    """only: the state it has to be in, where not any that ALLOWED says will do. Raises NotNow, NoSuchRun."""
    sets = "".join(f", {name} = %({name})s" for name in columns)
    froms = [state for state, following in ALLOWED.items() if wanted in following and only in (None, state)]
    values = columns | {"id": id, "wanted": wanted, "froms": froms}
    row = connection.execute(
        "with present as (select id, state from messages.run where id = %(id)s for update), moved as ("
        f" update messages.run r set state = %(wanted)s{sets} from present p"
        " where r.id = p.id and p.state = any(%(froms)s) returning r.id)"
        " select state, (select id from moved) is not null from present",
        values,
    ).fetchone()
    if row is None:
        raise NoSuchRun(id)
    if not row[1]:
        raise NotNow(row[0], wanted)


def resume(connection: Rows, id: int) -> None:
    """It is being applied (again). Raises NotNow, NoSuchRun."""
    _moved(connection, id, RUNNING, finished=None)


def wait(connection: Rows, id: int) -> None:
    """It waits for the set before it. Raises NotNow, NoSuchRun."""
    _moved(connection, id, WAITING)


def hold(connection: Rows, id: int, guards: Sequence[Guard]) -> None:
    """Guards tripped: a person decides. Raises NotNow, NoSuchRun."""
    _moved(connection, id, HELD, guards=Jsonb([{"name": one.name, "text": one.text} for one in guards]))


def release(connection: Rows, id: int, person: str, reason: str, now: datetime) -> None:
    """A person lets a held run go on: it is RUNNING, and whoever applies runs finds it so. Raises NotNow, NoSuchRun."""
    _moved(connection, id, RUNNING, only=HELD, decided_by=person, decided_at=now, decision_reason=reason)


def refuse(connection: Rows, id: int, person: str, reason: str, now: datetime) -> None:
    """A person refuses a held run. Raises NotNow, NoSuchRun."""
    decided: dict[str, Any] = {"decided_by": person, "decided_at": now, "decision_reason": reason}
    _moved(connection, id, REFUSED, only=HELD, finished=now, **decided)


def finish(
    connection: Rows, id: int, state: str, now: datetime, *, guards: Sequence[Guard] = (), receipt: bytes | None = None
) -> None:
    """It is APPLIED, REFUSED or FAILED. Raises NotNow, NoSuchRun."""
    columns: dict[str, Any] = {"finished": now}
    if guards:
        columns["guards"] = Jsonb([{"name": one.name, "text": one.text} for one in guards])
    if receipt is not None:
        columns["receipt"] = receipt
    _moved(connection, id, state, **columns)


def keep_receipt(connection: Rows, id: int, receipt: bytes) -> None:
    """Stores the receipt as it was sent."""
    connection.execute("update messages.run set receipt = %s where id = %s", (receipt, id))


def receipt(connection: Rows, id: int) -> bytes | None:
    """The receipt of a run. Raises NoSuchRun."""
    row = connection.execute("select receipt from messages.run where id = %s", (id,)).fetchone()
    if row is None:
        raise NoSuchRun(id)
    return row[0]  # type: ignore[no-any-return]


def run(connection: Rows, id: int) -> Run:
    """One run. Raises NoSuchRun."""
    row = connection.execute(f"select {_RUN} from messages.run where id = %s", (id,)).fetchone()
    if row is None:
        raise NoSuchRun(id)
    return _run(row)


def listed(
    connection: Rows,
    *,
    flow: str | None = None,
    states: Collection[str] | None = None,
    after: int | None = None,
    most: int = 50,
) -> list[Run]:
    """Runs, newest first, of those older than the one whose id is `after`."""
    rows = connection.execute(
        f"select {_RUN} from messages.run where (%(flow)s::text is null or flow = %(flow)s)"
        " and (%(states)s::text[] is null or state = any(%(states)s)) and (%(after)s::bigint is null or id < %(after)s)"
        " order by id desc limit %(most)s",
        {"flow": flow, "states": None if states is None else list(states), "after": after, "most": most},
    )
    return [_run(row) for row in rows]


def answered(connection: Rows, flow: str) -> dict[int, str]:
    """Hash of the manifest (hexadecimal) by number, of each set of a flow that was answered, as `batch.chain` asks."""
    rows = connection.execute(
        "select sequence, encode(manifest_hash, 'hex') from messages.run where flow = %s and sequence is not null"
        " and state = any(%s) order by id",
        (flow, [APPLIED, REFUSED]),
    )
    found: dict[int, str] = {}
    for number, digest in rows:
        found.setdefault(number, digest)
    return found


@dataclass(frozen=True, slots=True)
class Report:
    """A file that a run left."""

    name: str
    media_type: str
    body: bytes = field(repr=False)


def keep(connection: Rows, sealing: Sealing, id: int, report: Report) -> None:
    """Stores a report of a run; one of the same name is replaced."""
    connection.execute(
        "insert into messages.run_file (run_id, name, media_type, body) values (%s, %s, %s, %s)"
        " on conflict (run_id, name) do update set media_type = excluded.media_type, body = excluded.body",
        (id, report.name, report.media_type, sealing.seal(report.body, bodies.report(id, report.name)).body),
    )


def reports(connection: Rows, id: int) -> list[tuple[str, str]]:
    """Name and media type of each report of a run."""
    return connection.execute(
        "select name, media_type from messages.run_file where run_id = %s order by name", (id,)
    ).fetchall()


def report(connection: Rows, sealing: Sealing, id: int, name: str) -> Report | None:
    """A report, None: there is none of this name. Raises CannotOpen."""
    row = connection.execute(
        "select media_type, body from messages.run_file where run_id = %s and name = %s", (id, name)
    ).fetchone()
    return None if row is None else Report(name, row[0], sealing.unseal(row[1], bodies.report(id, name)))
