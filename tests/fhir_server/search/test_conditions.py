"""Conditions by example, on PostgreSQL: composites, uri, canonical, the columns of `resource`, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhir_server.index_tables import insertions
from fhir_server.outcome import Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.search import by_composite
from fhir_server.search.parameters import Component, SearchParameter, search_parameter
from fhir_server.search.paths import Leaf
from fhir_server.search.sink import Sink
from fhir_server.statement import Parameters
from tests.fhir_server.search.reference_evaluator import BASE
from tests.fhir_server.search.reference_ranges import UCUM
from tests.fhir_server.search.test_semantics import probe, run, store

LOINC = "http://loinc.org"


def coded(code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code}]} | ({"text": text} if text else {})


def quantity(value: int, unit: str) -> dict[str, Any]:
    return {"value": value, "system": UCUM, "code": unit}


RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Observation", "code": coded("w"), "valueQuantity": quantity(70, "kg")},
    {"resourceType": "Observation", "code": coded("w"), "valueQuantity": quantity(9000, "g")},
    {
        "resourceType": "Observation",
        "code": coded("bp"),
        "component": [
            {"code": coded("sys"), "valueQuantity": quantity(140, "mm[Hg]")},
            {"code": coded("dia"), "valueQuantity": quantity(90, "mm[Hg]")},
        ],
    },
    {"resourceType": "Observation", "code": coded("c"), "valueCodeableConcept": coded("pos")},
    {"resourceType": "Observation", "code": coded("d"), "valueDateTime": "2024-05-01"},
    {"resourceType": "Observation", "code": coded("t"), "valueString": "Não, de fato"},
    {
        "resourceType": "DocumentReference",
        "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/old"}}],
    },
    {
        "resourceType": "MolecularSequence",
        "referenceSeq": {"chromosome": coded("1"), "windowStart": 10, "windowEnd": 20},
        "variant": [{"start": 12, "end": 13}],
    },
    {
        "resourceType": "Library",
        "url": "http://a/b/c",
        "useContext": [{"code": {"code": "age"}, "valueRange": {"low": quantity(18, "a")}}],
    },
    {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Composition", "id": "k"}}]},
    {"resourceType": "CarePlan", "instantiatesCanonical": ["http://plan/p|2"]},
]  # fmt: skip
FIRST = 1000

FOUND: list[tuple[str, str, str | None, str, set[int]]] = [
    ("Observation", "code-value-quantity", None, f"{LOINC}|w$gt50|{UCUM}|kg", {0}),
    ("Observation", "code-value-quantity", None, f"w$lt10000|{UCUM}|g", {1}),
    ("Observation", "code-value-quantity", None, "w$70", {0}),
    ("Observation", "code-value-quantity", None, "sys$140", set()),
    ("Observation", "component-code-value-quantity", None, "sys$140", {2}),
    ("Observation", "component-code-value-quantity", None, "sys$90", set()),
    ("Observation", "combo-code-value-quantity", None, "dia$90||mm[Hg]", {2}),
    ("Observation", "combo-code-value-quantity", None, f"w$70|{UCUM}|kg", {0}),
    ("Observation", "combo-code", None, "sys", {2}),
    ("Observation", "combo-code", None, f"{LOINC}|w", {0, 1}),
    ("Observation", "code-value-concept", None, f"c${LOINC}|pos", {3}),
    ("Observation", "code-value-concept", None, "c$http://other|pos", set()),
    ("Observation", "code-value-date", None, "d$ge2024-05", {4}),
    ("Observation", "code-value-date", None, "d$lt2024-05", set()),
    ("Observation", "code-value-string", None, "t$nao", {5}),
    ("Observation", "code-value-string", None, r"t$NÃO\, de", {5}),
    ("Observation", "code-value-string", None, "t$fato", set()),
    ("DocumentReference", "relationship", None, "replaces$DocumentReference/old", {6}),
    ("DocumentReference", "relationship", None, "replaces$old", {6}),
    ("DocumentReference", "relationship", None, f"replaces${BASE}/DocumentReference/old", {6}),
    ("DocumentReference", "relationship", None, "appends$old", set()),
    ("MolecularSequence", "chromosome-variant-coordinate", None, "1$ge12$le13", {7}),
    ("MolecularSequence", "chromosome-variant-coordinate", None, "1$ge12$lt13", set()),
    ("MolecularSequence", "chromosome-window-coordinate", None, "1$10$20", {7}),
    ("Library", "context-type-quantity", None, f"age$gt20|{UCUM}|a", {8}),
    ("Library", "url", None, "http://a/b/c", {8}),
    ("Library", "url", None, "http://a/b", set()),
    ("Library", "url", "below", "http://a/", {8}),
    ("Library", "url", "above", "http://a/b/c/d", {8}),
    ("Library", "url", "above", "http://a/b", set()),
    ("Bundle", "composition", None, "Composition/k", {9}),
    ("Bundle", "composition", None, "k", {9}),
    ("CarePlan", "instantiates-canonical", None, "http://plan/p", {10}),
    ("CarePlan", "instantiates-canonical", None, "http://plan/p|2", {10}),
    ("CarePlan", "instantiates-canonical", None, "http://plan/p|3", set()),
    ("CarePlan", "instantiates-canonical", "below", "http://plan", {10}),
    ("Patient", "_id", None, "me", {-1}),
    ("Patient", "_id", None, "ME", set()),
    ("Patient", "_lastUpdated", None, "1970-01-01", {-1}),
    ("Patient", "_lastUpdated", None, "gt1970-01-01", set()),
    ("Patient", "_lastUpdated", None, "ge1970-01-01T00:00:00.000005Z", {-1}),
    ("Patient", "_lastUpdated", None, "sa1970-01-01T00:00:00.000005Z", set()),
]


@pytest.fixture(scope="module")
def connection(module_database: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(module_database, autocommit=True) as connection:
        store(connection, RESOURCES)
        connection.execute(
            "insert into resource (rid, type_id, version, last_updated, fhir_id, method, body) "
            "values (%s, %s, 1, 5, 'me', 'PUT', '')",
            [FIRST - 1, TYPE_ID["Patient"]],
        )
        yield connection


@pytest.mark.parametrize(("resource_type", "code", "modifier", "value", "expected"), FOUND)
def test_found(
    connection: Connection[Any], resource_type: str, code: str, modifier: str | None, value: str, expected: set[int]
) -> None:
    parameter = search_parameter(resource_type, code)
    assert parameter
    parameters = Parameters()
    found = probe(parameter, modifier, value, parameters)
    text = " union ".join(
        f"select t.rid from {table} t where {where.replace('{t}', 't')}" for table, where in found.alternatives
    )
    assert {rid - FIRST for (rid,) in run(connection, parameters.statement(text))} == expected


REFUSED = [
    ("Observation", "date", None, "yesterday"),
    ("Observation", "date", None, "2024-13"),
    ("Observation", "date", None, "2024-02-30"),
    ("Observation", "date", None, "2024-01-01T25:00:00Z"),
    ("Observation", "date", None, "zz2024"),
    ("Observation", "date", None, ""),
    ("Observation", "date", "exact", "2024"),
    ("Observation", "value-quantity", None, "heavy"),
    ("Observation", "value-quantity", None, "5|kg"),
    ("Observation", "value-quantity", None, "5|http://unitsofmeasure.org|"),
    ("Observation", "value-quantity", None, "1e9999"),
    ("Observation", "value-quantity", "not", "5"),
    ("Observation", "code", None, ""),
    ("Observation", "code", None, "|"),
    ("Observation", "code", None, "a|b|c"),
    ("Observation", "code", "in", "http://vs"),
    ("Observation", "code", "below", "1"),
    ("Observation", "code", "exact", "1"),
    ("Observation", "code", "of-type", "a|b|c"),
    ("Patient", "identifier", "of-type", "a|b"),
    ("Patient", "active", None, "yes"),
    ("Patient", "telecom", None, "http://s|1"),
    ("Patient", "name", None, "..."),
    ("Patient", "name", "text", "a"),
    ("Patient", "_id", "text", "a"),
    ("Observation", "subject", "Organization", "1"),
    ("Observation", "subject", "Patient", "Group/1"),
    ("Observation", "subject", "below", "1"),
    ("Observation", "subject", None, ""),
    ("Observation", "subject", None, "not an id"),
    ("Library", "url", "exact", "http://a"),
    ("Library", "url", "below", "urn:oid:1.2"),
    ("RiskAssessment", "probability", None, "0.5.5"),
    ("Observation", "code-value-quantity", None, "w"),
    ("Observation", "code-value-quantity", None, "w$"),
    ("Observation", "code-value-quantity", None, "w$5$6"),
    ("Observation", "code-value-quantity", "exact", "w$5"),
]


@pytest.mark.parametrize(("resource_type", "code", "modifier", "value"), REFUSED)
def test_refused_without_repeating_the_value(resource_type: str, code: str, modifier: str | None, value: str) -> None:
    parameter = search_parameter(resource_type, code)
    assert parameter
    with pytest.raises(Invalid) as error:
        probe(parameter, modifier, value, Parameters())
    assert code in str(error.value)
    assert len(value) < 4 or value not in str(error.value)


def composite(kind: str, code: str, expression: str) -> SearchParameter:
    """A composite of a code and a second component, as no resource of R4 has it."""
    parts = (Component("code", "token", "code"), Component(code, kind, expression))
    leaves = (Leaf((), "Observation"),)
    return SearchParameter(
        "Observation", f"own-{kind}", "composite", f"urn:{kind}", "Observation", (), parts, leaves, (f"own-{kind}",)
    )


KINDS: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    ("token", "status", "status", {"status": "final"}, "final", "amended"),
    ("quantity", "value-quantity", "value.as(Quantity)", {"valueQuantity": quantity(70, "kg")}, "gt69", "gt71"),
    ("date", "date", "effective.as(dateTime)", {"effectiveDateTime": "2024-05-01"}, "ge2024-05", "lt2024"),
    ("number", "value-integer", "value.as(integer)", {"valueInteger": 5}, "gt4", "gt5"),
    ("string", "value-string", "value.as(string)", {"valueString": "Não, de fato"}, "nao de", "de"),
    ("reference", "subject", "subject", {"subject": {"reference": "Patient/p"}}, "Patient/p", "Patient/q"),
    ("uri", "implicit-rules", "implicitRules", {"implicitRules": "http://rules/a"}, "http://rules/a", "http://rules/"),
]


@pytest.mark.parametrize(("kind", "code", "expression", "members", "finds", "misses"), KINDS)
def test_composites_of_every_type_of_component(
    connection: Connection[Any], kind: str, code: str, expression: str, members: dict[str, Any], finds: str, misses: str
) -> None:
    parameter = composite(kind, code, expression)
    resource = {"resourceType": "Observation", "code": coded("x")} | members
    sink = Sink(resource, BASE + "/")
    by_composite.emitter(parameter, "Observation", parameter.param_id)(resource, sink)
    rows = [(*row, 1) for row in dict.fromkeys(sink.composite)]
    assert rows
    with connection.transaction(force_rollback=True):
        for statement in insertions({"composite": rows}):
            run(connection, statement)
        for value, found in ((f"x${finds}", [(1,)]), (f"x${misses}", []), (f"y${finds}", [])):
            parameters = Parameters()
            probe = by_composite.condition(parameter, value, None, parameters, BASE)
            text = " union ".join(
                f"select t.rid from {table} t where {where.replace('{t}', 't')}" for table, where in probe.alternatives
            )
            assert run(connection, parameters.statement(text)) == found, value


def test_every_type_of_component_is_tried() -> None:
    assert {kind for kind, *_ in KINDS} == set(by_composite.CELLS)
