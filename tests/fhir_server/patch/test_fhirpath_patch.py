"""FHIRPath Patch: tables of what it does and refuses."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fhir_server.outcome import FhirError, Invalid, Unprocessable
from fhir_server.patch.fhirpath_patch import apply

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "Silva", "given": ["Ana", "Maria"]}, {"use": "old", "family": "Souza"}],
    "birthDate": "1980-01-01",
    "deceasedBoolean": False,
    "contact": [{"gender": "male"}],
}
MASK = {"extension": [{"url": "http://x/absent", "valueCode": "masked"}]}


def part(name: str, **value: Any) -> dict[str, Any]:
    return {"name": name, **value}


def op(kind: str, path: str, *parts: dict[str, Any]) -> dict[str, Any]:
    given = [part("type", valueCode=kind), part("path", valueString=path), *parts]
    return {"name": "operation", "part": given}


def named(name: str) -> dict[str, Any]:
    return part("name", valueString=name)


def number(name: str, value: int) -> dict[str, Any]:
    return part(name, valueInteger=value)


def parameters(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(operations)}


NAME = {"family": "Lima"}
FIRST, SECOND = PATIENT["name"]

CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (op("add", "Patient", named("gender"), part("value", valueCode="female")), {"gender": "female"}),
    (op("add", "Patient", named("name"), part("value", valueHumanName=NAME)), {"name": [FIRST, SECOND, NAME]}),
    (op("add", "Patient", named("multipleBirth"), part("value", valueInteger=2)), {"multipleBirthInteger": 2}),
    (op("add", "Patient", named("multipleBirth[x]"), part("value", valueInteger=2)), {"multipleBirthInteger": 2}),
    (op("add", "Patient", named("multipleBirthInteger"), part("value", valueInteger=2)), {"multipleBirthInteger": 2}),
    (
        op("add", "Patient.birthDate", named("extension"), part("value", valueExtension=MASK["extension"][0])),
        {"_birthDate": MASK},
    ),
    (
        op("add", "Patient.name[0]", named("given"), part("value", _valueString=MASK)),
        {"name": [{**FIRST, "given": ["Ana", "Maria", None], "_given": [None, None, MASK]}, SECOND]},
    ),
    (
        op(
            "add",
            "Patient",
            named("contact"),
            part("value", part=[part("gender", valueCode="other"), part("telecom", valueContactPoint={"value": "1"})]),
        ),
        {"contact": [{"gender": "male"}, {"gender": "other", "telecom": [{"value": "1"}]}]},
    ),
    (
        op("add", "Patient", named("contained"), part("value", resource={"resourceType": "Basic"})),
        {"contained": [{"resourceType": "Basic"}]},
    ),
    (
        op("insert", "Patient.name", number("index", 1), part("value", valueHumanName=NAME)),
        {"name": [FIRST, NAME, SECOND]},
    ),
    (
        op("insert", "Patient.name", number("index", 2), part("value", valueHumanName=NAME)),
        {"name": [FIRST, SECOND, NAME]},
    ),
    (
        op("insert", "Patient.address", number("index", 0), part("value", valueAddress={"city": "A"})),
        {"address": [{"city": "A"}]},
    ),
    (op("delete", "Patient.birthDate"), {"birthDate": ...}),
    (op("delete", "Patient.deceased"), {"deceasedBoolean": ...}),
    (op("delete", "Patient.gender"), {}),
    (op("delete", "Patient.name.where(use = 'old')"), {"name": [FIRST]}),
    (op("delete", "Patient.name[0].given[0]"), {"name": [{"family": "Silva", "given": ["Maria"]}, SECOND]}),
    (op("delete", "Patient.contact.gender"), {"contact": ...}),
    (op("replace", "Patient.birthDate", part("value", valueDate="1990-01-01")), {"birthDate": "1990-01-01"}),
    (op("replace", "Patient.birthDate", part("value", _valueDate=MASK)), {"birthDate": ..., "_birthDate": MASK}),
    (op("replace", "Patient.name[1]", part("value", valueHumanName=NAME)), {"name": [FIRST, NAME]}),
    (
        op("replace", "Patient.name[0].given[1]", part("value", valueString="Rosa")),
        {"name": [{"family": "Silva", "given": ["Ana", "Rosa"]}, SECOND]},
    ),
    (
        op("replace", "Patient.deceased", part("value", valueDateTime="2020")),
        {"deceasedBoolean": ..., "deceasedDateTime": "2020"},
    ),
    (op("move", "Patient.name", number("source", 0), number("destination", 1)), {"name": [SECOND, FIRST]}),
    (
        op("move", "Patient.name[0].given", number("source", 1), number("destination", 0)),
        {"name": [{"family": "Silva", "given": ["Maria", "Ana"]}, SECOND]},
    ),
]


@pytest.mark.parametrize(("operation", "changes"), CHANGES)
def test_changes(operation: dict[str, Any], changes: dict[str, Any]) -> None:
    before = copy.deepcopy((PATIENT, operation))
    expected = {key: value for key, value in {**PATIENT, **changes}.items() if value is not ...}
    assert apply(PATIENT, parameters(operation)) == expected
    assert (PATIENT, operation) == before


def test_operations_follow_each_other() -> None:
    result = apply(
        PATIENT,
        parameters(
            op("delete", "Patient.contact.gender"),
            op("add", "Patient.contact", named("gender"), part("value", valueCode="female")),
            op("add", "Patient", named("name"), part("value", valueHumanName=NAME)),
            op("replace", "Patient.name[2].family", part("value", valueString="Lima Neto")),
        ),
    )
    assert result["contact"] == [{"gender": "female"}]
    assert result["name"][2] == {"family": "Lima Neto"}
    assert NAME == {"family": "Lima"}


def test_type_of_a_choice_changes_in_its_place() -> None:
    result = apply(PATIENT, parameters(op("replace", "Patient.deceased", part("value", valueDateTime="2020"))))
    assert list(result) == ["resourceType", "id", "name", "birthDate", "deceasedDateTime", "contact"]


DATE = part("value", valueDate="2020-01-01")
FALSE = part("value", valueBoolean=False)
TEXT = part("value", valueString="x")

REFUSED: list[tuple[Any, type[FhirError], str]] = [
    ([], Invalid, "Parameters resource"),
    ({"resourceType": "Patient"}, Invalid, "Parameters resource"),
    ({"resourceType": "Parameters", "parameter": {}}, Invalid, "list of objects"),
    (parameters({"name": "other"}), Invalid, "operation 0: a parameter must have the name 'operation'"),
    (parameters({"name": "operation"}), Invalid, "the part 'type' is missing"),
    (parameters(op("merge", "Patient")), Invalid, "the type must be one of"),
    (parameters(op("delete", "Patient..name")), Invalid, "the path is no FHIRPath"),
    (parameters(op("delete", "Patient.nothing()")), Invalid, "unknown function"),
    (parameters(op("add", "Patient", TEXT)), Invalid, "the part 'name' is missing"),
    (parameters(op("add", "Patient", named("gender"))), Invalid, "the part 'value' is missing"),
    (parameters(op("add", "Patient", named("gender"), part("value"))), Invalid, "exactly one value"),
    (parameters(op("insert", "Patient.name", number("index", -1), TEXT)), Invalid, "from 0 up"),
    (parameters(op("move", "Patient.name", number("source", 0))), Invalid, "'destination' is missing"),
    (parameters(op("delete", "Patient", named("a"), named("b"))), Invalid, "given twice"),
    (parameters(op("add", "Patient.photo", named("title"), TEXT)), Unprocessable, "leads to no element"),
    (parameters(op("add", "Patient.nam", named("family"), TEXT)), Unprocessable, "there is no element 'nam'"),
    (parameters(op("add", "Patient.name", named("text"), TEXT)), Unprocessable, "several elements"),
    (parameters(op("add", "Patient", named("birthDate"), DATE)), Unprocessable, "'birthDate' is there already"),
    (parameters(op("add", "Patient", named("deceased"), FALSE)), Unprocessable, "'deceased' is there already"),
    (parameters(op("add", "Patient", named("multipleBirth"), DATE)), Unprocessable, "cannot be a Date"),
    (parameters(op("add", "Patient", named("nothing"), TEXT)), Unprocessable, "there is no element 'nothing'"),
    (parameters(op("add", "Patient", named("active"), TEXT)), Unprocessable, "'active' must be a boolean"),
    (parameters(op("add", "Patient", named("name"), TEXT)), Unprocessable, "'name' must be a HumanName"),
    (parameters(op("add", "Patient", named("contact"), TEXT)), Unprocessable, "'contact' must be given as parts"),
    (parameters(op("add", "Patient.name.count()", named("a"), TEXT)), Unprocessable, "elements of the resource"),
    (parameters(op("add", "Patient", named("id"), part("value", valueId="q"))), Unprocessable, "'id' of a resource"),
    (parameters(op("insert", "Patient.name", number("index", 3), TEXT)), Unprocessable, "beyond the end"),
    (parameters(op("insert", "Patient.birthDate", number("index", 0), DATE)), Unprocessable, "lead to a list"),
    (parameters(op("insert", "Patient.gender", number("index", 0), TEXT)), Unprocessable, "lead to a list"),
    (parameters(op("insert", "Patient.name[0]", number("index", 0), TEXT)), Unprocessable, "all elements"),
    (parameters(op("delete", "Patient.name")), Unprocessable, "at most one"),
    (parameters(op("delete", "Patient")), Unprocessable, "resource itself"),
    (parameters(op("delete", "Patient.id")), Unprocessable, "'id' of a resource"),
    (parameters(op("replace", "Patient.gender", TEXT)), Unprocessable, "leads to no element"),
    (parameters(op("replace", "Patient.birthDate", part("value", valueInteger=1))), Unprocessable, "must be a date"),
    (
        parameters(op("move", "Patient.name", number("source", 0), number("destination", 2))),
        Unprocessable,
        "destination lies beyond",
    ),
    (parameters(op("delete", "Patient.photo"), op("delete", "Patient.name")), Unprocessable, "operation 1 (delete)"),
    (parameters(op("delete", "Patient.name.single()")), Unprocessable, "several"),
]


@pytest.mark.parametrize(("patch", "error", "reason"), REFUSED)
def test_refused(patch: Any, error: type[FhirError], reason: str) -> None:
    with pytest.raises(error) as caught:
        apply(PATIENT, patch)
    assert type(caught.value) is error
    assert reason in str(caught.value)
    assert "Silva" not in str(caught.value)


def test_error_names_the_operation() -> None:
    with pytest.raises(Unprocessable) as caught:
        apply(PATIENT, parameters(op("delete", "Patient.photo"), op("delete", "Patient.name")))
    assert caught.value.issues[0].expression == ("Parameters.parameter[1]",)
