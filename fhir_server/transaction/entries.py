"""Bundle.entry -> Entry: what each entry asks for, and when its turn is. https://hl7.org/fhir/R4/http.html#trules"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from fhir_server.conditional import criteria as exist_criteria
from fhir_server.conditional import require_criteria
from fhir_server.outcome import FhirError, Invalid, MethodNotAllowed, NotFound
from fhir_server.resource_types import TYPE_ID
from fhir_server.transaction.entry_url import MAX_URL, Query, parse_url
from fhir_server.transaction.links import Link
from fhir_server.transaction.refusals import entry_path
from mappings.r4 import Json


class Turn(IntEnum):
    """Order of processing, whatever the order of the entries."""

    DELETE = 0
    CREATE = 1
    UPDATE = 2
    """PUT and PATCH."""
    READ = 3
    """GET, HEAD and operations: they see what the others wrote."""


@dataclass(slots=True)
class Entry:
    """One entry, understood but not yet carried out."""

    index: int
    method: str
    path: tuple[str, ...]
    query: Query
    """Decoded query of the URL."""
    resource: Json
    full_url: str | None
    headers: dict[str, str]
    """if-match, if-none-match, if-modified-since, if-none-exist, as the request of this entry carries them."""
    turn: Turn = Turn.READ
    type: str = ""
    """Resource type of a write; empty for READ."""
    id: str | None = None
    """Logical id a write's URL names; None for a create and where criteria stand instead."""
    criteria: Query | None = None
    """Of a conditional create, update, patch or delete."""
    provisional: str = ""
    """Id a write gets unless criteria find another."""
    assigned: str = ""
    """Id a write has as far as is known by now; links to the entry carry it."""
    links: list[Link] = field(default_factory=list)
    """Links in `resource` that need rewriting."""


_HEADERS = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifModifiedSince": "if-modified-since",
    "ifNoneExist": "if-none-exist",
}
_WRITES = {"POST": Turn.CREATE, "PUT": Turn.UPDATE, "PATCH": Turn.UPDATE, "DELETE": Turn.DELETE}
_READS = frozenset({"GET", "HEAD"})


def parse_entry(index: int, entry: Json, base: str) -> Entry:
    """The entry understood. Raises Invalid naming the element that cannot be."""

    def wrong(element: str, reason: str, code: str = "value") -> Invalid:
        return Invalid(reason, code=code, expression=(entry_path(index, element),))

    if not isinstance(entry, dict):
        raise wrong("", "an entry must be a JSON object", "structure")
    request = entry.get("request")
    if not isinstance(request, dict):
        raise wrong("request", "an entry of a batch or transaction needs a request", "required")
    method, url, full_url = request.get("method"), request.get("url"), entry.get("fullUrl")
    if not isinstance(method, str) or (method not in _WRITES and method not in _READS):
        code = "required" if method is None else "value"
        raise wrong("request.method", "request.method must be one of GET, HEAD, POST, PUT, PATCH, DELETE", code)
    if not isinstance(url, str):
        raise wrong("request.url", "request.url is needed", "required")
    if full_url is not None and not isinstance(full_url, str):
        raise wrong("fullUrl", "fullUrl must be a string", "structure")
    try:
        path, query = parse_url(url, base)
    except Invalid as error:
        raise wrong("request.url", str(error)) from None
    headers: dict[str, str] = {}
    if len(request) > 2:
        for element, header in _HEADERS.items():
            value = request.get(element)
            if isinstance(value, str) and len(value) <= MAX_URL:
                headers[header] = value
            elif value is not None:
                raise wrong(f"request.{element}", f"must be a string of at most {MAX_URL} characters", "structure")
    return Entry(index, method, path, query, entry.get("resource"), full_url, headers)


def nested(entry: Entry) -> bool:
    """Whether the entry posts a further batch or transaction."""
    return not entry.path and entry.method == "POST"


def turn_of(entry: Entry) -> Turn:
    """When an entry is processed: by its method, operations (`$...`) and POST searches with the reading."""
    path = entry.path
    if entry.method in _READS or (path and (path[-1] == "_search" or path[-1].startswith("$"))):
        return Turn.READ
    return _WRITES[entry.method]


def place(entry: Entry) -> None:
    """Gives an entry of a transaction its turn, and a write its type and its id or criteria.

    Raises Invalid, NotFound, MethodNotAllowed naming the element.
    """
    path, method = entry.path, entry.method
    if nested(entry):
        raise _refusal(entry, Invalid, "request.url", "a batch or transaction inside another is not allowed")
    turn = turn_of(entry)
    if turn is Turn.READ:
        return
    if not path:
        raise _refusal(entry, Invalid, "request.url", f"{method} needs a resource type in the URL")
    if path[0] not in TYPE_ID:
        raise _refusal(entry, NotFound, "request.url", "the URL names no resource type of FHIR R4")
    if len(path) > (1 if turn is Turn.CREATE else 2):
        raise _refusal(entry, MethodNotAllowed, "request.url", f"{method} is not possible on this URL")
    if turn is not Turn.DELETE and not isinstance(entry.resource, dict):
        raise _refusal(entry, Invalid, "resource", f"{method} needs a resource")
    entry.turn, entry.type = turn, path[0]
    if turn is Turn.CREATE:
        if "if-none-exist" in entry.headers:
            try:
                entry.criteria = exist_criteria(entry.type, entry.headers["if-none-exist"])
            except FhirError as error:
                raise _refusal(entry, Invalid, "request.ifNoneExist", str(error)) from None
    elif len(path) == 2:
        entry.id = path[1]
    else:
        try:
            entry.criteria = require_criteria(entry.query, f"{method} without an id")
        except FhirError as error:
            raise _refusal(entry, Invalid, "request.url", str(error)) from None


def _refusal(entry: Entry, error: type[FhirError], element: str, reason: str) -> FhirError:
    return error(reason, expression=(entry_path(entry.index, element),))


def by_turn(entries: Iterable[Entry]) -> list[Entry]:
    """The entries in order of processing; within one turn they keep their order."""
    return sorted(entries, key=lambda entry: (entry.turn, entry.index))
