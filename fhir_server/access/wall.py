"""What the scopes of an Access open, type by type. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html

`system/` opens a type as far as its condition goes, and as far as the policy of the client where there is one;
`patient/` what is in the compartment of one patient, and of the types shared by all what may be read; `user/` what the
policies of the person's roles open. Who comes with roles gets by `patient/` no more than these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from fhir_server.access import policy_defaults
from fhir_server.access.kept import kept
from fhir_server.access.policies import VARIABLES, Policies, Policy
from fhir_server.compartment import member_types
from fhir_server.resource_types import RESOURCE_TYPES
from smart_auth.scopes import Access, Scope

SHARED = frozenset(policy_defaults.SHARED)
"""Types that are of no patient: with a scope for them, everybody reads them."""
NEVER = frozenset({"AuditEvent", "Group", "Schedule"})
"""Types that R4's definition puts into the compartment, and that no patient is shown."""


@dataclass(frozen=True, slots=True)
class Part:
    """Resources of some types that meet a condition."""

    types: tuple[str, ...]
    inside: bool
    """Only those of the patient's compartment."""
    condition: tuple[tuple[str, str], ...]
    """Of the scope and of the policy."""
    relation: str = ""
    """Only those of patients who are in this relation to the person: care, ward."""
    personal: bool = False
    """Held to labels and consent."""
    purposes: tuple[str, ...] = ()
    """What for."""


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """What is open for certain permissions."""

    open: frozenset[str]
    """Types of which everything is."""
    inside: frozenset[str]
    """Types of which the patient's own are."""
    parts: tuple[Part, ...]
    """What is open besides, under conditions."""
    types: dict[str, None]
    """All types of which anything may be open, in order; each request asks whether one is among them."""

    @property
    def everything(self) -> bool:
        """Nothing is closed."""
        return len(self.open) == len(RESOURCE_TYPES)

    def at(self, types: Iterable[str]) -> Wall:
        """The wall as far as these types go."""
        return _narrowed(self, frozenset(types))


NO_WALL = Wall(frozenset(RESOURCE_TYPES), frozenset(), (), dict.fromkeys(RESOURCE_TYPES))


def policies_of(access: Access, policies: Policies) -> tuple[Policy, ...]:
    """The rows that bound an access: of the person's roles, or of the client."""
    return policies.of(access.roles or (f"client:{access.client}",))


def own_patient(access: Access) -> str | None:
    """Id of the patient whose own record is meant: that of the token, or the person themselves."""
    user = user_of(access)
    return access.patient or (user[1] if user is not None and user[0] == "Patient" else None)


def user_of(access: Access) -> tuple[str, str] | None:
    """Type and id of the person's own resource."""
    parts = (access.fhir_user or "").rsplit("/", 2)[-2:]
    return (parts[0], parts[1]) if len(parts) == 2 and parts[0] in RESOURCE_TYPES and parts[1] else None


def himself(access: Access) -> bool:
    """Whether it is the patient's own app: to whom else a patient's record is open, it is not without their word."""
    user = user_of(access)
    return user is None or user == ("Patient", access.patient)


@dataclass(frozen=True, slots=True)
class _Bearer:
    """All of an access that its wall depends on: others of the same kind share it."""

    scopes: tuple[Scope, ...]
    permission: str
    patient: bool
    alone: bool
    rows: tuple[Policy, ...]
    roles: bool
    known: tuple[tuple[str, str | None], ...] = ()
    """What the variables of criteria stand for; of one that none has, whether it stands for anything."""


@kept
def wall_of(access: Access, policies: Policies) -> Wall:
    """The wall of the permissions in use."""
    if access.unrestricted:
        return NO_WALL
    rows = policies_of(access, policies)
    user, own = user_of(access), own_patient(access)
    known = {
        "%user": "/".join(user) if user else None,
        "%organization": access.organization,
        "%patient": f"Patient/{own}" if own else None,
    }
    # Where it does not matter who they are, persons of the same roles share a wall.
    named = {value for row in rows for _, value in row.criteria}
    known = {name: value if name in named else value and name for name, value in known.items()}
    return _built(
        _Bearer(
            access.scopes, access.permission, access.patient is not None, himself(access), rows, bool(access.roles),
            tuple(known.items()) if rows else (),
        )
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _built(bearer: _Bearer) -> Wall:
    permissions = set(bearer.permission)
    opened: set[str] = set()
    inside: set[str] = set()
    parts: list[Part] = []
    for scope in bearer.scopes:
        if not set(scope.permissions) & permissions:
            continue
        if bearer.roles or scope.level == "user" or (scope.level == "system" and bearer.rows):
            _by_policy(bearer, scope, opened, parts)
            continue
        types = RESOURCE_TYPES if scope.type == "*" else (scope.type,)
        own: tuple[str, ...] = ()
        if scope.level == "patient":
            own = tuple(one for one in types if bearer.patient and one in _compartment())
            # A patient's app reads what is shared, and changes none of it.
            types = tuple(one for one in types if one in SHARED and permissions <= set("rs"))
        if not scope.condition:
            opened.update(types)
        elif types:
            parts.append(Part(tuple(types), False, scope.condition))
        if own and not scope.condition and bearer.alone:
            inside.update(own)
        elif own:
            parts.append(Part(own, True, scope.condition, "", not bearer.alone, ("PATRQT",)))
    some = opened | inside | {one for part in parts for one in part.types}
    if len(opened) == len(RESOURCE_TYPES):
        return NO_WALL
    return Wall(
        frozenset(opened), frozenset(inside - opened), tuple(dict.fromkeys(parts)),
        dict.fromkeys(one for one in RESOURCE_TYPES if one in some),
    )  # fmt: skip


def _by_policy(bearer: _Bearer, scope: Scope, opened: set[str], parts: list[Part]) -> None:
    """Adds what a scope and the rows of policies open together."""
    known = dict(bearer.known)
    permissions = set(bearer.permission)
    for row in bearer.rows:
        if not set(row.interactions) & set(scope.permissions) & permissions:
            continue
        within = row.relation in ("own", "ward") or scope.level == "patient"
        criteria = tuple((name, known[value] if value in VARIABLES else value) for name, value in row.criteria)
        # What a variable stands for nobody knows, nothing meets.
        lacking = [value for _, value in criteria if value is None]
        if lacking or (within and not known["%patient"]) or (row.relation == "care" and not known["%organization"]):
            continue
        condition = tuple(sorted({*scope.condition, *((name, value or "") for name, value in criteria)}))
        types = [one for one in row.types if scope.type in ("*", one)]
        shared = tuple(one for one in types if one in SHARED)
        if condition and shared:
            parts.append(Part(shared, False, condition))
        elif scope.level != "patient" or permissions <= set("rs"):
            opened.update(shared)
        others = tuple(one for one in types if one not in SHARED and (not within or one in _compartment()))
        if others:
            himself = row.relation == "own"
            relation = "" if himself else row.relation
            parts.append(Part(others, within, condition, relation, not himself, row.purposes))


@lru_cache(maxsize=8192)
def _narrowed(wall: Wall, types: frozenset[str]) -> Wall:
    parts = [
        replace(part, types=some) for part in wall.parts if (some := tuple(one for one in part.types if one in types))
    ]
    found = dict.fromkeys(one for one in wall.types if one in types)
    return Wall(wall.open & types, wall.inside & types, tuple(parts), found)


@lru_cache(maxsize=1)
def _compartment() -> frozenset[str]:
    return frozenset(member_types("Patient")) - NEVER
