"""Which of its search parameters a resource has: what :missing asks. https://hl7.org/fhir/R4/search.html#missing

Resources of a type have few different sets of parameters. `resource.parameter_set` is the number of a resource's set in
`parameter_set`, so that those with or without a parameter are a few ranges of an index: docs/decisions/missing.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, TypeGuard

from fhir_server.search.contained import MARK
from fhir_server.search.criteria import Leaf, Node
from fhir_server.search.parameters import TABLES, shipped, tables_of

UNKNOWN = 1
"""Number of no set: the resource was written before there were any, or its type has too many."""
_TABLES = frozenset(table for found in TABLES.values() for table, _ in found)


def having(rows: Mapping[str, Collection[tuple[Any, ...]]]) -> frozenset[int]:
    """param_ids of a resource's own index rows."""
    return frozenset([row[0] for table in _TABLES if table in rows for row in rows[table]])


@cache
def asked(resource_type: str) -> frozenset[int]:
    """The param_ids that :missing asks for, of R4's parameters. Custom ones come and go, and are no part of a set."""
    tables = (found for parameter in shipped(resource_type).values() for found in tables_of(parameter))
    return frozenset(number for _, numbers in tables for number in numbers)


def of_r4(node: Node) -> TypeGuard[Leaf]:
    """Whether the node asks for a parameter of R4, or its absence, whatever the value."""
    return isinstance(node, Leaf) and not (node.values or node.parameter.custom or node.parameter.column)


def in_sets(node: Node) -> TypeGuard[Leaf]:
    """Whether the node asks for a parameter, or its absence, that the sets tell of: those of whole resources."""
    return of_r4(node) and node.resource_type[0] != MARK


def stretch(rid: str) -> str:
    """SQL of the part of all rids that the rid is in: the index has no more than that, a few hundred are sorted."""
    return f"({rid} >> 8)::integer"


def sets(node: Leaf, type_id: str) -> str:
    """SQL of the numbers of the sets whose resources meet the node; `type_id`: placeholder."""
    numbers = sorted({number for _, some in tables_of(node.parameter) for number in some})
    test = f"s.param_ids && '{{{','.join(map(str, numbers))}}}'::integer[]"
    return (
        f"select s.number from parameter_set s where s.type_id = {type_id} and {'not ' if node.negated else ''}({test})"
    )
