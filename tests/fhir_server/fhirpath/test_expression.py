"""Expressions over a made-up patient and observation: a table of expression and result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.definitions import constraints, search_parameters
from fhir_server.fhirpath import FhirPathError, compile_expression, element_node

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "3"},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Clinic"}],
    "active": True,
    "name": [
        {
            "use": "official",
            "family": "Silva",
            "given": ["Ana", None, "Maria"],
            "_given": [None, {"extension": [{"url": "http://x/absent", "valueCode": "masked"}]}, None],
        },
        {"use": "nickname", "given": ["Aninha"]},
    ],
    "birthDate": "1980-02-29",
    "_birthDate": {"extension": [{"url": "http://x/time", "valueDateTime": "1980-02-29T10:00:00-03:00"}]},
    "deceasedBoolean": False,
    "managingOrganization": {"reference": "#o"},
    "generalPractitioner": [{"reference": "Practitioner/7"}, {"reference": "Organization/8"}],
}

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/p1"},
    "valueQuantity": {
        "value": Decimal("72.50"),
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    },
}

CASES: list[tuple[dict[str, Any], str, list[Any]]] = [
    # paths
    (PATIENT, "Patient.name.family", ["Silva"]),
    (PATIENT, "name.given", ["Ana", "Maria", "Aninha"]),
    (PATIENT, "name.given.count()", [4]),
    (PATIENT, "name[1].use", ["nickname"]),
    (PATIENT, "name[7]", []),
    (PATIENT, "Observation.status", []),
    (PATIENT, "Resource.id | DomainResource.active", ["p1", True]),
    (PATIENT, "name.`given`.first()", ["Ana"]),
    (PATIENT, "children().count() > 5", [True]),
    (PATIENT, "descendants().where($this is code).count()", [3]),
    # choice elements
    (PATIENT, "deceased", [False]),
    (PATIENT, "deceased is boolean", [True]),
    (PATIENT, "deceased is Boolean", [False]),
    (PATIENT, "deceased.as(dateTime)", []),
    (OBSERVATION, "value.unit", ["kg"]),
    (OBSERVATION, "(Observation.value as Quantity).code", ["kg"]),
    (OBSERVATION, "value.ofType(string)", []),
    (OBSERVATION, "valueQuantity.exists()", [True]),
    # primitive extensions
    (PATIENT, "birthDate.extension('http://x/time').value", ["1980-02-29T10:00:00-03:00"]),
    (PATIENT, "birthDate.hasExtension('http://x/time')", [True]),
    (PATIENT, "name.given.extension.value", ["masked"]),
    (PATIENT, "name.given.where(hasValue().not()).exists()", [True]),
    (PATIENT, "name.given.select(hasValue())", [True, False, True, True]),
    # filters and projections
    (PATIENT, "name.where(use = 'official').given.first()", ["Ana"]),
    (PATIENT, "name.exists(use = 'old')", [False]),
    (PATIENT, "name.all(given.exists())", [True]),
    (PATIENT, "name.select(given.first() & '.')", ["Ana.", "Aninha."]),
    (PATIENT, "name.select($index)", [0, 1]),
    (PATIENT, "name.given.aggregate($total & $this, '')", ["AnaMariaAninha"]),
    (PATIENT, "(3 | 1 | 2).sort(-$this)", [3, 2, 1]),
    (PATIENT, "iif(active, 'yes', 1 / 0)", ["yes"]),
    (PATIENT, "%resource.id & %context.id & %rootResource.id", ["p1p1p1"]),
    (PATIENT, "%`vs-administrative-gender`", ["http://hl7.org/fhir/ValueSet/administrative-gender"]),
    (PATIENT, "%mine + 1", [42]),
    # references
    (PATIENT, "managingOrganization.resolve().name", ["Clinic"]),
    (PATIENT, "generalPractitioner.where(resolve() is Practitioner).reference", ["Practitioner/7"]),
    (PATIENT, "generalPractitioner.resolve().name", ["Resolved 8"]),
    # three-valued logic
    (PATIENT, "(gender.exists() and {}).exists()", [True]),
    (PATIENT, "gender = 'male' or active", [True]),
    (PATIENT, "gender = 'male'", []),
    (PATIENT, "gender.empty() implies active", [True]),
    (PATIENT, "use in ('a' | 'b')", []),
    (PATIENT, "name[0].use in ('official' | 'usual')", [True]),
    # dates
    (PATIENT, "birthDate + 1 year", "@1981-02-28"),
    (PATIENT, "birthDate < @1980-03", [True]),
    (PATIENT, "birthDate = @1980-02-29T10:00", []),
    (PATIENT, "birthDate >= @1980-02", []),
    (PATIENT, "@2020-01-31 + 1 month", "@2020-02-29"),
    (PATIENT, "@2020-01-01T23:30:00-03:00 < @2020-01-02T03:00:00Z", [True]),
    (PATIENT, "@2020-01-01T10:00:00 < @2020-01-01T11:00:00Z", []),
    (PATIENT, "@2020-01-01T10:00:00 < @2020-01-03T11:00:00Z", [True]),
    # quantities
    (OBSERVATION, "value = 72500 'g'", [True]),
    (OBSERVATION, "value > 72 'kg'", [True]),
    (OBSERVATION, "value = 72.5 's'", []),
    (OBSERVATION, "value.value", [Decimal("72.50")]),
    (OBSERVATION, "2.0 'cm' * 2.0 'm' = 0.040 'm2'", [True]),
    (OBSERVATION, "1 'kg' + 500 'g' = 1.5 'kg'", [True]),
    (OBSERVATION, "1 year = 12 months", [True]),
    # numbers stay exact
    (PATIENT, "1.10 + 2.20", [Decimal("3.30")]),
    (PATIENT, "7 div 2 + 7 mod 2", [4]),
    (PATIENT, "1 / 3 ~ 0.33", [True]),
    (PATIENT, "2147483647 + 1", []),
    (PATIENT, "1 / 0", []),
    (PATIENT, "1 = true", [False]),
    # FHIR functions
    (OBSERVATION, "status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')", [True]),
    (OBSERVATION, "code.memberOf('http://example.org/unknown')", []),
    (OBSERVATION, "conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", [True]),
    (OBSERVATION, "Observation.type().name", ["Observation"]),
    (PATIENT, "Patient.contained.type().name", ["Organization"]),
]


@pytest.mark.parametrize(("resource", "text", "expected"), CASES, ids=[case[1] for case in CASES])
def test_results(resource: dict[str, Any], text: str, expected: Any) -> None:
    def resolve(reference: str) -> Any:
        return {"resourceType": "Organization", "name": "Resolved 8"} if reference == "Organization/8" else None

    result = compile_expression(text).evaluate(resource, variables={"mine": [41]}, resolve=resolve)
    if isinstance(expected, str):
        assert [repr(item) for item in result] == [expected]
    else:
        assert result == expected
        assert [type(item) for item in result] == [type(item) for item in expected]


ERRORS = [
    ("", "syntax", 0),
    ("name.", "syntax", 5),
    ("name..given", "syntax", 5),
    ("name where", "syntax", 5),
    ("'open", "syntax", 0),
    ("(1 + 2", "syntax", 6),
    ("1 +", "syntax", 3),
    ("@2020-02-30", "syntax", 0),
    ("name ? use", "syntax", 5),
    (r"'\ud800'", "syntax", 0),
    (r"'\u12'", "syntax", 0),
    ("'\ud800'", "syntax", None),
    ("name.nothing()", "semantic", 5),
    ("name.where()", "semantic", 5),
    ("name is Nothing", "semantic", 5),
    ("(" * 200 + "1" + ")" * 200, "syntax", None),
    ("1" + " + 1" * 1000, "syntax", None),
    ("a" + ".a" * 1000, "syntax", None),
    ("x" * 30_000, "syntax", None),
]


@pytest.mark.parametrize(("text", "kind", "position"), ERRORS, ids=[error[0][:20] for error in ERRORS])
def test_errors_of_the_text(text: str, kind: str, position: int | None) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile_expression(text)
    assert caught.value.kind == kind
    assert position is None or caught.value.position == position


FAILING = [
    "'a'.repeat($this & 'a')",
    "'ab'.toChars().repeat($this + 'ab')",
    "'abcdefgh'.toChars().repeat('abcdefgh'.toChars().select($this & '0')).repeat($this & $this)",
    "name.single()",
    "name.given + 'a'",
    "1 + 'a'",
    "-active",
    "name < 2",
    "'a'.matches('(?=a)')",
    "'aaaa'.replaceMatches('a', '$7')",
    "%unknown",
    "(1 | 2).repeat($this + 1)",
    "(1 | 2 | 3 | 4).repeat(select($this + 1) | select($this * 3))",
]


@pytest.mark.parametrize("text", FAILING)
def test_errors_of_the_evaluation(text: str) -> None:
    with pytest.raises(FhirPathError):
        compile_expression(text).evaluate(PATIENT)


def test_growth_is_bounded() -> None:
    doubling = "('" + "a" * 1000 + "')" + ".select($this & $this)" * 20
    with pytest.raises(FhirPathError, match="too long"):
        compile_expression(doubling).evaluate(PATIENT)


def test_a_hostile_pattern_is_linear() -> None:
    text = "'" + "a" * 5000 + "!'"
    assert compile_expression(text + ".matchesFull('(a+)+')").evaluate(PATIENT) == [False]


def test_holds() -> None:
    cases = {"active": True, "active.not()": False, "gender": None, "name[0]": True, "name.family = 'Silva'": True}
    for text, expected in cases.items():
        assert compile_expression(text).holds(PATIENT) is expected, text


def test_element_with_its_type() -> None:
    period = {"start": "2020-01-01", "end": "2019-01-01"}
    assert compile_expression("start <= end").holds(period, type_name="Period") is False
    contact = {"name": {"family": "Silva"}}
    assert compile_expression("name.family").evaluate(contact, type_name="Patient.contact") == ["Silva"]
    masked = element_node(None, "string", {"extension": [{"url": "u", "valueCode": "masked"}]})
    assert compile_expression("hasValue() or extension.exists()").holds(masked, resource=PATIENT) is True


def test_nodes_know_type_and_place() -> None:
    [node] = compile_expression("name.given[1]").nodes(PATIENT)
    assert (node.type.name, node.value, node.place[1:3]) == ("string", None, ("given", 1))
    assert node.place[0] is PATIENT["name"][0]
    [value] = compile_expression("value").nodes(OBSERVATION)
    assert (value.type.name, value.place[1], value.place[3].name) == ("Quantity", "valueQuantity", "Observation")


def test_resource_of_a_contained_one_is_the_contained_one() -> None:
    organization = PATIENT["contained"][0]
    expression = compile_expression("%resource.id & %rootResource.id")
    assert expression.evaluate(organization, root=PATIENT) == ["op1"]


def test_input_stays_as_it_is() -> None:
    before = repr(PATIENT)
    for _, text, _ in CASES:
        compile_expression(text).evaluate(PATIENT, variables={"mine": [41]})
    assert repr(PATIENT) == before


def test_trace_is_handed_out() -> None:
    seen: list[tuple[str, list[Any]]] = []
    expression = compile_expression("name.given.trace('g', length()).count()")
    assert expression.evaluate(PATIENT, trace=lambda name, items: seen.append((name, items))) == [4]
    assert seen == [("g", [3, 5, 6])]


def test_every_expression_of_r4_compiles() -> None:
    texts = {constraint.expression for constraint in constraints()}
    texts |= {str(row["expression"]) for row in search_parameters() if row.get("expression")}
    assert len(texts) > 1500
    for text in texts:
        compile_expression(text)


@pytest.mark.parametrize("text", ["name.family + 1", "-name.family", "name.family < 1", "name.family.substring('a')"])
def test_errors_hold_no_value_of_the_record(text: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile_expression(text).evaluate(PATIENT)
    assert "Silva" not in str(caught.value)
