"""A search made ready to be carried out: its statement, and what its answer says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import quote

from fhir_server.access.searching import bound_to, judged, searchable
from fhir_server.compartment import member_types
from fhir_server.search import cursor
from fhir_server.search.branch import is_point
from fhir_server.search.membership import membership
from fhir_server.search.query import SearchQuery, parse_query
from fhir_server.search.select import select
from fhir_server.search.terms import ask_terminology
from fhir_server.statement import Statement
from smart_auth.scopes import Access

_OF_THE_PAGE = frozenset({"_count", "_total", "_summary", "_elements", "_explain", "_include", "_revinclude"})
"""Parameters that may change from page to page without changing where a page ends."""
_SAFE = ",:|/*$"
_PLAIN = re.compile(r"[A-Za-z0-9_.~,:|/*$\-]*")


class Asked(NamedTuple):
    """All that a search's statement depends on."""

    resource_type: str | None
    query: tuple[tuple[str, str], ...]
    lenient: bool
    default_count: int
    max_count: int
    compartment: tuple[str, str] | None
    access: Access
    base: str
    full_text: bool


class Prepared(NamedTuple):
    """A search that can be carried out."""

    query: SearchQuery
    """Without criteria, where nothing but `statement` and `few` needs them."""
    link: str
    binding: str
    """What its cursors are bound to."""
    statement: Statement | None
    """None where terminology has to be asked first."""
    few: bool
    """It begins with few rows, such as one patient's: others may wait until they are read."""


def prepared(asked: Asked) -> Prepared:
    """Raises Invalid, NotFound, Forbidden."""
    resource_type, compartment = asked.resource_type, asked.compartment
    within = searchable(asked.access, resource_type, asked.query, member_types(compartment[0]) if compartment else None)
    query = parse_query(
        resource_type,
        asked.query,
        lenient=asked.lenient,
        default_count=asked.default_count,
        max_count=asked.max_count,
        within=within,
        full_text=asked.full_text,
        contained=True,
    )
    if compartment is not None:
        query = replace(query, criteria=(membership(*compartment, query.types), *query.criteria))
    query = judged(query, asked.access)
    binding = binding_of(asked, query.used)
    statement = None if ask_terminology(query.criteria) else statement_of(query, binding, asked)
    few = statement is not None and statement.generic and not statement.bitmaps and not query.exact and is_point(query)
    return Prepared(query, link_of(asked, query), binding, statement, few)


def statement_of(query: SearchQuery, binding: str, asked: Asked) -> Statement:
    """The statement of a query, bound to which its cursors are. Raises Invalid."""
    position = cursor.decode(query.cursor, binding, len(query.sort)) if query.cursor else None
    return select(query, asked.access, asked.base, position)


def _path(asked: Asked) -> str:
    """What is searched, below the base."""
    compartment, resource_type = asked.compartment or (), asked.resource_type
    return "/".join(part for part in (*compartment, resource_type or ("*" if compartment else "")) if part)


def binding_of(asked: Asked, used: Sequence[tuple[str, str]]) -> str:
    """What cursors are bound to. used: parameters that took effect."""
    same = sorted(pair for pair in used if pair[0].partition(":")[0] not in _OF_THE_PAGE)
    return "\n".join([bound_to(asked.access), _path(asked), *(f"{name}={value}" for name, value in same)])


def link_of(asked: Asked, query: SearchQuery) -> str:
    """The URL of the search as it was carried out."""
    path = _path(asked)
    url = f"{asked.base}/{path}" if path else asked.base
    # What was applied, not what was asked for: a _count beyond the limit was cut down to it.
    used = [(name, str(query.count) if name == "_count" else value) for name, value in query.used]
    return f"{url}?{'&'.join([f'{_quoted(name)}={_quoted(value)}' for name, value in used])}" if used else url


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe=_SAFE)
