"""`_filter` as criteria: which search parameter each path means, and what its operator asks. https://hl7.org/fhir/R4/search_filter.html

A path is a search parameter, or references to follow and then one. `reference[filter].name`: the filter is about what
is referred to. `group[code eq x].value`: both are about one repetition of an element, which a composite parameter has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from fhir_server.outcome import Invalid
from fhir_server.search.alternatives import alternatives
from fhir_server.search.by_composite import ANY
from fhir_server.search.criteria import MAX_DEPTH, All, Chain, Criterion, Leaf, Node, Not, Some, reachable, unknown
from fhir_server.search.filter_syntax import Comparison, Filter, Logical, Step, parsed, refuse
from fhir_server.search.filter_syntax import Not as NotFilter
from fhir_server.search.parameters import SearchParameter, current, search_parameter
from fhir_server.statement import Parameters

_PREFIXES = frozenset(("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"))
OPERATORS: dict[str, frozenset[str]] = {
    "string": frozenset(("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le")),
    "number": _PREFIXES,
    "date": _PREFIXES | {"po", "co"},
    "token": frozenset(("eq", "ne", "in", "ni", "ss", "sb")),
    "reference": frozenset(("re",)),
    "quantity": _PREFIXES,
    "uri": frozenset(("eq", "ne", "sw")),
    "composite": frozenset(("eq",)),
}
"""Parameter type -> operators beside pr, which all have."""

SYSTEMS: dict[str, str] = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ucum": "http://unitsofmeasure.org",
}
"""Short names of code systems."""

TERMINOLOGY: dict[str, str] = {"in": "in", "ni": "in", "ss": "below", "sb": "above"}
"""Operators that ask for codes of a value set, or above or below one, as modifiers of a URL do; see terms.py."""

GROUPS: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("Group", "characteristic"): ("characteristic-value", {"code": "characteristic", "value": "value"}),
    ("DocumentReference", "relatesTo"): ("relationship", {"code": "relation", "target": "relatesto"}),
}
"""(type, name) -> the composite that stands for an element, and its components by the names the page gives them.

The page's other names (Observation.related, ServiceRequest.event, ...) mean parameters that R4 no longer has.
"""


class _Unknown(Exception):
    """A path that the type does not have; another type that is referred to may have it."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


def filter_criteria(types: Sequence[str], text: str) -> list[Criterion]:
    """The criteria of a filter: one for each part that must hold.

    Raises Invalid naming the character at which the filter is wrong, or asks what the index cannot answer.
    """
    tree = parsed(text)
    parts = tree.parts if isinstance(tree, Logical) and tree.operator == "and" else (tree,)
    try:
        return [Criterion("_filter", (text,), {one: _node(one, part, 0) for one in types}) for part in parts]
    except _Unknown as error:
        refuse(error.position, str(error), "not-supported")


def _node(resource_type: str, filter: Filter, depth: int) -> Node:
    match filter:
        case Logical():
            nodes = tuple(_node(resource_type, part, depth) for part in filter.parts)
            return All(nodes) if filter.operator == "and" else Some(nodes)
        case NotFilter():
            return Not(_node(resource_type, filter.filter, depth))
        case Comparison():
            return _compared(resource_type, filter.path, filter, depth)


def _compared(resource_type: str, path: Sequence[Step], test: Comparison, depth: int) -> Node:
    step, *rest = path
    if not rest:
        if step.type:
            refuse(step.position, "a type belongs to a reference that is followed", "not-supported")
        return _leaf(_known(resource_type, step), test)
    if step.within and _grouped(resource_type, step):
        return _element(resource_type, step, step.within, rest, test)
    return _chain(resource_type, step, rest, test, depth)


def _known(resource_type: str, step: Step) -> SearchParameter:
    parameter = search_parameter(resource_type, step.name)
    if parameter is None and step.name in current().pending.get(resource_type, ()):
        raise unknown(resource_type, step.name, "")
    if parameter is None or parameter.type not in OPERATORS:
        raise _Unknown(step.position, f"{resource_type} has no search parameter of this name")
    return parameter


def _chain(resource_type: str, step: Step, rest: Sequence[Step], test: Comparison, depth: int) -> Node:
    if depth >= MAX_DEPTH:
        refuse(step.position, f"a chain has at most {MAX_DEPTH} steps", "too-costly")
    parameter = _known(resource_type, step)
    if parameter.type != "reference":
        raise _Unknown(step.position, f"{resource_type}.{parameter.code} is no reference and cannot be followed")
    possible = parameter.types_of_target
    if step.type and step.type not in possible:
        raise _Unknown(step.position, f"{resource_type}.{parameter.code} does not refer to this type")
    found: list[tuple[str, Node]] = []
    unknown: list[_Unknown] = []
    for target in reachable(parameter, step.type):
        try:
            below = _compared(target, rest, test, depth + 1)
            found.append((target, All((_node(target, step.within, depth + 1), below)) if step.within else below))
        except _Unknown as error:
            unknown.append(error)
    if not found:
        first = min(unknown, key=lambda error: error.position)
        reason = str(first) if len(possible) == 1 or step.type else "nothing that is referred to has this parameter"
        raise _Unknown(first.position, reason)
    return Chain(parameter, tuple(found))


def _leaf(parameter: SearchParameter, test: Comparison) -> Leaf:
    operator, value, code = test.operator, test.value, parameter.code
    if operator == "pr":
        if value not in ("true", "false"):
            refuse(test.at, "pr is followed by true or false", "value")
        return Leaf(parameter.resource_type, parameter, None, (), negated=value == "false")
    if operator not in OPERATORS[parameter.type]:
        _not_answered(parameter, test)
    if operator in TERMINOLOGY:
        text = value if operator in ("in", "ni") else _named(value)
        return Leaf(parameter.resource_type, parameter, TERMINOLOGY[operator], (text,), negated=operator == "ni")
    modifier, text = _SHAPES[parameter.type](operator, value)
    found = Leaf(parameter.resource_type, parameter, modifier, (text,))
    _checked(found, code, test)
    return found


def _not_answered(parameter: SearchParameter, test: Comparison) -> NoReturn:
    possible = ", ".join((*sorted(OPERATORS[parameter.type]), "pr"))
    refuse(test.position, f"{parameter.code} is a {parameter.type}; possible: {possible}", "not-supported")


def _checked(leaf: Leaf, code: str, test: Comparison) -> None:
    """Raises Invalid with the place of the value, if the parameter cannot have it."""
    try:
        alternatives(leaf, Parameters(), "")
    except Invalid as error:
        refuse(test.at, str(error), error.issues[0].code)


def _prefixed(operator: str, value: str) -> tuple[str | None, str]:
    return (operator, value) if operator in ("po", "co") else (None, operator + value)


def _quantity(operator: str, value: str) -> tuple[str | None, str]:
    number, bar, unit = value.partition("|")
    return None, operator + number + bar + _named(unit)


def _token(operator: str, value: str) -> tuple[str | None, str]:
    return None if operator == "eq" else operator, _named(value)


def _named(text: str) -> str:
    """The text with the short name of a system written out."""
    system, bar, code = text.partition("|")
    return SYSTEMS.get(system, system) + bar + code if bar else text


def _string(operator: str, value: str) -> tuple[str | None, str]:
    return operator, value.replace("\\", "\\\\")


def _plain(operator: str, value: str) -> tuple[str | None, str]:
    return None if operator in ("eq", "re") else operator, value


_SHAPES: dict[str, Callable[[str, str], tuple[str | None, str]]] = {
    "string": _string,
    "number": _prefixed,
    "date": _prefixed,
    "token": _token,
    "reference": _plain,
    "quantity": _quantity,
    "uri": _plain,
    "composite": _plain,
}
"""Parameter type -> modifier and value of the criterion that an operator and its value mean."""


def _grouped(resource_type: str, step: Step) -> tuple[SearchParameter, dict[str, str]] | None:
    """The composite that a step with a filter names, and its components by the names they go by."""
    code, names = GROUPS.get((resource_type, step.name), (step.name, {}))
    parameter = search_parameter(resource_type, code)
    if parameter is None or parameter.type != "composite":
        return None
    return parameter, names or {part.code: part.code for part in parameter.components}


def _element(resource_type: str, step: Step, within: Filter, rest: Sequence[Step], test: Comparison) -> Leaf:
    """One repetition of an element: each component has one test, or none."""
    grouped = _grouped(resource_type, step)
    assert grouped is not None
    parameter, names = grouped
    tests = list(within.parts) if isinstance(within, Logical) and within.operator == "and" else [within]
    tests.append(Comparison(tuple(rest), test.operator, test.value, test.position, test.at))
    values: dict[str, str] = {}
    present: bool | None = None
    for number, one in enumerate(tests, 1):
        if not isinstance(one, Comparison) or len(one.path) > 1:
            refuse(step.position, "a filter on one element is made of tests of it, joined by 'and'", "not-supported")
        [named] = one.path
        code = names.get(named.name)
        if code is None or named.type or code in values:
            reason = f"here can be tested, once each: {', '.join(names)}"
            refuse(named.position, reason, "not-supported")
        if one.operator == "pr" and number == len(tests):
            present = _leaf(parameter, one).negated is False
            values[code] = ""
            continue
        kind = next(part.type for part in parameter.components if part.code == code)
        values[code] = _component(kind, one)
    text = "$".join(values.get(part.code, "") for part in parameter.components)
    found = Leaf(resource_type, parameter, ANY, (text,), negated=present is False)
    _checked(found, parameter.code, test)
    return found


def _component(kind: str, test: Comparison) -> str:
    """The value of a component as the composite has it."""
    possible = {"token": ("eq",), "string": ("sw",), "reference": ("re",), "uri": ("eq",)}.get(
        kind, tuple(sorted(_PREFIXES))
    )
    if test.operator not in possible:
        refuse(test.position, f"here this is a {kind}; possible: {', '.join(possible)}", "not-supported")
    text = (
        test.value.replace("\\", "\\\\").replace("$", "\\$") if kind in ("string", "reference", "uri") else test.value
    )
    return _SHAPES[kind](test.operator, text)[1] if kind != "string" else text
