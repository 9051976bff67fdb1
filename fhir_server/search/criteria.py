"""One search parameter of a query with its values: name, modifier, chain, _has. https://hl7.org/fhir/R4/search.html#chaining

A criterion is a tree: `Leaf` tests the resource itself, `Chain` a resource it refers to, `Reverse` (`_has`) a resource
that refers to it; `_filter` joins them by `All`, `Some` and `Not` (filter.py). In a search over several types there is
one tree for each type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.outcome import Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.contained import MARK, plain
from fhir_server.search.links import has_canonical
from fhir_server.search.parameters import FULL_TEXT, SearchParameter, current, search_parameter
from fhir_server.search.values import split_parts
from fhir_server.terminology.members import Members

MAX_DEPTH = 3

MODIFIERS: dict[str, frozenset[str]] = {
    "number": frozenset(),
    "date": frozenset(),
    "string": frozenset({"exact", "contains"}),
    "token": frozenset({"not", "text", "of-type", "in", "not-in", "above", "below", "code-text"}),
    "reference": frozenset({"identifier", "above", "below"}),
    "composite": frozenset(),
    "quantity": frozenset(),
    "special": frozenset(),
    "uri": frozenset({"above", "below"}),
}
"""Parameter type -> modifiers beside :missing, which all have, and :[type], which references have."""


class UnknownParameter(Invalid):
    """400, unless the client is lenient: a parameter or modifier that means nothing here."""

    code = "not-supported"


class NotYetSearchable(UnknownParameter):
    """A custom parameter of which older resources have no rows yet: an answer would be incomplete."""


def unknown(resource_type: str, code: str, otherwise: str) -> UnknownParameter:
    """Why there is no parameter of this code that can be searched by."""
    pending = current().pending.get(resource_type, {}).get(code)
    if pending is None:
        return UnknownParameter(otherwise)
    if pending.job is None or pending.job_state in ("failed", "cancelled"):
        reason = "could not be indexed; POST [base]/SearchParameter/[id]/$reindex begins anew"
    else:
        share = min(100 * pending.done // pending.total, 99) if pending.total else 0
        reason = f"is being indexed, {share} %; [base]/_jobs/{pending.job} tells how it goes"
    return NotYetSearchable(f"search parameter '{code}' of {resource_type} {reason}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """The resource has (or, negated, has not) one of the values."""

    resource_type: str
    parameter: SearchParameter
    modifier: str | None
    """Never "not", "not-in" or "missing": see `negated` and `values`."""
    values: tuple[str, ...]
    """Alternatives, escapes other than of the comma still in them; empty: any value at all (:missing)."""
    negated: bool = False
    codes: tuple[Members, ...] | None = field(default=None, compare=False)
    """What :in, :above, :below or :code-text of a token mean, for each value; looked up by `terms.py`."""

    @property
    def coded(self) -> bool:
        """Each of its values, those of a token, names a code: none is a system alone."""
        return bool(self.values) and all(split_parts(one)[-1] for one in self.values)


@dataclass(frozen=True, slots=True)
class Chain:
    """The resource refers by `parameter` to a resource of one of the types that fits its node."""

    parameter: SearchParameter
    targets: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Reverse:
    """A resource of another type refers by `parameter` to this one, and fits the node."""

    resource_type: str
    parameter: SearchParameter
    node: Node


@dataclass(frozen=True, slots=True)
class Member:
    """The resource is in a compartment: it refers to the compartment's resource by one of the parameters."""

    compartment: str
    """Type of the compartment's resource: Patient, Encounter, ..."""
    id: str
    param_ids: tuple[int, ...]
    itself: bool
    """The compartment's own resource is a member too."""


@dataclass(frozen=True, slots=True)
class Between:
    """The only value of a date parameter meets all of several leaves: one range of its index."""

    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class All:
    """The resource meets every node."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """The resource meets one of the nodes."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The resource does not meet the node."""

    node: Node


Node = Leaf | Chain | Reverse | Member | Between | All | Some | Not


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of the query; all criteria must hold."""

    name: str
    values: tuple[str, ...]
    nodes: dict[str, Node]
    """Type -> tree. The same tree for every type where the criterion does not depend on it."""


def targets(parameter: SearchParameter) -> tuple[str, ...]:
    """Types a reference parameter may refer to."""
    return parameter.types_of_target


def criterion(types: Sequence[str], name: str, values: tuple[str, ...]) -> Criterion:
    """The criterion of a name and its alternatives.

    Raises UnknownParameter for a parameter or modifier unknown for one of the types, Invalid for a malformed one.
    """
    return Criterion(name, values, {one: _node(one, name, values, 0) for one in types})


def _node(resource_type: str, name: str, values: tuple[str, ...], depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise Invalid(f"a chain has at most {MAX_DEPTH} steps", code="too-costly")
    if name.startswith("_has:"):
        return _reverse(resource_type, name, values, depth)
    head, dot, rest = name.partition(".")
    return _chain(resource_type, head, rest, values, depth) if dot else _leaf(resource_type, head, values)


def _reverse(resource_type: str, name: str, values: tuple[str, ...], depth: int) -> Node:
    parts = name.split(":", 3)
    if len(parts) < 4 or not all(parts):
        raise Invalid("_has is written _has:[type]:[reference parameter]:[parameter]", code="invalid")
    _, source, code, rest = parts
    if source not in TYPE_ID:
        raise UnknownParameter("_has names an unknown resource type")
    parameter = _known(source, code)
    if parameter.type != "reference":
        raise UnknownParameter(f"_has: {source}.{code} is no reference parameter")
    if plain(resource_type) not in parameter.types_of_target:
        raise UnknownParameter(f"_has: {source}.{code} does not refer to {resource_type}")
    return Reverse(source, parameter, _node(source, rest, values, depth + 1))


def _chain(resource_type: str, head: str, rest: str, values: tuple[str, ...], depth: int) -> Node:
    code, _, wanted = head.partition(":")
    parameter = _known(resource_type, code)
    if parameter.type != "reference":
        raise UnknownParameter(f"{resource_type}.{code} is no reference and cannot be chained")
    possible = parameter.types_of_target
    if wanted and wanted not in possible:
        raise UnknownParameter(f"{resource_type}.{code} does not refer to this type")
    found: list[tuple[str, Node]] = []
    for target in reachable(parameter, wanted):
        try:
            found.append((target, _node(target, rest, values, depth + 1)))
        except NotYetSearchable:
            raise
        except UnknownParameter:
            if target == wanted:
                raise
    if not found:
        raise UnknownParameter(f"no resource type that {resource_type}.{code} refers to has the chained parameter")
    return Chain(parameter, tuple(found))


def reachable(parameter: SearchParameter, wanted: str | None = None) -> list[str]:
    """Types a chain along the parameter leads to (or the one that is wanted), and "#Type" for what is contained."""
    possible = (wanted,) if wanted else parameter.types_of_target
    if "Reference" not in parameter.data_types:
        return [one for one in possible if has_canonical(one)]
    return [*possible, *(MARK + one for one in possible)]


def _leaf(resource_type: str, head: str, values: tuple[str, ...]) -> Leaf:
    code, _, modifier = head.partition(":")
    parameter = _known(resource_type, code)
    if modifier == "missing" and code not in FULL_TEXT:
        if values not in (("true",), ("false",)):
            raise Invalid(f"{code}:missing is true or false", code="value")
        return Leaf(resource_type, parameter, None, (), negated=values == ("true",))
    if modifier and modifier not in MODIFIERS[parameter.type] and modifier not in parameter.types_of_target:
        raise UnknownParameter(f"{resource_type}.{code} has no such modifier")
    if "" in values:
        raise UnknownParameter(f"{head} has an empty value", code="value")
    if modifier in ("not", "not-in"):
        return Leaf(resource_type, parameter, "in" if modifier == "not-in" else None, values, negated=True)
    return Leaf(resource_type, parameter, modifier or None, values)


def _known(resource_type: str, code: str) -> SearchParameter:
    parameter = search_parameter(resource_type, code)
    if parameter is None or parameter.type not in MODIFIERS:
        raise unknown(resource_type, code, f"{resource_type} has no search parameter '{code[:64]}' here")
    return parameter
