"""What is searched for again is not made ready anew.

Screens ask the same again and again, so that what was asked before is remembered with its statement. And they ask the
same of one patient after another: such searches have one statement, with other parameters. No answer is ever kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from fhir_server.access.policies import Policies, in_force
from fhir_server.encryption.keys import generation as keys_generation
from fhir_server.search.parameters import current
from fhir_server.search.prepared import Asked, Prepared, binding_of, link_of, prepared
from fhir_server.search.query import SearchQuery
from fhir_server.statement import Statement
from smart_auth.scopes import Access

_LONG = 1000
_NAMED = re.compile(r"(?:[A-Z][A-Za-z]+/)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""A value that ends with an id as servers make them."""
_LENGTH, _MOST = 36, 8
"""Of such an id; and of how many a search may have."""
_EXAMPLES = [[f"{letter * 8}-{number:04}-4000-8000-{letter * 12}" for number in range(_MOST)] for letter in "de"]
"""Two ids for each place that may have one."""
_WHICH = {(one.encode(), other.encode()): which for which, (one, other) in enumerate(zip(*_EXAMPLES, strict=True))}


def remembered(asked: Asked) -> Prepared:
    """As `prepared`, of which it may be without criteria. Raises what that raises."""
    table = current()
    if _lasting(asked) and not (asked.lenient and table.pending):
        return _remembered(asked, table.source, table.generation, keys_generation(), in_force())
    return prepared(asked)


@lru_cache(maxsize=1024)
def _remembered(asked: Asked, source: str, generation: int, keys: int, policies: Policies) -> Prepared:
    """What was asked before. source, generation, keys, policies: what else it depends on."""
    holes = [place for place, (_, value) in enumerate(asked.query) if _NAMED.fullmatch(value)]
    ids = [asked.query[place][1][-_LENGTH:] for place in holes]
    # Of whom an access speaks, itself first, other tests hold.
    if not ids or len(ids) > _MOST or any(id in one for id in ids for one in _spoken_of(asked.access)):
        return prepared(asked)
    shape = list(asked.query)
    for place in holes:
        name, value = shape[place]
        shape[place] = (name, value[:-_LENGTH])
    alike = asked._replace(query=tuple(shape))
    known = _known(alike, tuple(holes), source, generation, keys, policies)
    known.times += 1
    if known.times == 2:  # what comes once, such as the present moment, is not worth it
        known.alike = _alike(alike, holes)
    return prepared(asked) if known.alike is None else known.alike.of(asked, ids)


def _lasting(asked: Asked) -> bool:
    """Whether the same search will have the same statement, and may come again: no cursor, no clock, no long list."""
    return sum(len(value) for _, value in asked.query) < _LONG and not any(
        name == "_cursor" or "ap" in value for name, value in asked.query
    )


def _spoken_of(access: Access) -> tuple[str, ...]:
    found = (access.patient, access.fhir_user, access.subject, access.organization)
    return tuple(one for one in found if one)


class _Alike(NamedTuple):
    """Searches that differ in ids of resources alone: a patient's, an encounter's."""

    query: SearchQuery
    """Without criteria, which differ."""
    used: frozenset[str]
    """Names of parameters that took effect."""
    statement: Statement
    places: tuple[tuple[int, int], ...]
    """(parameter of the statement, which of the ids it is)."""
    few: bool

    def of(self, asked: Asked, ids: Sequence[str]) -> Prepared:
        """The one with these ids."""
        used = tuple([pair for pair in asked.query if pair[0] in self.used])
        values = list(self.statement.parameters)
        for place, which in self.places:
            values[place] = ids[which].encode()
        query, statement = replace(self.query, used=used), self.statement._replace(parameters=tuple(values))
        return Prepared(query, link_of(asked, query), binding_of(asked, used), statement, self.few)


@dataclass(slots=True)
class _Shape:
    """What is known of searches that differ in ids alone."""

    times: int = 0
    """They were asked."""
    alike: _Alike | None = None


@lru_cache(maxsize=2048)
def _known(
    shape: Asked, holes: tuple[int, ...], source: str, generation: int, keys: int, policies: Policies
) -> _Shape:  # fmt: skip
    return _Shape()


def _alike(shape: Asked, holes: Sequence[int]) -> _Alike | None:
    """The searches of a shape, which has the ids at the ends of the values at `holes` cut off; None: they have more
    than ids that differs, or need their criteria later on.

    Found out by making two of them: what their statements have in common, all have.
    """
    one, other = (prepared(shape._replace(query=_filled(shape.query, holes, ids))) for ids in _EXAMPLES)
    if one.statement is None or other.statement is None or one.query.exact or one.query.ignored:
        return None
    values = one.statement.parameters, other.statement.parameters
    if one.few != other.few or one.statement._replace(parameters=values[1]) != other.statement:
        return None
    places = []
    for place, pair in enumerate(zip(*values, strict=True)):
        if pair[0] != pair[1]:
            which = _WHICH.get(pair)
            if which is None or which >= len(holes):
                return None
            places.append((place, which))
    used = frozenset(name for name, _ in one.query.used)
    return _Alike(replace(one.query, criteria=(), used=()), used, one.statement, tuple(places), one.few)


def _filled(query: Sequence[tuple[str, str]], holes: Sequence[int], ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = list(query)
    for place, id in zip(holes, ids, strict=False):
        name, start = found[place]
        found[place] = (name, start + id)
    return tuple(found)
