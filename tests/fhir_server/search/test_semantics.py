"""Index rows and conditions, run on real PostgreSQL, against the slow evaluator over random resources and queries.

HUB_PROPERTY_CASES sets how many queries each parameter type is asked (default 300); each meets a dozen resources.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.pq import ExecStatus

from fhir_server.index_tables import COLUMNS, insertions
from fhir_server.resource_types import TYPE_ID
from fhir_server.search import (
    by_composite,
    by_date,
    by_near,
    by_number,
    by_quantity,
    by_reference,
    by_string,
    by_token,
    by_uri,
    by_value_set,
)
from fhir_server.search.condition import Conditions
from fhir_server.search.index import index_rows
from fhir_server.search.parameters import SearchParameter, search_parameter
from fhir_server.search.presence import UNKNOWN, asked, having
from fhir_server.search.probe import Probe
from fhir_server.search.query import parse_query
from fhir_server.search.rank import readable
from fhir_server.statement import Parameters, Statement
from fhir_server.terminology.codes import Codes
from fhir_server.terminology.members import hashed
from fhir_server.write import by_table
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search import drawn
from tests.fhir_server.search.reference_evaluator import BASE, Tree, filtered, matches
from tests.fhir_server.search.reference_ranges import NOW

CASES = int(os.environ.get("HUB_PROPERTY_CASES", "300"))
_QUERIES = 20
_TARGETS = {(kind, id): number for number, (kind, id) in enumerate(((k, i) for k in drawn.TYPES for i in drawn.IDS), 1)}
SETS = {
    name: hashed({system: Codes(codes, others) for system, (others, codes) in systems.items()})
    for name, systems in drawn.VALUE_SETS.items()
}
_FIRST = 1000
"""rid of the first drawn resource."""

property_test = settings(
    max_examples=max(1, CASES // _QUERIES),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="HUB_PROPERTY_CASES" not in os.environ,
    database=None,
)


@pytest.fixture(scope="module")
def connection(module_database: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(module_database, autocommit=True) as connection:
        for (kind, id), rid in _TARGETS.items():
            connection.execute(
                "insert into resource (rid, type_id, version, last_updated, fhir_id, method, body) "
                "values (%s, %s, 1, 0, %s, 'PUT', '')",
                [rid, TYPE_ID[kind], id],
            )
        yield connection


def run(connection: Connection[Any], statement: Statement) -> list[tuple[Any, ...]]:
    """One statement, as the store would run it; integers back."""
    result = connection.pgconn.exec_params(
        statement.text.encode(),
        list(statement.parameters),
        param_formats=[int(statement.binary)] * len(statement.parameters),
    )
    assert result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK), result.error_message
    return [(int(result.get_value(row, 0) or b"0"),) for row in range(result.ntuples)]


def store(connection: Connection[Any], resources: list[dict[str, Any]]) -> None:
    """Index rows of the resources under rids from _FIRST on, and for two of three what parameters these are of."""
    found: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
    numbers: dict[tuple[int, tuple[int, ...]], int] = {}
    for rid, resource in enumerate(resources, _FIRST):
        rows = index_rows(resource, BASE)
        kind = resource["resourceType"]
        there = (TYPE_ID[kind], tuple(sorted(having(by_table(rows)) & asked(kind))))
        number = numbers.setdefault(there, len(numbers) + UNKNOWN + 1) if rid % 3 else UNKNOWN
        connection.execute(
            "insert into resource (rid, type_id, version, last_updated, fhir_id, method, body, parameter_set) "
            "values (%s, %s, 1, -1, %s, 'PUT', '', %s)",
            [rid, TYPE_ID[kind], f"drawn{rid}", number],
        )
        for table in COLUMNS:
            for row in getattr(rows, table):
                if table in ("patient_value", "patient_date"):
                    continue
                if table == "reference":
                    row = (row[0], _TARGETS.get(row[1:], 0))
                found[table].append((*row, rid))
    for statement in insertions({table: rows for table, rows in found.items() if rows}):
        run(connection, statement)
    for (type_id, ids), number in numbers.items():
        connection.execute("insert into parameter_set values (%s, %s, %s)", [type_id, number, list(ids)])


def probe(parameter: SearchParameter, modifier: str | None, value: str, parameters: Parameters) -> Probe:
    match parameter.type:
        case "date":
            now = int(NOW.timestamp()) * 1_000_000
            return by_date.condition(parameter, value, modifier, parameters, lambda: now)
        case "reference":
            return by_reference.condition(parameter, value, modifier, parameters, BASE)
        case "composite":
            return by_composite.condition(parameter, value, modifier, parameters, BASE)
        case kind:
            module = {
                "number": by_number,
                "special": by_near,
                "quantity": by_quantity,
                "token": by_token,
                "string": by_string,
                "uri": by_uri,
            }[kind]
            return module.condition(parameter, value, modifier, parameters)


def search(connection: Connection[Any], query: drawn.Query, resources: list[dict[str, Any]]) -> set[int]:
    """Positions of the resources a query finds."""
    resource_type, code, modifier, value = query
    parameter = search_parameter(resource_type, code)
    assert parameter is not None
    parameters = Parameters()
    if modifier in ("in", "not-in"):
        found = by_value_set.condition(parameter, [SETS[value]], parameters)
    else:
        found = [probe(parameter, modifier, value.replace(",", "\\,"), parameters)]
    text = " union ".join(
        f"select t.rid from {table} t where {where.replace('{t}', 't')}"
        for each in found
        for table, where in each.alternatives
    )
    positions = {rid - _FIRST for (rid,) in run(connection, parameters.statement(text))}
    if modifier != "not-in" and not found[0].negated:
        return positions
    return {
        number
        for number, resource in enumerate(resources)
        if resource["resourceType"] == resource_type and number not in positions
    }


def agree(
    connection: Connection[Any], resources: list[dict[str, Any]], queries: list[drawn.Query], by_index: bool
) -> None:
    connection.execute("begin")
    try:
        connection.execute(f"set local enable_seqscan = {'off' if by_index else 'on'}")
        store(connection, resources)
        for query in queries:
            resource_type, code, modifier, value = query
            expected = {
                number
                for number, resource in enumerate(resources)
                if resource["resourceType"] == resource_type
                and matches(resource, code, modifier, value, drawn.VALUE_SETS)
            }
            actual = search(connection, query, resources)
            wrong = [resources[number] for number in sorted(expected ^ actual)]
            assert actual == expected, (query, wrong)
    finally:
        connection.execute("rollback")


DRAWN = {
    "date": (drawn.dated, drawn.date_queries),
    "number": (drawn.numbered, drawn.number_queries),
    "quantity": (drawn.measured, drawn.quantity_queries),
    "token": (drawn.coded, drawn.token_queries),
    "string": (drawn.named, drawn.string_queries),
    "reference": (drawn.referring, drawn.reference_queries),
    "near": (drawn.placed, drawn.near_queries),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_search_agrees_with_the_reference_evaluator(connection: Connection[Any], kind: str) -> None:
    resources, queries = DRAWN[kind]

    @property_test
    @given(
        st.lists(resources, min_size=12, max_size=12),
        st.lists(queries, min_size=_QUERIES, max_size=_QUERIES),
        st.booleans(),
    )
    def holds(resources: list[dict[str, Any]], queries: list[drawn.Query], by_index: bool) -> None:
        agree(connection, resources, queries, by_index)

    holds()


def written(tree: Tree) -> str:
    """A tree as the text of a filter."""
    kind, below = tree
    if kind == "not":
        return f"not({written(below)})"
    if kind == "test":
        code, operator, value = below
        return f"{code} {operator} {json.dumps(value)}"
    return f" {kind} ".join(f"({written(each)})" for each in below)


@property_test
@given(
    st.lists(drawn.filterable, min_size=12, max_size=12),
    st.lists(drawn.filters, min_size=_QUERIES, max_size=_QUERIES),
    st.booleans(),
)
def _filters_agree(
    connection: Connection[Any], resources: list[dict[str, Any]], filters: list[tuple[str, Tree]], probing: bool
) -> None:
    connection.execute("begin")
    try:
        store(connection, resources)
        for resource_type, tree in filters:
            expected = {
                number
                for number, resource in enumerate(resources)
                if resource["resourceType"] == resource_type and filtered(resource, tree)
            }
            query = parse_query(resource_type, [("_filter", written(tree))])
            parameters = Parameters()
            conditions = Conditions(UNRESTRICTED, parameters, BASE, probing)
            nodes = [criterion.nodes[resource_type] for criterion in query.criteria]
            tests = " and ".join(conditions.condition(node, "k.rid", (resource_type,)) for node in nodes)
            own = [n for n, resource in enumerate(resources, _FIRST) if resource["resourceType"] == resource_type]
            rids = conditions.array(own, "bigint")
            text = f"select k.rid from unnest({rids}) k(rid) where {tests}"
            actual = {rid - _FIRST for (rid,) in run(connection, parameters.statement(text))}
            wrong = [resources[number] for number in sorted(expected ^ actual)]
            assert actual == expected, (resource_type, written(tree), wrong)
            # What can be read as a set has the same resources.
            for node in nodes:
                if readable(node):
                    parameters = Parameters()
                    conditions = Conditions(UNRESTRICTED, parameters, BASE, probing)
                    sources = " union ".join(
                        f"select t.{source.column} from {source.table} t where {source.where.replace('{t}', 't')}"
                        for source in conditions.sources(node, (resource_type,))
                    )
                    rids_found = [rid for (rid,) in run(connection, parameters.statement(sources))]
                    found = {rid - _FIRST for rid in rids_found if rid >= _FIRST}
                    assert expected <= found
                    assert len(nodes) > 1 or found == expected, (resource_type, written(tree))
    finally:
        connection.execute("rollback")


def test_filters_agree_with_the_reference_evaluator(
    connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_date, "time", SimpleNamespace(time_ns=lambda: int(NOW.timestamp()) * 1_000_000_000))
    _filters_agree(connection)


SPECIFIED = [
    # From the tables of the specification.
    (100, "100", True),
    (99, "100", False),
    (Decimal("99.5"), "100", True),
    (Decimal("100.5"), "100", False),
    (Decimal("99.995"), "100.00", True),
    (Decimal("100.005"), "100.00", False),
    (95, "1e2", True),
    (105, "1e2", False),
    (100, "lt100", False),
    (100, "le100", True),
    (100, "gt100", False),
    (100, "ge100", True),
    (101, "ne100", True),
    (100, "ne100", False),
    (Decimal("8.5e-1"), "gt8e-1", True),
]


@pytest.mark.parametrize(("stored", "value", "found"), SPECIFIED)
def test_number_as_the_specification_has_it(
    connection: Connection[Any], stored: int | Decimal, value: str, found: bool
) -> None:
    resource = {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": stored}]}
    query: drawn.Query = ("RiskAssessment", "probability", None, value)
    assert matches(resource, "probability", None, value) is found
    agree(connection, [resource], [query], False)
