"""SMART scopes: what each grants and how they combine; and Access, what the bearer of a request may do.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from typing import Any
from urllib.parse import quote, unquote

LEVELS = ("patient", "user", "system")
PERMISSIONS = "cruds"
ADMINISTERED = ("Client", "User", "AccessPolicy", "SigningKey")
"""What the authorization server is run by, named as types are. No wildcard means these, no `patient/` scope."""
OPERATIONS = "Operations"
"""What operators see and do, named likewise."""
ANALYSIS = "Analysis"
"""What the rules of triage make of a text that is in no record, named likewise."""
APART = (*ADMINISTERED, OPERATIONS, ANALYSIS)
"""None of it is of the record."""
FRESH = 300
"""Seconds for which a second factor counts as just shown."""
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_NAMED = frozenset({"openid", "fhirUser", "profile", "online_access", "offline_access"})
_EVERYWHERE = frozenset({"_id", "_tag", "_security", "_profile"})
_SIMPLE = frozenset({"token", "reference", "string", "date", "uri", "number", "quantity"})

_RESOURCE = re.compile(r"(patient|user|system)/([A-Za-z]+|\*)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)(?:\?(.+))?")
_LAUNCH = re.compile(r"launch(?:/[a-z]+(?:\?role=[!#-\[\]-~]+)?)?")
_TOKEN = re.compile(r"[!#-\[\]-~]+")
"""The characters of a scope: https://www.rfc-editor.org/rfc/rfc6749#section-3.3"""
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_COMMA = re.compile(r"(?<!\\),")

Known = Callable[[str, str], str | None]
"""(resource type, search parameter) -> type of the parameter, "" for the type itself; None: there is none."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One scope over resources, such as patient/Observation.rs?category=laboratory."""

    level: str
    type: str
    """Name of a resource type, or *."""
    permissions: str
    """Of "cruds", in this order."""
    condition: tuple[tuple[str, str], ...] = ()
    """Search parameters with their values, all of which a resource must meet; sorted."""
    v1: bool = False
    """It was asked for in the words of SMART 1: read, write, *."""

    def __str__(self) -> str:
        """As it is written in a token."""
        words = {granted: word for word, granted in _V1.items()}
        short = words.get(self.permissions) if self.v1 else None
        query = "&".join(f"{name}={quote(value, safe=',|/:.-_~')}" for name, value in self.condition)
        return f"{self.level}/{self.type}.{short or self.permissions}{'?' + query if query else ''}"

    def covers(self, other: Scope) -> bool:
        """Whether it grants everything that `other` does."""
        return (
            self.level == other.level
            and _narrower(self.type, other.type) == other.type
            and set(other.permissions) <= set(self.permissions)
            and all(any(_implies(theirs, own) for theirs in other.condition) for own in self.condition)
        )

    def meet(self, other: Scope) -> Scope | None:
        """What both grant; in the words of this one."""
        permissions = "".join(one for one in self.permissions if one in other.permissions)
        kind = _narrower(self.type, other.type)
        if self.level != other.level or not permissions or kind is None:
            return None
        condition = tuple(sorted({*self.condition, *other.condition}))
        return replace(self, type=kind, permissions=permissions, condition=condition)


def _narrower(one: str, other: str) -> str | None:
    """The type that both name; None: there is none."""
    if one == other or (other == "*" and one not in APART):
        return one
    return other if one == "*" and other not in APART else None


def _implies(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[0] == other[0] and set(_COMMA.split(one[1])) <= set(_COMMA.split(other[1]))


@dataclass(frozen=True, slots=True)
class Scopes:
    """All scopes of a token, a request or a registration."""

    resources: tuple[Scope, ...] = ()
    others: tuple[str, ...] = ()
    """openid, launch/patient, ..."""

    def __str__(self) -> str:
        """As the parameter `scope`: merged and sorted."""
        return " ".join([*self.others, *map(str, self.resources)])

    def __bool__(self) -> bool:
        return bool(self.resources or self.others)

    def covers(self, other: Scopes) -> bool:
        """Whether everything that `other` grants is granted here: a subset in meaning, not in words."""
        return set(other.others) <= set(self.others) and all(
            any(own.covers(replace(one, permissions=each)) for own in self.resources)
            for one in other.resources
            for each in one.permissions
        )

    def meet(self, other: Scopes) -> Scopes:
        """What is granted here and there."""
        met = [found for one, two in product(self.resources, other.resources) if (found := one.meet(two))]
        return merged(met, (one for one in self.others if one in other.others))


def merged(resources: Iterable[Scope], others: Iterable[str] = ()) -> Scopes:
    """The scopes, those that differ in permissions alone put together, those that another covers left out; sorted."""
    by_kind: dict[tuple[str, str, tuple[tuple[str, str], ...], bool], set[str]] = {}
    for one in resources:
        by_kind.setdefault((one.level, one.type, one.condition, one.v1), set()).update(one.permissions)
    found = sorted(
        Scope(level, kind, "".join(sorted(permissions, key=PERMISSIONS.index)), condition, v1)
        for (level, kind, condition, v1), permissions in by_kind.items()
    )
    kept = [
        one
        for place, one in enumerate(found)
        if not any(
            two.covers(one) and (not one.covers(two) or at < place) for at, two in enumerate(found) if at != place
        )
    ]
    return Scopes(tuple(kept), tuple(sorted(set(others))))


def parse(text: str, known: Known) -> Scopes:
    """The scopes of a `scope` parameter. What is unknown or malformed is left out: never granted, never guessed."""
    resources, others = [], []
    for part in text.split(" "):
        if part in _NAMED or _LAUNCH.fullmatch(part):
            others.append(part)
        elif (scope := _resource(part, known)) is not None:
            resources.append(scope)
    return merged(resources, others)


def understood(text: str, known: Known) -> bool:
    """Whether each scope of the text is one that exists: `parse` leaves out what is not."""
    return all(parse(one, known) for one in text.split())


def _resource(text: str, known: Known) -> Scope | None:
    found = _RESOURCE.fullmatch(text) if _TOKEN.fullmatch(text) else None
    if found is None:
        return None
    level, kind, word, query = found.groups()
    if kind in APART:
        return None if query or level == "patient" else Scope(level, kind, _V1.get(word, word), (), word in _V1)
    if kind != "*" and known(kind, "") is None:
        return None
    condition = []
    for pair in query.split("&") if query else ():
        name, equals, encoded = pair.partition("=")
        try:
            value = unquote(encoded, errors="strict")
        except UnicodeDecodeError:
            return None
        if not (equals and value and value.isprintable() and _PARAMETER.fullmatch(name) and _usable(kind, name, known)):
            return None
        condition.append((name, value))
    return Scope(level, kind, _V1.get(word, word), tuple(sorted(set(condition))), word in _V1)


def _usable(kind: str, name: str, known: Known) -> bool:
    if name.startswith("_") or kind == "*":
        return name in _EVERYWHERE
    return known(kind, name) in _SIMPLE


@dataclass(frozen=True, slots=True)
class Access:
    """What the bearer of a request may see and do."""

    subject: str
    """Who is answered for: a person or a backend client, by an id that never changes."""
    unrestricted: bool
    """Of work the hub does for itself, and of every request where HUB_ACCESS is open."""
    expunge: bool = False
    """A right of its own, which no other includes: to remove versions and resources for good ($expunge)."""
    client: str = ""
    grant: str = ""
    """What the token comes from; revoked, every token of it ends."""
    scopes: tuple[Scope, ...] = ()
    """Over resources of the record."""
    administers: tuple[Scope, ...] = ()
    """Over what is APART; the record knows nothing of it."""
    patient: str | None = None
    """Id of the patient whose record `patient/` scopes open."""
    fhir_user: str | None = None
    """URL of the person's own resource."""
    roles: tuple[str, ...] = ()
    """Of the person, sorted: their policies say what `user/` scopes open."""
    organization: str | None = None
    """Where the person works, as "Organization/<id>"."""
    stepped_up: int | None = None
    """When the person showed a second factor, in seconds since 1970 UTC."""
    permission: str = ""
    """Letters of "cruds" of which any is in use just now: a scope counts if it grants one of them."""
    kept: dict[Any, tuple[object, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What others have found out about it: under what -> it."""
    _uses: dict[str, Access] = field(default_factory=dict, init=False, repr=False, compare=False)
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Without the scopes, of which each would be hashed anew: others of the same grant are few.
        own = (self.subject, self.client, self.grant, self.patient, self.permission)
        object.__setattr__(self, "_hash", hash(own))

    def __hash__(self) -> int:
        return self._hash

    def just_proved(self, now: float) -> bool:
        """Whether a second factor was shown within FRESH seconds before now (seconds since 1970 UTC)."""
        return self.stepped_up is not None and now - self.stepped_up <= FRESH

    def using(self, permission: str) -> Access:
        """The same access, with these permissions in use."""
        if self.unrestricted or permission == self.permission:
            return self
        found = self._uses.get(permission)
        if found is None:
            found = self._uses[permission] = replace(self, permission=permission)
        return found


UNRESTRICTED = Access(subject="local", unrestricted=True, expunge=True)
NOBODY = Access(subject="", unrestricted=False)
"""Carried by requests that need no token; it opens nothing."""


def access_text(access: Access) -> str:
    """As JSON, for work on the record that outlives its request."""
    members = {one.name: getattr(access, one.name) for one in fields(access) if one.init and one.name != "administers"}
    return json.dumps(members | {"scopes": [asdict(scope) for scope in access.scopes]})


def access_of(text: str | bytes) -> Access:
    """The Access of `access_text`."""
    members = json.loads(text)
    scopes = [
        Scope(**{**one, "condition": tuple((name, value) for name, value in one["condition"])})
        for one in members.pop("scopes", ())
    ]
    roles = tuple(members.pop("roles", ()))
    return Access(**members, scopes=tuple(scopes), roles=roles)
