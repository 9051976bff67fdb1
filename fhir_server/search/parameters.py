"""The table of search parameters: which there are for a type, and what identifies their rows. https://hl7.org/fhir/R4/searchparameter-registry.html"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_server.definitions import is_a, search_parameters, structure
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.contained import MARK, plain
from fhir_server.search.paths import Leaf, branches, leaves
from fhir_server.search.rows import hash32

COLUMN: dict[str, str] = {"_id": "fhir_id", "_lastUpdated": "last_updated"}
"""Parameters that are a column of `resource` instead of rows in a search table."""

TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "token": (("token", ""), ("string", ":text")),
    "reference": (("reference", ""), ("reference_other", ""), ("token", ":identifier")),
    "date": (("date", ""),),
    "quantity": (("quantity", ""),),
    "number": (("number", ""),),
    "string": (("string", ""),),
    "uri": (("uri", ""),),
    "composite": (("composite", ""),),
    "special": (("composite", ""),),
}
"""Parameter type -> the tables that may hold its rows, each with what follows the parameter's name in param_id."""

FULL_TEXT: dict[str, str] = {"_text": "narrative", "_content": "content"}
"""Parameters that search words -> the column of `full_text` that has them."""

_NOT_CONTAINED = frozenset(("_lastUpdated", *FULL_TEXT))
"""What only a whole resource has."""

DECEASED = "Patient.deceased.exists() and Patient.deceased != false"
"""The one expression of R4 that computes instead of selecting; see `by_token.deceased`."""

_TRANSPOSED = frozenset(("http://hl7.org/fhir/SearchParameter/DocumentReference-relationship",))
"""Composites of which R4 names the definitions in another order than the expressions they belong to."""

_UNITED = frozenset(("token", "quantity", "composite"))


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a composite parameter."""

    code: str
    """Code of the parameter it stands for."""
    type: str
    """token, quantity, date, string, reference or number."""
    expression: str
    """Relative to the composite's element; may begin with %resource."""


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter of one resource type."""

    resource_type: str
    code: str
    type: str
    """token, reference, date, quantity, number, string, uri, composite, special (Location.near, _text, _content)."""
    url: str
    expression: str
    types_of_target: tuple[str, ...]
    """Of a reference parameter: the resource types it may point to; all types when the definition names none."""
    components: tuple[Component, ...]
    leaves: tuple[Leaf, ...]
    """What the expression selects, for a composite its elements."""
    names: tuple[str, ...]
    """Codes of the parameters whose rows are this one's: itself, or those that select the same between them
    (combo-code has no rows of its own but finds those of code and component-code)."""

    @property
    def param_id(self) -> int:
        """param_id of its rows; of a parameter that unites several, the first. See `param_ids`."""
        return hash32(f"{self.resource_type}.{self.names[0]}")

    @property
    def param_ids(self) -> tuple[int, ...]:
        """param_id of all its rows; nearly always one."""
        return self.ids("")

    @property
    def column(self) -> str | None:
        """Column of `resource` that holds it instead of search rows: _id and _lastUpdated."""
        return None if self.resource_type[0] == MARK else COLUMN.get(self.code)

    @property
    def data_types(self) -> frozenset[str]:
        """FHIR types of the elements it selects."""
        return frozenset(leaf.data_type for leaf in self.leaves)

    def ids(self, suffix: str) -> tuple[int, ...]:
        """param_id of rows under the name with a suffix, such as ":text"."""
        return tuple(hash32(f"{self.resource_type}.{name}{suffix}") for name in self.names)


def tables_of(parameter: SearchParameter) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """(table, param_ids) that hold rows of the parameter: it is missing from a resource without a row in any of them.

    Empty for _id and _lastUpdated, which no resource lacks.
    """
    if parameter.column:
        return ()
    return tuple((table, parameter.ids(suffix)) for table, suffix in TABLES[parameter.type])


def search_parameter(resource_type: str, code: str) -> SearchParameter | None:
    """The parameter of a type by its code; None when R4 has none or this server does not index it."""
    return parameters_of(resource_type).get(code)


@cache
def parameters_of(resource_type: str) -> Mapping[str, SearchParameter]:
    """Code -> parameter of all parameters of a type, the common ones (_id, _tag, ...) included, by code.

    `Resource` gives the common ones alone, "#Patient" those of contained Patients, without those of whole resources.
    Raises KeyError for a name that is no resource type.
    """
    name = plain(resource_type)
    if name != "Resource":
        TYPE_ID[name]
    rows: dict[str, dict[str, Any]] = {}
    narrative = name != "Resource" and is_a(name, "DomainResource")
    bases = ("Resource", *(("DomainResource",) if narrative else ()), name)
    for row in (row for base in dict.fromkeys(bases) for row in _by_base().get(base, ())):
        if name == resource_type or row["code"] not in _NOT_CONTAINED:
            rows.setdefault(row["code"], row)
    own = {code: _branches(row, name) for code, row in rows.items()}
    return {
        code: SearchParameter(
            resource_type=resource_type,
            code=code,
            type="special" if code in FULL_TEXT else row["type"],  # as R5 has it: no modifier of strings fits them
            url=row["url"],
            expression=row.get("expression", ""),
            types_of_target=_targets(row),
            components=_components(row),
            leaves=_leaves(own[code], name),
            names=_names(code, row, rows, own),
        )
        for code, row in sorted(rows.items())
    }


@cache
def single_valued(parameter: SearchParameter) -> bool:
    """Whether a resource has at most one row of the parameter: one element, nowhere repeating."""
    elements: set[str] = set()
    path = ""
    for leaf in parameter.leaves:
        at = plain(parameter.resource_type)
        for move in leaf.moves:
            if move[0] != "key":
                return False
            found = next((e for e in structure(at).elements.values() if move[1] in e.json_names()), None)
            if found is None or found.max != 1:
                return False
            at = found.json_names()[move[1]].code
            path = found.path
        elements.add(path)
    return len(elements) == 1 and len(parameter.param_ids) == 1


@cache
def _by_base() -> dict[str, tuple[dict[str, Any], ...]]:
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for row in search_parameters():
        if "expression" in row or row["code"] in FULL_TEXT:
            for base in row["base"]:
                found[base] = (*found.get(base, ()), row)
    return found


@cache
def _by_url() -> dict[str, dict[str, Any]]:
    return {row["url"]: row for row in search_parameters()}


def _branches(row: dict[str, Any], resource_type: str) -> frozenset[str]:
    """The sides of the expression that concern the type."""
    expression = row.get("expression", "")
    if expression in (DECEASED, ""):
        return frozenset()
    # A side that starts with no type at all is relative to whatever type has the parameter (InsurancePlan.name).
    return frozenset(
        branch
        for branch in branches(expression)
        if (first := branch.partition(".")[0]) in (resource_type, "Resource", "DomainResource") or first not in TYPE_ID
    )


def _leaves(own: frozenset[str], resource_type: str) -> tuple[Leaf, ...]:
    return tuple(
        leaf
        for branch in sorted(own)
        for leaf in leaves(branch, resource_type, rooted=not branch.partition(".")[0][0].islower())
    )


def _targets(row: dict[str, Any]) -> tuple[str, ...]:
    if row["type"] != "reference":
        return ()
    named = tuple(name for name in row.get("target", ()) if name in TYPE_ID)
    return named or tuple(TYPE_ID)


def _components(row: dict[str, Any]) -> tuple[Component, ...]:
    components = row.get("component", ())
    definitions = [_by_url()[component["definition"]] for component in components]
    if row["url"] in _TRANSPOSED:
        definitions.reverse()
    return tuple(
        Component(definition["code"], definition["type"], component["expression"])
        for definition, component in zip(definitions, components, strict=True)
    )


def _meaning(row: dict[str, Any]) -> tuple[Any, ...]:
    """What must be equal, beside the elements selected, for the rows of two parameters to be the same."""
    return (row["type"], tuple((part.type, part.expression) for part in _components(row)))


def _names(
    code: str, row: dict[str, Any], rows: dict[str, dict[str, Any]], own: dict[str, frozenset[str]]
) -> tuple[str, ...]:
    """See `SearchParameter.names`: storing the same rows twice would cost a fifth of an Observation's index."""
    if not own[code]:
        return (code,)
    alike = [other for other in rows if own[other] and _meaning(rows[other]) == _meaning(row)]
    same = min(other for other in alike if own[other] == own[code])
    if same != code:
        return (same,)
    if row["type"] in _UNITED and len(own[code]) > 1:
        parts = [other for other in alike if own[other] < own[code]]
        parts = [part for part in parts if not any(own[part] < own[other] for other in parts)]
        # Of several parameters with the same elements one has the rows.
        parts = [part for part in parts if part == min(other for other in parts if own[other] == own[part])]
        if frozenset().union(*(own[part] for part in parts)) == own[code]:
            return tuple(sorted(parts))
    return (code,)
