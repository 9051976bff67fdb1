"""FHIR search interaction: of a type, the system, a compartment; GET and POST. https://hl7.org/fhir/R4/http.html#search"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from struct import unpack
from typing import TYPE_CHECKING

from fhir_server.access.hiding import all_hidden, shown
from fhir_server.audit.trail import saw
from fhir_server.bundle import ENTRY, searchset_of
from fhir_server.compression import compress, decompress
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.full_text.due import WAITING
from fhir_server.outcome import Issue, operation_outcome
from fhir_server.postgres import Row
from fhir_server.prefer import prefer
from fhir_server.reader import Reader
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search import cursor
from fhir_server.search.contained import MARK, container, last_of, place
from fhir_server.search.include import MAX_INCLUDED
from fhir_server.search.parameters import current
from fhir_server.search.prepared import Asked, statement_of
from fhir_server.search.query import SearchQuery
from fhir_server.search.remembered import remembered
from fhir_server.search.select import INCLUDE, MATCH, TOTAL, select
from fhir_server.search.terms import looked_up
from fhir_server.search.totals import WORTH, Kept, keepable
from fhir_server.statement import Statement
from fhir_server.store_errors import StaleParameters
from fhir_server.summary import apply
from mappings.r4 import parse, serialize
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def search(
    server: Server, request: FhirRequest, resource_type: str | None, compartment: tuple[str, str] | None = None
) -> FhirResponse:
    """A searchset Bundle: a page of matches with what they include. Raises Invalid, NotFound, StaleParameters.

    compartment: type and id of the resource whose compartment is searched; resource_type None is then all its types.
    """
    settings = server.settings
    asked = Asked(
        resource_type, tuple(request.query), prefer(request.headers).lenient, settings.default_count,
        settings.max_count, compartment, request.access.using("s"), server.base, settings.full_text,
    )  # fmt: skip
    if asked.lenient and current().pending:
        await server.store.learn()  # what is left out is told with how far it is
    known = current().generation
    query, link, binding, statement, few = remembered(asked)
    if statement is None:
        criteria = await looked_up(query.criteria, server.store, asked.access, asked.base)
        if current().generation != known:
            raise StaleParameters
        query = replace(query, criteria=criteria)
        statement = statement_of(query, binding, asked)
    if query.explain:
        return await _explained(server, statement)
    if query.words:
        # Before the search: what waits no more has its words in the table.
        [(waiting, complete)] = await server.store.select(WAITING)
        query = replace(query, ignored=(*query.ignored, *_lag(waiting, complete)))
    trail = request.trail
    if trail is not None and trail.interaction == "search-type" and few:
        rows = await server.store.searches.search(trail, statement, partial(_shown, query))
    else:
        rows = await _rows(server.store, query, statement, asked)
        saw(_shown(query, rows), request.trail)
    return FhirResponse(200, _bundle(server.base, link, query, rows, binding, asked.access))


def _shown(query: SearchQuery, rows: Sequence[Row]) -> tuple[int, ...]:
    """rids of what the answer shows. They are of current versions: which one that was follows from the time."""
    matches = [row[1] for row in rows if row[0] == _MATCH][: query.count]
    included = [row[1] for row in rows if row[0] == _INCLUDE][:MAX_INCLUDED]
    return unpack(f">{len(matches) + len(included)}q", b"".join(matches + included))


async def _rows(store: Reader, query: SearchQuery, statement: Statement, asked: Asked) -> list[Row]:
    """The statement's rows; where its total is kept, what is known of it spares counting it anew."""
    if store.totals is None or not query.exact:
        return await store.select(statement)
    kept = store.totals.get(statement)
    if kept is None:
        rows = await store.select(statement)
        total = _total(rows)
        if total >= WORTH and keepable(query, asked.access):
            counting = select(query, asked.access, asked.base, keeping=True)
            store.totals.put(statement, Kept(counting, total))
        return rows
    rows = await store.select(kept.asking())
    said = next(row[3] for row in rows if row[0] == _TOTAL)
    store.totals.put(statement, kept.answered(_total(rows), said))
    return rows


def _total(rows: Sequence[Row]) -> int:
    return next(int.from_bytes(row[1], "big") for row in rows if row[0] == _TOTAL)


_MATCH, _INCLUDE, _TOTAL = (mode.to_bytes(2, "big") for mode in (MATCH, INCLUDE, TOTAL))


def _bundle(base: str, link: str, query: SearchQuery, rows: Sequence[Row], binding: str, access: Access) -> bytes:
    found: dict[int, list[Row]] = {MATCH: [], INCLUDE: [], TOTAL: []}
    for row in rows:
        found[row[0][1]].append(row)
    matches, included = found[MATCH], found[INCLUDE]
    more = len(matches) > query.count
    del matches[query.count :]
    links = {"self": link}
    if query.count:
        links["first"] = link
    if more:
        _, rid, _, _, _, *keys = matches[-1]
        shown = tuple(None if key is None else key.decode() for key in keys)
        number = int.from_bytes(rid, "big", signed=True)
        # What contains several matches is shown once.
        position = cursor.Position(shown, number if query.alone else last_of(number))
        token = cursor.encode(position, binding)
        links["next"] = f"{link}{'&' if '?' in link else '?'}_cursor={token}"
    issues = list(query.ignored)
    if len(included) > MAX_INCLUDED:
        del included[MAX_INCLUDED:]
        reason = f"more than {MAX_INCLUDED} resources would be included; the rest is left out"
        issues.append(Issue("too-costly", reason, severity="warning"))
    if query.types[-1][0] == MARK:
        matches = _of_containers(matches, query.alone)
    entries = _entries(access, base, matches, b"match", query.summary, query.elements)
    # _elements names what is wanted of the matches; what they bring along stays whole.
    entries += _entries(access, base, included, b"include", query.summary, ())
    total = int.from_bytes(found[TOTAL][0][1], "big") if found[TOTAL] else None
    return searchset_of(entries, links, total=total, issues=issues)


def _of_containers(matches: Sequence[Row], alone: bool) -> list[Row]:
    """Matches of which some are contained: those themselves (alone), or what contains them, each once."""
    found: list[Row] = []
    shown: set[int] = set()
    for row in matches:
        mode, rid, type_id, id, body, *keys = row
        number = int.from_bytes(rid, "big", signed=True)
        if number < 0 and alone:
            inner = parse(decompress(body))["contained"][place(number)]
            found.append((mode, rid, type_id, id + b"#" + inner["id"].encode(), compress(serialize(inner)), *keys))
        elif container(number) not in shown:
            shown.add(container(number))
            found.append(row)
    return found


def _entries(
    access: Access, base: str, rows: Sequence[Row], mode: bytes, summary: str | None, elements: tuple[str, ...]
) -> list[bytes]:
    cut, hides = summary is not None or elements, all_hidden(access)
    entries = []
    for _, _, type_id, id, packed, *_ in rows:
        body = decompress(packed)
        if hides:
            body = shown(access, RESOURCE_TYPES[int.from_bytes(type_id, "big") - 1], body)
        if cut:
            body = serialize(apply(parse(body), summary, elements))
        entries.append(ENTRY % (_type_url(base, type_id), id, body, mode))
    return entries


@lru_cache(maxsize=1024)
def _type_url(base: str, type_id: bytes) -> bytes:
    return f"{base}/{RESOURCE_TYPES[int.from_bytes(type_id, 'big') - 1]}".encode()


def _lag(waiting: bytes, complete: bytes) -> list[Issue]:
    """What a search for words says of changes that are not indexed yet."""
    number = int.from_bytes(waiting, "big")
    if complete == b"\x01" and not number:
        return []
    what = f"{number:,} changes" if complete == b"\x01" else "resources"
    reason = f"{what} wait to be indexed for _text and _content; what they say is not found yet"
    return [Issue("incomplete", reason, severity="warning")]


async def _explained(server: Server, statement: Statement) -> FhirResponse:
    """The statement and PostgreSQL's plan for it, as it ran now."""
    rows = await server.store.explain(statement, "analyze, buffers")
    plan = "\n".join(row[0].decode() for row in rows if row[0] is not None)
    issues = [
        Issue("informational", statement.text, (), "information"),
        Issue("informational", plan, (), "information"),
    ]
    return FhirResponse(200, serialize(operation_outcome(issues)))
