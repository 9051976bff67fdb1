"""Which types a search may name: those it searches, those it brings along, those it walks over.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from fhir_server.access.hiding import conceals, hidden
from fhir_server.access.interactions import require
from fhir_server.access.wall import Wall, wall_of
from fhir_server.definitions import compartment as definition
from fhir_server.outcome import Forbidden
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.branch import is_point, patient_of
from fhir_server.search.criteria import All, Between, Chain, Criterion, Leaf, Member, Node, Not, Reverse, Some
from fhir_server.search.membership import membership
from fhir_server.search.parameters import SearchParameter, search_parameter
from fhir_server.search.query import SearchQuery
from fhir_server.search.sort_path import sort_path
from smart_auth.scopes import Access


def searchable(
    access: Access, resource_type: str | None, asked: Sequence[tuple[str, str]], within: Sequence[str] | None
) -> Sequence[str] | None:
    """The types that a search of the type (None: of the system, or of `within`) may go through; None: all.

    Raises Forbidden for a type that is asked for, to be searched or brought along, and not granted.
    """
    wall = wall_of(access)
    if wall.everything:
        return within
    named = [resource_type] if resource_type is not None else []
    for name, value in asked:
        if name == "_type":
            named += value.split(",")
        elif name.partition(":")[0] in ("_include", "_revinclude"):
            source, _, rest = value.partition(":")
            _shows(access, source, rest.partition(":")[0])
            for brought in (source, rest.partition(":")[2]):
                if brought in TYPE_ID:
                    require(access, "rs", brought)
    for one in named:
        if one in TYPE_ID:
            require(access, "s", one)
    found = [one for one in wall.types if within is None or one in within]
    _granted(bool(found))
    return found


def judged(query: SearchQuery, access: Access) -> SearchQuery:
    """The search with nothing in it that leads over types not granted. Raises Forbidden.

    Where all that is searched is one patient's, it is read from that patient's record, and not looked for among all.
    """
    wall = wall_of(access)
    if wall.everything:
        return query
    if query.explain:
        raise Forbidden("how a search is run tells of more than its answer: this needs a scope to read everything")
    for kind in query.types:
        for key in query.sort:
            path = sort_path(kind, key.code)
            for parameter in (*(one for step in path.steps for one in step), *path.ends):
                _open(access, parameter)
    for key in query.sort:
        for target in key_types(query.types, key.code):
            _granted(target in wall.types)
    criteria = tuple(
        Criterion(one.name, one.values, {kind: _judged(node, wall, access) for kind, node in one.nodes.items()})
        for one in query.criteria
    )
    # A guess would be made from what is there, not from what may be seen.
    query = replace(query, criteria=criteria, total="accurate" if query.total == "estimate" else query.total)
    if access.patient is not None and query.types and wall.inside.issuperset(query.types) and not is_point(query):
        return replace(query, criteria=(membership("Patient", access.patient, query.types), *criteria))
    return query


def records(query: SearchQuery, access: Access) -> Mapping[str, str]:
    """Searched type -> id of the patient in whose record all is that meets the criteria, for one asks for just that.

    What of it may be seen is then decided for the record, as far as it is the same for all of it.
    """
    if wall_of(access).everything:
        return {}
    found = {}
    for kind in query.types:
        ids = (_patient(one.nodes[kind], kind) for one in query.criteria) if kind != "Patient" else ()
        if (id := next((id for id in ids if id is not None), None)) is not None:
            found[kind] = id
    return found


def _patient(node: Node, resource_type: str) -> str | None:
    """The id, if what meets the node is in the compartment of a patient, by the very references that make it so."""
    match node:
        case Leaf():
            id = patient_of(node)
            return id if id is not None and _moves(node.parameter) <= _compartment_moves(resource_type) else None
        case Member():
            return node.id if node.compartment == "Patient" else None
        case All():
            return next((id for one in node.nodes if (id := _patient(one, resource_type)) is not None), None)
    return None


def _moves(parameter: SearchParameter) -> set[Hashable]:
    return {leaf.moves for leaf in parameter.leaves}


@lru_cache(maxsize=256)
def _compartment_moves(resource_type: str) -> set[Hashable]:
    """The elements by which resources of the type are in the compartment of a patient."""
    found = (search_parameter(resource_type, code) for code in definition("Patient").get(resource_type, ()))
    return {move for parameter in found if parameter is not None for move in _moves(parameter)}


def bound_to(access: Access) -> str:
    """What a cursor is bound to beside its search: whose it is, and what they may see."""
    return " ".join([access.client, access.subject, access.patient or "", *map(str, access.scopes)])


def _judged(node: Node, wall: Wall, access: Access) -> Node:
    match node:
        case Leaf():
            _open(access, node.parameter)
            if node.modifier in ("above", "below") and node.parameter.type == "reference":
                # Walks over resources that lie between.
                _granted([one for one in node.parameter.types_of_target if one not in wall.open] == [])
            return node
        case Chain():
            _open(access, node.parameter)
            targets = tuple((one, _judged(below, wall, access)) for one, below in node.targets if one in wall.types)
            _granted(bool(targets))
            return replace(node, targets=targets)
        case All() | Some():
            return replace(node, nodes=tuple(_judged(one, wall, access) for one in node.nodes))
        case Not():
            return replace(node, node=_judged(node.node, wall, access))
        case Reverse():
            _granted(node.resource_type in wall.types)
            _open(access, node.parameter)
            return replace(node, node=_judged(node.node, wall, access))
        case Between():
            for leaf in node.leaves:
                _open(access, leaf.parameter)
            return node
        case Member():
            return node
    # What is not known here may lead anywhere.
    raise Forbidden("the scopes of the token do not allow this search")


def _open(access: Access, parameter: SearchParameter | None) -> None:
    """Raises Forbidden if the parameter looks into what a policy hides."""
    if parameter is not None and conceals(access, parameter):
        raise Forbidden("the policy hides what this parameter searches by")


def _shows(access: Access, source: str, code: str) -> None:
    """The same of the parameter of an include; of one that follows whatever there is, if anything is hidden."""
    for kind in (source,) if source in TYPE_ID else wall_of(access).types:
        if code and code != "*":
            _open(access, search_parameter(kind, code))
        elif hidden(access, kind):
            raise Forbidden("the policy hides elements: an include has to name its parameter")


def key_types(types: Sequence[str], code: str) -> set[str]:
    """The types whose values a chained sort key leads to, each step's."""
    found: set[str] = set()
    for one in types if "." in code else ():
        path = sort_path(one, code)
        for step in path.steps[1:]:
            found.update(parameter.resource_type for parameter in step)
        found.update(parameter.resource_type for parameter in path.ends)
    return found


def _granted(whether: bool) -> None:
    if not whether:
        raise Forbidden("the scopes of the token do not allow this search to go over another type")
