"""$everything: the record of a patient or an encounter, in pages. https://hl7.org/fhir/R4/patient-operation-everything.html"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fhir_server.access.searching import bound_to
from fhir_server.audit.trail import saw
from fhir_server.bundle import Entry, searchset
from fhir_server.compression import decompress
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import Given, instants, simple, types, whole
from fhir_server.outcome import Gone, Invalid, NotFound
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search import cursor
from fhir_server.search.record import REFERRED, Asked, page
from fhir_server.search.rows import BEGIN, END

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

TAKEN: dict[str, tuple[str, ...]] = {
    "Patient": ("start", "end", "_since", "_type", "_count", "_cursor"),
    "Encounter": ("_since", "_type", "_count", "_cursor"),
}
"""Compartment -> parameters the specification gives the operation, and our cursor."""

_INT2, _INT4, _INT8 = Struct(">h"), Struct(">i"), Struct(">q")
_SAME = ("start", "end", "_since", "_type")


async def everything(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """A searchset Bundle: the resource, its compartment (mode match), what these refer to (mode include).

    Reads the compartment and what it refers to, both under the access. Without `_count` a page is as long as the server
    allows, so that most records are one answer. Raises NotFound, Gone, Invalid.
    """
    assert resource_type is not None  # the table of operations has it for types and instances only
    given = simple(request, TAKEN[resource_type], repeated=("_type",))
    path = "/".join(part for part in (resource_type, id, "$everything") if part)
    binding = "\n".join([bound_to(request.access), path, *(f"{name}={given.get(name)}" for name in _SAME)])
    asked = _asked(given, resource_type, id, binding, server.settings.max_count)
    rows = await server.store.select(page(asked, request.access, server.base))
    if not rows and id is not None and asked.after is None:
        await _exists(server, request, resource_type, id)
    more = len(rows) > asked.count
    del rows[asked.count :]
    entries = [
        Entry(
            RESOURCE_TYPES[_INT2.unpack(type_id)[0] - 1],
            fhir_id.decode(),
            decompress(body),
            "include" if part[1] == REFERRED else "match",
        )
        for part, _, type_id, fhir_id, _, body in rows
    ]
    saw((_INT8.unpack(rid)[0], _INT4.unpack(version)[0]) for _, rid, _, _, version, _ in rows)
    # What was applied, not what was asked for: a _count beyond the limit was cut down to it.
    applied = given | ({"_count": [str(asked.count)]} if "_count" in given else {})
    used = [(name, value) for name, values in applied.items() if name != "_cursor" for value in values]
    links = {"self": _link(f"{server.base}/{path}", used)}
    if more:
        part, rid, *_ = rows[-1]
        position = cursor.Position((str(_INT2.unpack(part)[0]),), _INT8.unpack(rid)[0])
        links["next"] = _link(f"{server.base}/{path}", [*used, ("_cursor", cursor.encode(position, binding))])
    return FhirResponse(200, searchset(server.base, entries, links))


def _asked(given: Given, resource_type: str, id: str | None, binding: str, maximum: int) -> Asked:
    start, end = instants(given, "start"), instants(given, "end")
    care = None
    if start or end:
        care = (start[0] if start else BEGIN, end[1] if end else END)
        if care[0] >= care[1]:
            raise Invalid("end is before start", code="value")
    since = instants(given, "_since")
    after = None
    if "_cursor" in given:
        position = cursor.decode(given["_cursor"][0], binding, 1)
        after = int(position.keys[0] or 0), position.rid
    return Asked(
        resource_type,
        id,
        whole(given, "_count", maximum, maximum),
        types(given),
        since[0] if since else None,
        care,
        after,
    )


async def _exists(server: Server, request: FhirRequest, resource_type: str, id: str) -> None:
    """Raises NotFound or Gone if there is no such resource; an answer may be empty because of what was asked."""
    version = await server.store.read(request.access, resource_type, id)
    if version is None or version.version_id == 0:
        raise NotFound("there is no such resource")
    if version.body is None:
        raise Gone("the resource was deleted")


def _link(url: str, used: list[tuple[str, str]]) -> str:
    query = urlencode(used, quote_via=quote, safe=",:|/*$")
    return f"{url}?{query}" if query else url
