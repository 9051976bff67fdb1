"""FHIR history interaction of an instance, a type, the system. https://hl7.org/fhir/R4/http.html#history"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fhir_server.access.hiding import shown
from fhir_server.audit.trail import saw
from fhir_server.bundle import history_bundle
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.instant import period
from fhir_server.outcome import Invalid, NotFound
from fhir_server.parameters_allowed import only
from fhir_server.search import cursor
from fhir_server.shape import SHAPING, part_asked
from fhir_server.version import Version

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

TAKEN = frozenset({"_since", "_at", "_count", "_cursor"}) | SHAPING


async def history(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """A Bundle of versions, newest first, with a link to the next page. Raises NotFound, Invalid.

    `_at` is met by versions that were current at some time in the period it names.
    """
    only(request, TAKEN)
    given = _given(request)
    count = _count(given.get("_count"), server.settings.default_count, server.settings.max_count)
    since = _instants("_since", given.get("_since"))
    at = _instants("_at", given.get("_at"))
    part = part_asked(given)
    path = "/".join(segment for segment in (resource_type, id, "_history") if segment)
    binding = "|".join([path, given.get("_since", ""), given.get("_at", "")])
    # One more than the page holds tells whether a further page follows.
    versions = await server.store.history(
        request.access,
        type=resource_type,
        id=id,
        since=since[0] if since else None,
        at=at,
        count=count + 1,
        cursor=_position(given.get("_cursor"), binding),
    )
    if not versions and id is not None and await server.store.read(request.access, str(resource_type), id) is None:
        raise NotFound("there is no such resource")
    page, more = versions[:count], len(versions) > count and count > 0
    saw((version.rid, version.version_id) for version in page)
    page = [
        version._replace(body=shown(request.access, version.type, version.body)) if version.body else version
        for version in page
    ]
    if part is not None:
        page = [version._replace(body=part(version.body)) if version.body else version for version in page]
    links = {"self": _link(server.base, path, given)}
    if more:
        links["next"] = _link(server.base, path, {**given, "_cursor": _token(page[-1], binding)})
    return FhirResponse(200, history_bundle(server.base, page, links))


def _given(request: FhirRequest) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in request.query:
        if name in TAKEN:
            if name in given:
                raise Invalid(f"{name} may be given once", code="invalid")
            given[name] = value
    return given


def _count(value: str | None, default: int, maximum: int) -> int:
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Invalid("_count is a whole number, 0 or more", code="value")
    return min(int(value), maximum)


def _instants(name: str, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    try:
        return period(value)
    except ValueError:
        raise Invalid(f"{name} must be a FHIR date, dateTime or instant", code="value") from None


def _position(token: str | None, binding: str) -> tuple[int, int, int] | None:
    if token is None:
        return None
    position = cursor.decode(token, binding, 2)
    updated, version = position.keys
    return int(updated or 0), position.rid, int(version or 0)


def _token(last: Version, binding: str) -> str:
    return cursor.encode(cursor.Position((str(last.last_updated), str(last.version_id)), last.rid), binding)


def _link(base: str, path: str, parameters: dict[str, str]) -> str:
    query = urlencode(parameters, quote_via=quote)
    return f"{base}/{path}?{query}" if query else f"{base}/{path}"
