"""The table of search parameters: which there are for a type, and what identifies their rows. https://hl7.org/fhir/R4/searchparameter-registry.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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
    """token, quantity, date, string, reference, number or uri."""
    expression: str
    """Relative to the composite's element; may begin with %resource."""
    types_of_target: tuple[str, ...] = ()
    """Of a reference: the resource types it may point to."""


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
    (combo-code has no rows of its own but finds those of code and component-code; subject has its own and finds those
    of patient)."""
    parts: tuple[tuple[str, str], ...] = ()
    """Of a reference: types of targets, and for each the code of the parameter that has the rows of references to it:
    those of `subject` to Patients are rows of `patient`, and of no other."""
    custom: bool = False
    """Defined by a SearchParameter resource of this record."""
    evaluated: str | None = None
    """FHIRPath that is evaluated on each resource, where the expression is no path to be walked: then the leaves tell
    types only."""

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

    def ids_to(self, types: Iterable[str]) -> tuple[int, ...]:
        """param_id of its rows that may refer to resources of the types; nearly always one."""
        if not self.parts:
            return self.param_ids
        parts = dict(self.parts)
        names = {parts.get(plain(one), self.names[0]) for one in types}
        return tuple(hash32(f"{self.resource_type}.{name}") for name in sorted(names))

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


@dataclass(frozen=True, slots=True)
class Pending:
    """A custom parameter of which older resources have no rows yet."""

    url: str
    job: str | None
    """Id of the job that writes them; None: there is none any more."""
    job_state: str | None
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Table:
    """What the SearchParameter resources of the record change in R4's table. See `registry.py`."""

    generation: int = 0
    """Changes with each change of the table; every write and search proves to the database that it is current."""
    source: str = ""
    """Connection string of the database it is from."""
    written: Mapping[str, tuple[SearchParameter, ...]] = field(default_factory=dict)
    """Type -> custom parameters that have rows, searchable or not."""
    ready: Mapping[str, Mapping[str, SearchParameter]] = field(default_factory=dict)
    """Type -> code -> those that can be searched by."""
    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Type -> codes of R4's parameters that are switched off."""
    pending: Mapping[str, Mapping[str, Pending]] = field(default_factory=dict)
    """Type -> code -> those that cannot be searched by yet."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """URL -> id of the SearchParameter that is active (or switches one of R4's off)."""
    codes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(base, code) -> id of the SearchParameter that has it."""
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """URL -> definition of those that are active."""
    _merged: dict[str, Mapping[str, SearchParameter]] = field(default_factory=dict, compare=False)

    def of(self, resource_type: str) -> Mapping[str, SearchParameter]:
        """As `parameters_of`."""
        own, gone = self.ready.get(resource_type), self.hidden.get(resource_type)
        if not own and not gone:
            return shipped(resource_type)
        if resource_type not in self._merged:
            kept = {code: one for code, one in shipped(resource_type).items() if code not in (gone or ())}
            self._merged[resource_type] = dict(sorted((kept | dict(own or {})).items()))
        return self._merged[resource_type]


_current = Table()


def current() -> Table:
    """The table in force in this process."""
    return _current


def use(table: Table) -> None:
    """Puts a table in force. A process works on one record."""
    global _current
    _current = table


def search_parameter(resource_type: str, code: str) -> SearchParameter | None:
    """The parameter of a type by its code; None when there is none that can be searched by."""
    return _current.of(resource_type).get(code)


def parameters_of(resource_type: str) -> Mapping[str, SearchParameter]:
    """Code -> parameter of all that a type can be searched by, the common ones (_id, _tag, ...) included, by code.

    `Resource` gives the common ones alone, "#Patient" those of contained Patients, without those of whole resources.
    Raises KeyError for a name that is no resource type.
    """
    return _current.of(resource_type)


@cache
def shipped(resource_type: str) -> Mapping[str, SearchParameter]:
    """As `parameters_of`, those of R4 alone: their rows are always written, whatever SearchParameters are stored."""
    name = plain(resource_type)
    if name != "Resource":
        TYPE_ID[name]
    rows: dict[str, dict[str, Any]] = {}
    narrative = name != "Resource" and is_a(name, "DomainResource")
    bases = ("Resource", *(("DomainResource",) if narrative else ()), name)
    for row in (row for base in dict.fromkeys(bases) for row in _by_base().get(base, ())):
        if name == resource_type or row["code"] not in _NOT_CONTAINED:
            rows.setdefault(row["code"], row)
    own = {code: own_branches(row, name) for code, row in rows.items()}
    return _divided(
        {
            code: SearchParameter(
                resource_type=resource_type,
                code=code,
                type="special" if code in FULL_TEXT else row["type"],  # as R5 has it: no modifier of strings fits them
                url=row["url"],
                expression=row.get("expression", ""),
                types_of_target=targets_of(row),
                components=_components(row),
                leaves=own_leaves(own[code], name),
                names=_names(code, row, rows, own),
            )
            for code, row in sorted(rows.items())
        }
    )


def _divided(found: dict[str, SearchParameter]) -> dict[str, SearchParameter]:
    """The parameters with their `parts`: each row of a reference is stored once."""
    references = [one for one in found.values() if one.type == "reference" and one.names == (one.code,)]
    for whole in references:
        parts: dict[str, str] = {}
        for part in references:
            kinds = {leaf.resolves_to for leaf in part.leaves}
            (kind,) = kinds if len(kinds) == 1 else (None,)
            if (
                kind is not None
                and _places(part) == _places(whole)
                and not any(one.resolves_to for one in whole.leaves)
            ):
                parts[kind] = part.code
        if parts:
            names = (whole.code, *sorted(parts.values()))
            found[whole.code] = replace(whole, names=names, parts=tuple(sorted(parts.items())))
    return found


def _places(parameter: SearchParameter) -> set[tuple[Any, ...]]:
    """The elements it selects from, whatever they refer to."""
    return {(leaf.moves, leaf.data_type) for leaf in parameter.leaves}


@cache
def single_valued(parameter: SearchParameter) -> bool:
    """Whether a resource has at most one row of the parameter: one element, nowhere repeating."""
    if parameter.evaluated:
        return False
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
def by_url() -> dict[str, dict[str, Any]]:
    """URL -> definition of R4's parameters."""
    return {row["url"]: row for row in search_parameters()}


def own_branches(row: Mapping[str, Any], resource_type: str) -> frozenset[str]:
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


def own_leaves(own: frozenset[str], resource_type: str) -> tuple[Leaf, ...]:
    return tuple(
        leaf
        for branch in sorted(own)
        for leaf in leaves(branch, resource_type, rooted=not branch.partition(".")[0][0].islower())
    )


def targets_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["type"] != "reference":
        return ()
    named = tuple(name for name in row.get("target", ()) if name in TYPE_ID)
    return named or tuple(TYPE_ID)


def _components(row: dict[str, Any]) -> tuple[Component, ...]:
    components = row.get("component", ())
    definitions = [by_url()[component["definition"]] for component in components]
    if row["url"] in _TRANSPOSED:
        definitions.reverse()
    return tuple(
        Component(definition["code"], definition["type"], component["expression"], targets_of(definition))
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
