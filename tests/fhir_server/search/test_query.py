from __future__ import annotations

import pytest

from fhir_server.outcome import Invalid
from fhir_server.search.criteria import Chain, Leaf, Reverse
from fhir_server.search.query import SearchQuery, SortKey, parse_query
from fhir_server.search.rows import hash32


def parsed(resource_type: str | None, *parameters: tuple[str, str], lenient: bool = False) -> SearchQuery:
    return parse_query(resource_type, parameters, lenient=lenient)


def leaf(resource_type: str, name: str, value: str) -> Leaf:
    [criterion] = parsed(resource_type, (name, value)).criteria
    node = criterion.nodes[resource_type]
    assert isinstance(node, Leaf)
    return node


@pytest.mark.parametrize(
    ("name", "value", "modifier", "values", "negated"),
    [
        ("name", "peter", None, ("peter",), False),
        ("name", "peter,paul", None, ("peter", "paul"), False),
        ("name", "peter\\,paul", None, ("peter\\,paul",), False),
        ("name:exact", "Peter", "exact", ("Peter",), False),
        ("name:contains", "ete", "contains", ("ete",), False),
        ("identifier", "http://a|1", None, ("http://a|1",), False),
        ("gender:not", "male", None, ("male",), True),
        ("gender:missing", "true", None, (), True),
        ("gender:missing", "false", None, (), False),
        ("identifier:of-type", "s|c|v", "of-type", ("s|c|v",), False),
        ("organization:identifier", "s|v", "identifier", ("s|v",), False),
        ("general-practitioner:Practitioner", "1", "Practitioner", ("1",), False),
        ("_lastUpdated", "ge2020", None, ("ge2020",), False),
    ],
)
def test_a_parameter_is_resolved(
    name: str, value: str, modifier: str | None, values: tuple[str, ...], negated: bool
) -> None:
    found = leaf("Patient", name, value)
    assert (found.parameter.code, found.modifier, found.values, found.negated) == (
        name.partition(":")[0],
        modifier,
        values,
        negated,
    )


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "words"),
    [
        ("Patient", "nonsense", "1", "no search parameter"),
        ("Patient", "name:nonsense", "1", "no such modifier"),
        ("Patient", "birthdate:exact", "2000", "no such modifier"),
        ("Patient", "general-practitioner:Patient", "1", "no such modifier"),
        ("Patient", "gender:missing", "perhaps", "true or false"),
        ("Patient", "gender", "", "empty value"),
        ("Patient", "gender", "male,", "empty value"),
        ("Patient", "name.family", "x", "cannot be chained"),
        ("Observation", "subject:Practitioner.name", "x", "does not refer to"),
        ("Observation", "subject.nonsense", "x", "no resource type"),
        ("Patient", "_has:Observation:code:status", "x", "no reference parameter"),
        ("Patient", "_has:Observation:patient", "x", "is written"),
        ("Patient", "_has:Nonsense:patient:code", "x", "unknown resource type"),
        ("Practitioner", "_has:Observation:patient:code", "x", "does not refer to"),
        ("Patient", "_include", "Patient", "is written"),
        ("Patient", "_include", "Patient:name", "no reference parameter"),
        ("Patient", "_include", "Nonsense:subject", "unknown resource type"),
        ("Patient", "_include", "Patient:organization:Patient", "does not refer to"),
        ("Patient", "_include:nonsense", "Patient:organization", "no modifier"),
        ("Patient", "_sort", "nonsense", "cannot be sorted"),
        (None, "_sort", "name", "cannot be sorted"),
        ("Observation", "_sort", "patient.nonsense", "cannot be sorted"),
        ("Observation", "_sort", "patient:Group.name", "cannot be sorted"),
        ("Observation", "_sort", "code.name", "cannot be sorted"),
        ("Observation", "_sort", "patient.name:exact", "cannot be sorted"),
        ("Observation", "_sort", "patient.organization.partof.partof.partof.name", "at most 3 steps"),
        ("Patient", "_has:Observation:patient:_has:Provenance:target:agent:Organization.partof.name", "x", "at most 3"),
        ("Patient", "_count", "many", "whole number"),
        ("Patient", "_total", "yes", "one of"),
        ("Patient", "_summary", "yes", "one of"),
        ("Patient", "_contained", "true", "contained resources"),
        ("Patient", "_type", "Observation", "whole system"),
        (None, "_type", "Nonsense", "unknown resource type"),
        (None, "name", "peter", "no search parameter"),
        ("Observation", "subject:Patient.organization.partof.partof.partof.name", "x", "at most 3 steps"),
    ],
)
def test_what_means_nothing_is_refused(resource_type: str | None, name: str, value: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        parsed(resource_type, (name, value))


def test_the_value_of_a_refused_parameter_is_not_repeated() -> None:
    with pytest.raises(Invalid) as refused:
        parsed("Patient", ("nonsense", "secret"))
    assert "secret" not in str(refused.value)


def test_a_lenient_client_is_told_what_was_ignored() -> None:
    query = parsed("Patient", ("nonsense", "1"), ("name:nonsense", "x"), ("gender", "male"), lenient=True)
    assert [criterion.name for criterion in query.criteria] == ["gender"]
    assert [issue.severity for issue in query.ignored] == ["warning", "warning"]
    assert query.used == (("gender", "male"),)


@pytest.mark.parametrize(
    ("name", "targets", "below"),
    [
        ("subject:Patient.name", ["Patient"], "name"),
        ("patient.name", ["Patient"], "name"),
        # Group and Device have no birthdate, so only Patient is left.
        ("subject.birthdate", ["Patient"], "birthdate"),
    ],
)
def test_a_chain_is_resolved_by_target_type(name: str, targets: list[str], below: str) -> None:
    [criterion] = parsed("Observation", (name, "2000")).criteria
    node = criterion.nodes["Observation"]
    assert isinstance(node, Chain)
    assert [target for target, _ in node.targets] == [*targets, *("#" + target for target in targets)]
    _, last = node.targets[0]
    assert isinstance(last, Leaf)
    assert last.parameter.code == below


def test_chains_and_reverse_chains_nest() -> None:
    [criterion] = parsed("Observation", ("encounter.service-provider.name", "x")).criteria
    node = criterion.nodes["Observation"]
    assert isinstance(node, Chain)
    assert isinstance(node.targets[0][1], Chain)
    [criterion] = parsed("Patient", ("_has:Observation:patient:_has:Provenance:target:recorded", "2020")).criteria
    node = criterion.nodes["Patient"]
    assert isinstance(node, Reverse)
    assert isinstance(node.node, Reverse)
    assert node.node.resource_type == "Provenance"


def test_result_parameters() -> None:
    query = parsed(
        "Observation",
        ("_sort", "-date,code"),
        ("_count", "5000"),
        ("_total", "accurate"),
        ("_elements", "code,status"),
        ("_explain", "true"),
        ("_format", "json"),
    )
    assert query.sort == (SortKey("date", True), SortKey("code", False))
    assert query.count == 1000
    assert query.total == "accurate"
    assert query.elements == ("code", "status")
    assert query.explain
    assert not any(name == "_format" for name, _ in query.used)


@pytest.mark.parametrize("parameters", [[("_summary", "count")], [("_count", "0")]])
def test_only_the_number_is_asked_for(parameters: list[tuple[str, str]]) -> None:
    assert parsed("Patient", *parameters).count == 0


@pytest.mark.parametrize("name", ["_count", "_sort", "_total", "_summary", "_elements"])
def test_result_parameters_stand_once(name: str) -> None:
    value = {"_count": "1", "_total": "none", "_summary": "true"}.get(name, "_id")
    with pytest.raises(Invalid, match="once"):
        parsed("Patient", (name, value), (name, value))


def test_limits() -> None:
    with pytest.raises(Invalid, match="100 parameters"):
        parsed("Patient", *[("gender", "male")] * 101)
    with pytest.raises(Invalid, match="10000 values"):
        parsed("Patient", ("name", ",".join(["x"] * 10_001)))
    with pytest.raises(Invalid, match="20 _include"):
        parsed("Patient", *[("_include", "Patient:organization")] * 21)


@pytest.mark.parametrize(
    ("name", "value", "follows", "target", "reverse", "iterate"),
    [
        ("_include", "Observation:encounter", ["Observation.encounter"], None, False, False),
        ("_include", "Observation:subject:Patient", None, "Patient", False, False),
        ("_include:iterate", "Encounter:part-of", ["Encounter.part-of"], None, False, True),
        ("_revinclude", "Provenance:target", ["Provenance.target"], None, True, False),
    ],
)
def test_includes(
    name: str, value: str, follows: list[str] | None, target: str | None, reverse: bool, iterate: bool
) -> None:
    [include] = parsed("Observation", (name, value)).includes
    if follows is not None:
        assert include.param_ids == tuple(hash32(one) for one in follows)
    assert (include.target, include.reverse, include.iterate) == (target, reverse, iterate)


@pytest.mark.parametrize(("name", "value"), [("_include", "*"), ("_include", "Observation:*"), ("_revinclude", "*")])
def test_wildcards_follow_every_reference(name: str, value: str) -> None:
    [include] = parsed("Observation", (name, value)).includes
    assert len(include.param_ids) > 5


def test_a_system_search_is_over_the_types_asked_for() -> None:
    assert parsed(None, ("_type", "Patient,Observation")).types == ("Patient", "Observation")
    assert len(parsed(None).types) == 146
    assert parse_query(None, [], within=["Observation", "Condition"]).types == ("Observation", "Condition")
