"""Policies: which rows say what the `user/` scopes of a role open, and which version of them is in force.

A role that has no row opens nothing. A backend service may have rows too, as role "client:<id>"; without, its scopes
alone count. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from fhir_server.access.policy_defaults import DEFAULTS, DESKS
from fhir_server.definitions import structure
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import search_parameter
from fhir_server.statement import Statement
from smart_auth.scopes import PERMISSIONS

RELATIONS = ("", "own", "ward", "care")
PURPOSES = ("TREAT", "HPAYMT", "HOPERAT", "PATRQT", "HRESCH", "HMARKT", "PUBHLTH", "COVERAGE")
"""https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html"""
VARIABLES = ("%user", "%organization", "%patient")
_MEMBERS = frozenset(
    ("role", "types", "interactions", "criteria", "relation", "hidden", "read_only", "purposes")
)  # fmt: skip

IN_FORCE = "select version, case when version <> $1::bigint then document end from policy order by version desc limit 1"


class UnusablePolicy(ValueError):
    """A policy that cannot be; the text says which row, which member and why."""

    def __init__(self, reason: str, row: int = 0, member: str = "") -> None:
        """row: its number, from 1; 0: it is about all of them; member: of it, if it is about one."""
        super().__init__(reason)
        self.row, self.member = row, member


@dataclass(frozen=True, slots=True)
class Policy:
    """One row: what a role may do with some types."""

    role: str
    types: tuple[str, ...]
    interactions: str
    """Of "cruds"."""
    criteria: tuple[tuple[str, str], ...] = ()
    """Search parameters with their values, which a resource must meet; values may be one of VARIABLES."""
    relation: str = ""
    """ "own": of the record of %patient; "ward": likewise, while they are under 18; "care": of patients
    their organization cares for; "": of everybody."""
    hidden: tuple[str, ...] = ()
    """Elements that are not shown, and cannot be searched, sorted or tested by."""
    read_only: tuple[str, ...] = ()
    """Elements that may be seen and not changed."""
    purposes: tuple[str, ...] = ("TREAT",)
    """What for, as consents speak of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Policies:
    """All rows of one version."""

    version: int
    by_role: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)

    def of(self, roles: Iterable[str]) -> tuple[Policy, ...]:
        """The rows of the roles."""
        return tuple(row for role in roles for row in self.by_role.get(role, ()))


NONE = Policies(-1)
"""Before any were read: nobody's `user/` scopes open anything."""
now = NONE
"""As this process knows them; whoever runs it reads them again every second."""


def in_force() -> Policies:
    """The policies as this process knows them."""
    return now


def use(policies: Policies) -> None:
    """Puts policies in force in this process."""
    global now
    now = policies


def question() -> Statement:
    """Whether there is a version that this process does not know; rows for `learned`."""
    return Statement(IN_FORCE, (str(now.version).encode(),))


def learned(rows: Iterable[Any]) -> None:
    """Puts in force what `question` found; where nobody has set any, those shipped."""
    found = list(rows)
    if not found:
        use(SHIPPED)
        return
    [(version, document)] = found
    if document is not None:
        use(read(document, int.from_bytes(version, "big")))


def read(document: str | bytes, version: int) -> Policies:
    """The policies of a document: a JSON array of rows. Raises UnusablePolicy."""
    try:
        rows = orjson.loads(document)
    except ValueError:
        raise UnusablePolicy("the policies are no JSON") from None
    if not isinstance(rows, list):
        raise UnusablePolicy("the policies are no array of rows")
    return _of(version, [_row(number, row) for number, row in enumerate(rows, 1)])


def document(policies: Policies) -> str:
    """The policies as `read` takes them."""
    rows = [members(row) for row in policies.of(policies.by_role)]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode()


def members(row: Policy) -> dict[str, Any]:
    """A row as a document has it."""
    found = asdict(row) | {"criteria": "&".join(f"{name}={value}" for name, value in row.criteria)}
    return {name: value for name, value in found.items() if value or name in ("types", "interactions")}


def _of(version: int, rows: Iterable[Policy]) -> Policies:
    found: dict[str, tuple[Policy, ...]] = {}
    for row in rows:
        found[row.role] = (*found.get(row.role, ()), row)
    return Policies(version, found)


def _row(number: int, row: Any) -> Policy:
    def refuse(member: str, reason: str) -> UnusablePolicy:
        return UnusablePolicy(f"row {number}, {member}: {reason}", number, member)

    if not isinstance(row, dict) or row.keys() - _MEMBERS:
        raise UnusablePolicy(f"row {number}: has other members than {', '.join(sorted(_MEMBERS))}", number)
    role, interactions, relation = row.get("role"), row.get("interactions"), row.get("relation", "")
    if not isinstance(role, str) or not role:
        raise refuse("role", "is the name of one")
    lists = {name: row.get(name, []) for name in ("types", "hidden", "read_only", "purposes")}
    for name, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise refuse(name, "is an array of names")
    types: list[str] = lists["types"]
    if not types or not all(one in TYPE_ID for one in types):
        raise refuse("types", "are resource types of R4")
    if not isinstance(interactions, str) or not interactions or set(interactions) - set(PERMISSIONS):
        raise refuse("interactions", f'are letters of "{PERMISSIONS}"')
    if relation not in RELATIONS:
        raise refuse("relation", "is own, ward, care or nothing")
    if set(lists["purposes"]) - set(PURPOSES):
        raise refuse("purposes", f"are of {', '.join(PURPOSES)}")
    for name in ("hidden", "read_only"):
        for element in lists[name]:
            if not all(f"{one}.{element}" in _elements(one) for one in types):
                raise refuse(name, "names elements at the top of each of its types")
    if not isinstance(row.get("criteria", ""), str):
        raise refuse("criteria", "is a search string")
    criteria = tuple(sorted(parse_qsl(row.get("criteria", ""), keep_blank_values=True)))
    for name, value in criteria:
        if not value or any(search_parameter(one, name) is None for one in types):
            raise refuse("criteria", "name search parameters of each of its types, with a value")
    permissions = "".join(one for one in PERMISSIONS if one in interactions)
    return Policy(
        role, tuple(types), permissions, criteria, relation,
        tuple(lists["hidden"]), tuple(lists["read_only"]), tuple(lists["purposes"]) or ("TREAT",),
    )  # fmt: skip


def _elements(resource_type: str) -> frozenset[str]:
    """Paths of the elements at the top of a type that a policy may hide: not those that say what a resource is."""
    names = structure(resource_type).elements
    return frozenset(f"{resource_type}.{name}" for name in names if name not in ("id", "meta", "resourceType"))


SHIPPED = _of(
    0, [*(Policy(role, types, interactions, (), relation, hidden, (), purposes)
          for role, types, interactions, relation, purposes, hidden in DEFAULTS),
        *(Policy(role, ("Task",), interactions, tuple(sorted(parse_qsl(which))), "", (), (), purposes)
          for role, interactions, which, purposes in DESKS)],
)  # fmt: skip
