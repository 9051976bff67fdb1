"""The table of search parameters covers R4, without collisions."""

from __future__ import annotations

from fhir_server.definitions import search_parameters
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search.parameters import FULL_TEXT, parameters_of, search_parameter, tables_of
from fhir_server.search.rows import hash32
from fhir_server.search.timeline import TIMELINE

SUFFIXES = ("", ":text", ":of-type", ":identifier", ":word", ":sort")


def test_every_parameter_with_an_expression_is_there() -> None:
    missing = [
        (base, row["code"])
        for row in search_parameters()
        if "expression" in row
        for base in row["base"]
        if search_parameter(base, row["code"]) is None
    ]
    assert missing == []
    # Without _content, which all have, and _text, which Binary, Bundle and Parameters have not.
    assert sum(len(parameters_of(name)) for name in RESOURCE_TYPES) - len(RESOURCE_TYPES) * 2 + 3 == 2582


def test_every_parameter_selects_something() -> None:
    empty = [
        (name, code)
        for name in RESOURCE_TYPES
        for code, parameter in parameters_of(name).items()
        if not parameter.leaves and code not in FULL_TEXT
    ]
    assert empty == [("Patient", "deceased")]


def test_no_two_parameters_share_a_number() -> None:
    numbers: dict[int, str] = {}
    for name in RESOURCE_TYPES:
        for code in parameters_of(name):
            for suffix in SUFFIXES:
                text = f"{name}.{code}{suffix}"
                assert numbers.setdefault(hash32(text), text) == text
    assert 0 not in numbers


def test_parameters_that_select_the_same_share_rows() -> None:
    combo = search_parameter("Observation", "combo-code")
    assert combo
    assert combo.names == ("code", "component-code")
    assert combo.param_ids == (hash32("Observation.code"), hash32("Observation.component-code"))
    phonetic = search_parameter("Patient", "phonetic")
    assert phonetic
    assert phonetic.param_id == hash32("Patient.name")


def test_rows_of_others_are_their_own() -> None:
    for name in RESOURCE_TYPES:
        known = parameters_of(name)
        for parameter in known.values():
            others = parameter.names
            if parameter.parts:
                assert parameter.type == "reference"
                assert set(others) == {parameter.code, *(code for _, code in parameter.parts)}
                others = others[1:]
            elif others != (parameter.code,):
                assert parameter.type in ("token", "quantity", "composite") or len(others) == 1
            assert all(known[each].names == (each,) for each in others if each != parameter.code), parameter


def test_where_a_parameter_has_rows() -> None:
    code, identifier = search_parameter("Observation", "code"), search_parameter("Patient", "_id")
    assert code
    assert identifier
    assert tables_of(code) == (
        ("token", (hash32("Observation.code"),)),
        ("string", (hash32("Observation.code:text"),)),
    )
    assert tables_of(identifier) == ()
    assert identifier.column == "fhir_id"


def test_unknown_parameters() -> None:
    for code in ("nonsense", "_filter", "_query"):
        assert search_parameter("Location", code) is None


def test_timeline_names_date_parameters_of_types_with_a_patient() -> None:
    for name, code in TIMELINE.items():
        assert parameters_of(name)[code].type == "date", name
        assert "patient" in parameters_of(name), name
