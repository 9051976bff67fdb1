"""Codes that occur together: which categories, status, ... a code has had in any resource. https://hl7.org/fhir/R4/search.html#token

Where two sets of resources are dense and never meet, a search would read one of them to its end to find nothing. The
table `token_pair` says beforehand that there is nothing. It may name pairs that no longer occur; one that occurs and is
not named would be a resource that is not found, so pairs are committed before what has them is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from fhir_server.arrays import int4_array, int8_array
from fhir_server.search.by_token import WORDED, folded
from fhir_server.search.condition import Conditions
from fhir_server.search.contained import is_contained
from fhir_server.search.criteria import Leaf, Node
from fhir_server.search.parameters import SearchParameter, shipped
from fhir_server.search.timeline import dated_code
from fhir_server.search.values import split_parts
from fhir_server.statement import Statement

BESIDE = ("category", "status", "clinical-status", "verification-status", "intent", "type")
"""Parameters whose few codes are paired with a resource's code."""
_TYPES = WORDED | {"code"}
_MOST = 200_000

Pair = tuple[int, int, int, int]
"""param_id and hash of the code, param_id and hash of what is beside it."""

_NOTE = """
insert into token_pair (first_param, first_hash, second_param, second_hash)
select * from unnest($1::integer[], $2::bigint[], $3::integer[], $4::bigint[]) on conflict do nothing"""


@cache
def _paired(resource_type: str) -> tuple[SearchParameter | None, tuple[SearchParameter, ...]]:
    """The code of a type, and the parameters that it is paired with."""
    code = dated_code(resource_type)
    known = (shipped(resource_type).get(name) for name in BESIDE)
    return code, tuple(one for one in known if one and one.type == "token" and one.data_types <= _TYPES)


@cache
def _ids(resource_type: str) -> tuple[int, frozenset[int]] | None:
    code, beside = _paired(resource_type)
    return (code.param_id, frozenset(one.param_id for one in beside)) if code and beside else None


def pairs_of(resource_type: str, tokens: Iterable[tuple[Any, ...]]) -> Sequence[Pair]:
    """The pairs in a resource's rows of `token`."""
    ids = _ids(resource_type)
    if ids is None:
        return ()
    first, seconds = ids
    codes, others = [], []
    for row in tokens:
        if row[0] == first:
            codes.append(row[1])
        elif row[0] in seconds:
            others.append((row[0], row[1]))
    return [(first, code, *other) for code in codes for other in others]


class Pairs:
    """The pairs that a process knows to be in its database: none ever goes."""

    def __init__(self) -> None:
        self._known: set[Pair] = set()

    def unknown(self, pairs: Iterable[Pair]) -> set[Pair]:
        """Those of the pairs that may not be there yet."""
        return set(pairs).difference(self._known)

    def learned(self, pairs: set[Pair]) -> None:
        """Takes note that they are committed."""
        if len(self._known) > _MOST:
            self._known.clear()
        self._known |= pairs


def note(pairs: Iterable[Pair]) -> Statement:
    """The statement that adds pairs, in one order for everybody."""
    first, code, second, other = zip(*sorted(pairs), strict=True)
    return Statement(_NOTE, (int4_array(first), int8_array(code), int4_array(second), int8_array(other)), binary=True)


def meeting(nodes: Sequence[Node], scope: Sequence[str], conditions: Conditions) -> list[str]:
    """Conditions without which nothing meets all of the nodes: that their codes occur together."""
    if len(scope) != 1 or is_contained(scope):
        return []
    code, beside = _paired(scope[0])
    leaves = [node for node in nodes if isinstance(node, Leaf) and _plain(node)]
    return [
        f"exists (select from token_pair where first_param = {first.parameter.param_id}"
        f" and first_hash = any({_hashes(first, conditions)}) and second_param = {second.parameter.param_id}"
        f" and second_hash = any({_hashes(second, conditions)}))"
        for first in leaves if first.parameter == code
        for second in leaves if second.parameter in beside
    ]  # fmt: skip


def _plain(node: Leaf) -> bool:
    """Whether the node asks for codes, not for their systems alone."""
    return node.coded and not node.negated and node.modifier is None


def _hashes(node: Leaf, conditions: Conditions) -> str:
    return conditions.array([folded(split_parts(value)[-1], None)[0] for value in node.values], "bigint")
