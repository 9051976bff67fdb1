"""Exact totals that are kept, and whether they still hold. https://hl7.org/fhir/R4/search.html#total

To count what meets a criterion its rows must be read. Where that are many, the answer says beside the total how many of
it lie below some rid, and a stamp, which grows by one with each version of the type that is written. If since then the
stamp has grown by no more than there are further resources above that rid, all that was written are new resources above
it: what lies below is as it was, and only what lies above is counted. Otherwise the whole is counted, in the same
statement. All is seen by one snapshot, so whoever writes meanwhile is in all of it or in nothing
(docs/decisions/totals.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.access import sees
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.branch import Branch, all_of, is_point
from fhir_server.search.condition import Conditions
from fhir_server.search.contained import is_contained
from fhir_server.search.criteria import All, Between, Leaf, Node, Not, Some
from fhir_server.search.parameters import FULL_TEXT
from fhir_server.search.query import SearchQuery
from fhir_server.statement import Parameters, Statement
from smart_auth.scopes import Access

WORTH = 1000
"""Totals from which on they are kept: to count as many takes no longer than to look whether they hold."""
SHARE, LEAST, MOST = 32, 64, 1024
"""Newest resources above the rid: this share of the total, within bounds. What is written at the same time by several
processes has rids that are not in the order of commits; those lower than the rid have all counted anew."""
WAITING = 1000
"""Versions in the outbox up to which they are counted: whoever lags behind more has all counted anew."""

FRONT, OTHERWISE = 0, -1
"""Rows of `outbox_passed` beside those of the types: the sequence number before which nothing is in the outbox, and
changes of what is found that are no new version."""
CHANGED = Statement(f"update outbox_passed set versions = versions + 1 where type_id = {OTHERWISE}")
"""Says so, at the end of a transaction that has made such changes."""

_BOUND = 5
"""Parameters at the end of a statement that tell what is kept: stamp, rid, below, above, resources above the next."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A total, and what has to hold for it to be right still."""

    statement: Statement
    """Counts, and says what it counted; its last parameters are `values`."""
    total: int
    known: tuple[bytes, ...] = ()
    """Stamp, rid, how many of the total are not above it, how many resources of the type are; (): not known."""

    def asking(self) -> Statement:
        """The statement that looks whether it holds, and counts what has to be counted."""
        known = self.known or (None,) * (_BOUND - 1)
        above = str(_above(self.total)).encode()
        return self.statement._replace(parameters=(*self.statement.parameters[:-_BOUND], *known, above))

    def answered(self, total: int, said: bytes | None) -> Kept:
        """What its answer says: the total and, if the stamp could be read, what `known` has."""
        return replace(self, total=total, known=(*said.split(), str(_above(self.total)).encode()) if said else ())


def _above(total: int) -> int:
    return min(max(total // SHARE, LEAST), MOST)


def keepable(query: SearchQuery, access: Access) -> bool:
    """Whether the total changes by new versions of the type alone: each criterion asks for what a resource itself has,
    and the access sees all of the type."""
    if len(query.types) != 1 or is_contained(query.types) or query.contained or query.words or query.cursor:
        return False
    nodes = [criterion.nodes[query.types[0]] for criterion in query.criteria]
    if is_point(query) or not all(map(_own, nodes)):
        return False
    return not sees(access, "rid", query.types, Parameters())


def _own(node: Node) -> bool:
    match node:
        case Leaf():
            parameter = node.parameter
            if parameter.custom or parameter.type == "special" or parameter.code in FULL_TEXT or not node.values:
                return False
            # Canonical references and hierarchies lead over other resources.
            plain = node.modifier not in ("above", "below") and parameter.data_types <= {"Reference"}
            return parameter.type != "reference" or plain
        case Between():
            return all(map(_own, node.leaves))
        case All() | Some():
            return all(map(_own, node.nodes))
        case Not():
            return _own(node.node)
    return False


def kept_total(found: Sequence[Branch], kind: str, conditions: Conditions) -> str:
    """SQL of one row: the total of the branches, and what `Kept.answered` takes. Binds the statement's last values."""
    every, w = conditions.every((kind,)), conditions.alias()
    live = f"from resource {w} where {every.where.replace('{t}', w)}"
    stamp, rid, below, above, next_above = (conditions.parameters.add(None, "bigint") for _ in range(_BOUND))

    def matches(*more: str) -> str:
        return f"(select count(*) from ({all_of(found, conditions, *more)}) c)"

    same = f"s.stamp = {stamp} + (select count(*) {live} and {w}.rid > {rid}) - {above}"
    total = f"case when {same} then {below} + {matches(f'{{rid}} > {rid}')} else {matches()} end"
    said = f"s.stamp || ' ' || e.rid || ' ' || (t.total - {matches('{rid} > (select rid from e)')})"
    return (
        f"with s as materialized (select {_stamp(kind)} as stamp),"
        f" e as materialized (select {w}.rid {live} and (select stamp from s) is not null"
        f" order by {w}.rid desc offset {next_above} limit 1),"
        f" t as materialized (select {total} as total from s)"
        f" select t.total, {said} as said from t cross join s left join e on true"
    )


def _stamp(kind: str) -> str:
    """SQL of the stamp of a type; null where it is not known."""
    passed = "(select versions from outbox_passed where type_id = {})"
    waiting = (
        f"select type_id from outbox where sequence >= {passed.format(FRONT)} order by sequence limit {WAITING + 1}"
    )
    number = TYPE_ID[kind]
    return (
        f"{passed.format(number)} + {passed.format(OTHERWISE)} + (select case when count(*) <= {WAITING}"
        f" then count(*) filter (where o.type_id = {number}) end from ({waiting}) o)"
    )


class Totals:
    """The totals that a process keeps of one record."""

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._kept: dict[Statement, Kept] = {}

    def get(self, statement: Statement) -> Kept | None:
        """What is kept of a search, by the statement that counts its total anew."""
        return self._kept.get(statement)

    def put(self, statement: Statement, kept: Kept) -> None:
        """Keeps it instead of what was kept before; what was put first goes, if need be."""
        if len(self._kept) >= self._most and statement not in self._kept:
            del self._kept[next(iter(self._kept))]
        self._kept[statement] = kept
