"""Elements that the policies of a person hide, or let be read and not changed.

Hidden ones are taken out of every answer; nothing leads to them: no search, sort or include by them, no patch that
could test them. https://hl7.org/fhir/R4/security.html#authorization
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from fhir_server.access.kept import kept
from fhir_server.access.policies import Policies, in_force
from fhir_server.access.wall import policies_of, wall_of
from fhir_server.definitions import structure
from fhir_server.outcome import Forbidden
from fhir_server.search.parameters import SearchParameter
from mappings.r4 import parse, serialize
from smart_auth.scopes import Access

_WHOLE = frozenset({"_text", "_content"})
_SHOWING = frozenset(
    {"capabilities", "read", "vread", "history-instance", "history-type", "history-system", "search-type",
     "search-system", "search-compartment", "transaction", "create", "delete", "conditional-delete"}
)  # fmt: skip
"""Interactions that leave out what is hidden, or show nothing of what is stored."""
_NONE: frozenset[str] = frozenset()


@kept
def all_hidden(access: Access, policies: Policies) -> Mapping[str, frozenset[str]]:
    """Type -> names of its elements that are not shown, where there are any: those that no row which opens it shows."""
    if access.unrestricted:
        return {}
    found: dict[str, frozenset[str]] = {}
    for row in policies_of(access, policies):
        if not set(row.interactions) & set("rs"):
            continue
        for one in row.types:
            found[one] = found[one] & frozenset(row.hidden) if one in found else frozenset(row.hidden)
    open_types = set(wall_of(access.using("rs")).types)
    return {one: names for one, names in found.items() if names and one in open_types}


def hidden(access: Access, resource_type: str) -> frozenset[str]:
    """Names of the elements of a type that are not shown."""
    return all_hidden(access).get(resource_type, _NONE)


def may_not_change(access: Access, resource_type: str) -> frozenset[str]:
    """Names of the elements of a type that are to stay as they are."""
    if access.unrestricted:
        return _NONE
    rows = [row for row in policies_of(access, in_force()) if resource_type in row.types]
    writing = [row for row in rows if set(row.interactions) & set("cu")]
    return frozenset.intersection(*(frozenset(row.read_only) for row in writing)) if writing else _NONE


def shown(access: Access, resource_type: str, body: bytes) -> bytes:
    """A resource as stored, without what is hidden."""
    names = hidden(access, resource_type)
    if not names:
        return body
    resource = parse(body)
    assert isinstance(resource, dict)
    left = _json_names(resource_type, names)
    return serialize({name: value for name, value in resource.items() if name not in left})


def permits(access: Access, interaction: str, resource_type: str | None) -> None:
    """Raises Forbidden for an interaction that could tell of what is hidden."""
    if interaction in _SHOWING:
        return
    found = all_hidden(access)
    if found and (resource_type is None or resource_type in found or interaction[0] == "$"):
        raise Forbidden("the policy hides elements of this type: it can be read and searched, and not this")


def conceals(access: Access, parameter: SearchParameter) -> bool:
    """Whether the parameter selects, of its type, what is hidden."""
    names = hidden(access, parameter.resource_type)
    return bool(names) and (parameter.code in _WHOLE or bool(names & _selected(parameter)))


def _selected(parameter: SearchParameter) -> set[str]:
    """Names of the elements at the top that the parameter looks into."""
    found = {str(leaf.moves[0][1]).partition(".")[0] for leaf in parameter.leaves if leaf.moves}
    return found | {name for name in structure(parameter.resource_type).elements if f".{name}" in parameter.expression}


@lru_cache(maxsize=256)
def _json_names(resource_type: str, names: Collection[str]) -> frozenset[str]:
    """Members of the JSON object that hold the elements."""
    elements = [one for one in structure(resource_type).elements.values() if one.name in names]
    found = {name for one in elements for name in one.json_names()}
    return frozenset(found | {f"_{name}" for name in found}) | ({"text"} if found else frozenset())
