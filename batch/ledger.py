"""What was applied, and where a run stands: `batch.applied`, `batch.line`. A run that was killed goes on from there.

A line's state and the hash it leaves in the ledger change in one transaction. A resource that was sent, and whose
answer nobody lived to note, is sent again: the same content makes no new version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from enum import IntEnum
from typing import Any, NamedTuple

import orjson
import psycopg

from batch.lines import Fault, Target

Connection = psycopg.Connection[Any]
PAGE = 5000
ABSENT = 32_767
"""In the place of a file: what a full set leaves out and thereby ends. These are no lines of the set."""


class State(IntEnum):
    """Of a line."""

    DUE = 0
    APPLIED = 1
    UNCHANGED = 2
    """The same was applied before: nothing is written."""
    REJECTED = 3
    PARKED = 4
    """It waits for what it refers to."""


class Entry(NamedTuple):
    """A line of the journal."""

    number: int
    targets: list[tuple[str, str]]
    """Types and ids it writes or ends."""
    fault: Fault | None


class Counts(NamedTuple):
    """Lines of a run."""

    received: int
    applied: int
    unchanged: int
    rejected: int
    parked: int

    @property
    def accepted(self) -> int:
        """Those whose content is in the record now."""
        return self.applied + self.unchanged


class Noted(NamedTuple):
    """A target of a line as it goes into the journal."""

    file: int
    number: int
    part: int
    target: Target
    hash: bytes


def known(connection: Connection, resources: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """The hash last applied of each resource that is known."""
    types, ids = [one[0] for one in resources], [one[1] for one in resources]
    rows = connection.execute(
        "select a.resource_type, a.id, a.hash from unnest(%s::text[], %s::text[]) as l (resource_type, id)"
        " join batch.applied a using (resource_type, id)", [types, ids],
    )  # fmt: skip
    return {(kind, id): hash for kind, id, hash in rows}


def note(connection: Connection, run: int, found: Sequence[Noted]) -> None:
    """Puts lines into the journal: due, unchanged, or rejected."""
    named = [(one.target.type, one.target.id) for one in found if one.target.type and one.target.id]
    before = known(connection, [(kind, id) for kind, id in named if kind and id])
    due = {
        (one.file, one.number) for one in found if before.get((str(one.target.type), str(one.target.id))) != one.hash
    }
    columns = "run_id, file, number, part, resource_type, id, hash, active, facts, state, code, element"
    with connection.cursor() as cursor, cursor.copy(f"copy batch.line ({columns}) from stdin") as copy:
        for file, number, part, (kind, id, active, facts, fault), hash in found:
            state = State.REJECTED if fault else State.DUE if (file, number) in due else State.UNCHANGED
            copy.write_row(
                (run, file, number, part, kind, id, hash, active, _json(facts), int(state),
                 fault and fault.code, fault and fault.element)
            )  # fmt: skip


def _json(facts: Any) -> str | None:
    return None if facts is None else orjson.dumps(facts).decode()


def scanned(connection: Connection, run: int) -> bool:
    """Whether the journal of a run is there."""
    row = connection.execute("select exists (select from batch.line where run_id = %s)", [run]).fetchone()
    return bool(row and row[0])


def forget(connection: Connection, run: int) -> None:
    """Removes the journal of a run."""
    connection.execute("delete from batch.line where run_id = %s", [run])


def entries(connection: Connection, run: int, file: int, state: State) -> Iterator[Entry]:
    """Lines of a file in a state, in order, read by pages: what happens to earlier ones meanwhile does not matter."""
    last = 0
    while True:
        rows = connection.execute(
            "select number, array_agg(array[resource_type, id] order by part), max(code), max(element)"
            " from batch.line where run_id = %s and file = %s and state = %s and number > %s"
            " group by number order by number limit %s", [run, file, state, last, PAGE],
        ).fetchall()  # fmt: skip
        for number, targets, code, element in rows:
            yield Entry(number, [tuple(one) for one in targets], Fault(code, element) if code else None)
        if len(rows) < PAGE:
            return
        last = rows[-1][0]


def applied(connection: Connection, run: int, file: int, numbers: Sequence[int]) -> None:
    """Lines are in the record now."""
    connection.execute(
        "with done as (update batch.line set state = %(state)s, code = null, element = null"
        " where run_id = %(run)s and file = %(file)s and number = any(%(numbers)s)"
        " returning resource_type, id, hash, active, facts)"
        " insert into batch.applied (resource_type, id, hash, run_id, active, facts)"
        " select resource_type, id, hash, %(run)s, active, facts from done"
        " on conflict (resource_type, id) do update set hash = excluded.hash, run_id = excluded.run_id,"
        # What a removal says nothing of stays known.
        " active = excluded.active, facts = coalesce(excluded.facts, batch.applied.facts)",
        {"state": State.APPLIED, "run": run, "file": file, "numbers": list(numbers)},
    )  # fmt: skip


def faulty(connection: Connection, run: int, file: int, faults: Mapping[int, Fault], state: State) -> None:
    """Lines are rejected, or parked."""
    connection.execute(
        "update batch.line l set state = %s, code = f.code, element = f.element"
        " from unnest(%s::int[], %s::text[], %s::text[]) as f (number, code, element)"
        " where run_id = %s and file = %s and l.number = f.number",
        [state, list(faults), [one.code for one in faults.values()], [one.element for one in faults.values()],
         run, file],
    )  # fmt: skip


def one_applied(connection: Connection, run: int, found: Sequence[Target], hash: bytes) -> None:
    """A line that waited, or was corrected, is in the record now."""
    connection.execute(
        "insert into batch.applied (resource_type, id, hash, run_id, active, facts)"
        " select t, i, %s, %s, a, f::jsonb"
        " from unnest(%s::text[], %s::text[], %s::bool[], %s::text[]) as x (t, i, a, f)"
        " on conflict (resource_type, id) do update set hash = excluded.hash, run_id = excluded.run_id,"
        " active = excluded.active, facts = coalesce(excluded.facts, batch.applied.facts)",
        [hash, run, [one.type for one in found], [one.id for one in found], [one.active for one in found],
         [_json(one.facts) for one in found]],
    )  # fmt: skip


def overtaken(connection: Connection, run: int, found: Sequence[Target]) -> bool:
    """Whether a later run has told of one of these resources already."""
    row = connection.execute(
        "select exists (select from unnest(%s::text[], %s::text[]) as l (resource_type, id)"
        " join batch.applied a using (resource_type, id) where a.run_id > %s)",
        [[one.type for one in found], [one.id for one in found], run],
    ).fetchone()
    return bool(row and row[0])


def counts(connection: Connection, run: int) -> Counts:
    """How lines of a run stand."""
    rows = connection.execute(
        "select state, count(*) from batch.line where run_id = %s and part = 0 and file < %s group by state",
        [run, ABSENT],
    ).fetchall()
    by = dict(rows)
    return Counts(
        sum(by.values()), by.get(State.APPLIED, 0), by.get(State.UNCHANGED, 0), by.get(State.REJECTED, 0),
        by.get(State.PARKED, 0),
    )  # fmt: skip


def leave_out(connection: Connection, run: int, types: Sequence[str]) -> None:
    """Notes what counts and is not in a full set, to be ended."""
    connection.execute(
        "insert into batch.line (run_id, file, number, part, resource_type, id, hash, active, state)"
        " select %(run)s, %(file)s, row_number() over (order by resource_type, id), 0, resource_type, id, ''::bytea,"
        " false, %(due)s from batch.applied a where active and resource_type = any(%(types)s) and not exists ("
        " select from batch.line l where l.run_id = %(run)s and (l.resource_type, l.id) = (a.resource_type, a.id))",
        {"run": run, "file": ABSENT, "due": State.DUE, "types": list(types)},
    )


class Change(NamedTuple):
    """How many of some types count before and after a set, and how many it would end."""

    before: int
    ended: int
    after: int


_OVERLAY = (
    "select count(*) filter (where l.active and not coalesce(a.active, false)),"
    " count(*) filter (where not l.active and coalesce(a.active, false))"
    " from (select distinct on (resource_type, id) resource_type, id, active from batch.line"
    " where run_id = %s and state <> %s and resource_type = any(%s) order by resource_type, id, file desc) l"
    " left join batch.applied a using (resource_type, id)"
)


def change(connection: Connection, run: int, types: Sequence[str]) -> Change:
    """What a set would change in how many count."""
    row = connection.execute(_OVERLAY, [run, State.REJECTED, list(types)]).fetchone()
    whole = connection.execute(
        "select count(*) from batch.applied where active and resource_type = any(%s)", [list(types)]
    ).fetchone()
    assert row is not None
    assert whole is not None
    begun, ended = row
    return Change(whole[0], ended, whole[0] + begun - ended)


_NETWORK = """
with line as (
    select distinct on (resource_type, id) resource_type, id, active, facts from batch.line
    where run_id = %(run)s and state <> %(rejected)s order by resource_type, id, file desc
), before as (
    select resource_type, id, facts from batch.applied where active
), after as (
    select resource_type, id, facts from line where active
    union all
    select b.resource_type, b.id, b.facts from before b where not exists (
        select from line l where l.resource_type = b.resource_type and l.id = b.id)
), sites as (
    select id, facts ->> 'municipality' as municipality from after where resource_type = 'Location'
    union
    select id, facts ->> 'municipality' from before where resource_type = 'Location'
), offered as (
    select 'before' as moment, facts from before where resource_type in ('PractitionerRole', 'HealthcareService')
    union all
    select 'after', facts from after where resource_type in ('PractitionerRole', 'HealthcareService')
)
select municipality, code from offered, jsonb_array_elements_text(facts -> 'specialty') as code,
    jsonb_array_elements_text(facts -> 'location') as location join sites on sites.id = location
where municipality is not null
group by 1, 2 having not bool_or(moment = 'after')
"""


def lost_specialties(connection: Connection, run: int) -> dict[str, Set[str]]:
    """By municipality the specialties that nobody would offer any more."""
    found: dict[str, set[str]] = {}
    for municipality, code in connection.execute(_NETWORK, {"run": run, "rejected": State.REJECTED}):
        found.setdefault(municipality, set()).add(code)
    return dict(found)


def products(connection: Connection, run: int, open_month: str) -> tuple[int, set[str]]:
    """Products without a number of ANS, and closed months whose terms a set would change. open_month: "2026-03".

    A version under the same id that begins this month closes the one before, and changes nothing of it.
    """
    without = connection.execute(
        "select count(*) from batch.line where run_id = %s and state = %s and facts -> 'numbered' = 'false'",
        [run, State.DUE],
    ).fetchone()
    months = connection.execute(
        "select distinct left(l.facts ->> 'start', 7) from batch.line l join batch.applied a using (resource_type, id)"
        " where l.run_id = %s and l.state = %s and l.facts ->> 'start' < %s"
        " and (l.facts - 'numbered') <> (a.facts - 'numbered')", [run, State.DUE, open_month],
    ).fetchall()  # fmt: skip
    assert without is not None
    return without[0], {month for (month,) in months}
