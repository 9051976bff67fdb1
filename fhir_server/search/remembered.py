"""What is searched for again is not made ready anew.

Screens ask the same again and again, so that what was asked before is remembered with its statement. And they ask the
same of one patient after another, members' apps each of its own: such searches have one statement, with other
parameters. No answer is ever kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from fhir_server.access.policies import Policies, in_force
from fhir_server.access.wall import own_patient, user_of
from fhir_server.encryption.keys import generation as keys_generation
from fhir_server.outcome import FhirError
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.by_reference import ID
from fhir_server.search.parameters import current, search_parameter
from fhir_server.search.prepared import Asked, Prepared, binding_of, link_of, prepared
from fhir_server.search.query import SearchQuery
from fhir_server.statement import Statement
from smart_auth.scopes import Access

_LONG = 1000
_NAMED = re.compile(rf"(?:[A-Z][A-Za-z]+/)?({ID.pattern})")
"""A value that names one resource."""
_MOST = 8
"""Ids that a search may have."""
_EXAMPLES = [[f"{letter * 8}-{number:04}-4000-8000-{letter * 12}" for number in range(_MOST)] for letter in "de"]
"""Two for each of them."""
_EXAMPLE = re.compile(f"({'|'.join(_EXAMPLES[0])})".encode())

_Pieces = tuple[bytes | int, ...]
"""Of a parameter: bytes, and numbers of ids."""


def remembered(asked: Asked) -> Prepared:
    """As `prepared`, of which it may be without criteria. Raises what that raises."""
    table = current()
    if _lasting(asked) and not (asked.lenient and table.pending):
        return _remembered(asked, table.source, table.generation, keys_generation(), in_force())
    return prepared(asked)


def _lasting(asked: Asked) -> bool:
    """Whether the same search will have the same statement, and may come again: no cursor, no clock, no long list."""
    return sum(len(value) for _, value in asked.query) < _LONG and not any(
        name == "_cursor" or "ap" in value for name, value in asked.query
    )


@lru_cache(maxsize=1024)
def _remembered(asked: Asked, source: str, generation: int, keys: int, policies: Policies) -> Prepared:
    """What was asked before. source, generation, keys, policies: what else it depends on."""
    shape, ids = _shape_of(asked)
    if not ids or len(ids) > _MOST or not _spoken_of(shape.asked.access).isdisjoint(ids):
        return prepared(asked)  # where an access speaks of what is asked for, other tests may hold
    known = _known(shape, source, generation, keys, policies)
    known.times += 1
    if known.times == 2:  # what comes once, such as the present moment, is not worth it
        known.alike = _alike(shape)
    return prepared(asked) if known.alike is None else known.alike.of(asked, ids)


class _Shape(NamedTuple):
    """What searches that differ in ids alone have in common."""

    asked: Asked
    """Values end where their ids begin; the access of a patient to their own record is without subject and patient."""
    places: tuple[tuple[int, int], ...]
    """(parameter, which of the ids ends its value)."""
    own: bool
    """The first two of the ids are those of such an access: its subject and its patient."""

    def filled(self, ids: Sequence[str]) -> Asked:
        """The search with these ids."""
        query, access = list(self.asked.query), self.asked.access
        for place, which in self.places:
            name, start = query[place]
            query[place] = (name, start + ids[which])
        if self.own:
            patient = None if access.patient is None else ids[1]
            user = None if access.fhir_user is None else access.fhir_user + ids[1]
            access = replace(access, subject=ids[0], patient=patient, fhir_user=user)
        return self.asked._replace(query=tuple(query), access=access)


def _shape_of(asked: Asked) -> tuple[_Shape, list[str]]:
    """The search without its ids, and the ids, none twice."""
    access, ids = _of_anybody(asked.access)
    query, places = list(asked.query), []
    for place, (name, value) in enumerate(asked.query):
        named = _NAMED.fullmatch(value)
        if named and _refers(asked.resource_type, name):
            if named[1] not in ids:
                ids.append(named[1])
            places.append((place, ids.index(named[1])))
            query[place] = (name, value[: named.start(1)])
    return _Shape(asked._replace(query=tuple(query), access=access), tuple(places), access is not asked.access), ids


def _of_anybody(access: Access) -> tuple[Access, list[str]]:
    """The access of a patient to their own record without subject and patient, and these; any other as it is."""
    patient, subject = own_patient(access), access.subject
    if patient is None or user_of(access) not in (None, ("Patient", patient)) or subject == patient:
        return access, []
    if not (ID.fullmatch(patient) and ID.fullmatch(subject)):
        return access, []
    user = None if access.fhir_user is None else access.fhir_user[: -len(patient)]
    nobody = None if access.patient is None else ""
    return replace(access, subject="", grant="", patient=nobody, fhir_user=user), [subject, patient]


def _refers(resource_type: str | None, name: str) -> bool:
    """Whether a parameter of this name wants ids."""
    code, _, modifier = name.partition(":")
    if resource_type is None or (modifier and modifier not in TYPE_ID):
        return False
    parameter = search_parameter(resource_type, code)
    return parameter is not None and (parameter.type == "reference" or code == "_id")


def _spoken_of(access: Access) -> set[str]:
    """Ids of all that the access speaks of."""
    found = (access.patient, access.fhir_user, access.subject, access.organization)
    return {one.rpartition("/")[2] for one in found if one}


@dataclass(slots=True)
class _Known:
    """What is known of a shape."""

    times: int = 0
    """It was asked."""
    alike: _Alike | None = None


@lru_cache(maxsize=2048)
def _known(shape: _Shape, source: str, generation: int, keys: int, policies: Policies) -> _Known:
    return _Known()


class _Alike(NamedTuple):
    """Searches of one shape."""

    query: SearchQuery
    """Without criteria, which differ."""
    used: frozenset[str]
    """Names of parameters that took effect."""
    statement: Statement
    places: tuple[tuple[int, _Pieces], ...]
    """(parameter of the statement, what it is put together from)."""
    few: bool

    def of(self, asked: Asked, ids: Sequence[str]) -> Prepared:
        """The one with these ids."""
        used = tuple([pair for pair in asked.query if pair[0] in self.used])
        values = list(self.statement.parameters)
        for place, pieces in self.places:
            values[place] = _joined(pieces, ids)
        query, statement = replace(self.query, used=used), self.statement._replace(parameters=tuple(values))
        return Prepared(query, link_of(asked, query), binding_of(asked, used), statement, self.few)


def _alike(shape: _Shape) -> _Alike | None:
    """The searches of a shape; None: they have more than ids that differs, or need their criteria later on, or are
    refused.

    Found out by making two of them: what their statements have in common, all have.
    """
    try:
        one, other = (prepared(shape.filled(ids)) for ids in _EXAMPLES)
    except FhirError:
        return None
    if one.statement is None or other.statement is None or one.query.exact or one.query.ignored:
        return None
    values, places = list(one.statement.parameters), []
    for place, value in enumerate(values):
        pieces = _pieces(value or b"")
        if len(pieces) > 1:
            places.append((place, pieces))
            values[place] = _joined(pieces, _EXAMPLES[1])
    if one.few != other.few or one.statement._replace(parameters=tuple(values)) != other.statement:
        return None
    used = frozenset(name for name, _ in one.query.used)
    return _Alike(replace(one.query, criteria=(), used=()), used, one.statement, tuple(places), one.few)


def _pieces(value: bytes) -> _Pieces:
    """A parameter cut at the first examples, of which the numbers stand in their places."""
    parts = _EXAMPLE.split(value)
    return tuple(_EXAMPLES[0].index(part.decode()) if place % 2 else part for place, part in enumerate(parts))


def _joined(pieces: _Pieces, ids: Sequence[str]) -> bytes:
    return b"".join([ids[one].encode() if isinstance(one, int) else one for one in pieces])
