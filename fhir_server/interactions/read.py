"""FHIR read interaction. https://hl7.org/fhir/R4/http.html#read"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.access.hiding import shown
from fhir_server.audit.trail import saw
from fhir_server.binary import content
from fhir_server.conditional import not_modified
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.formats import asks_for_resource
from fhir_server.outcome import Gone, NotFound
from fhir_server.shape import shaped
from fhir_server.version import Version

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def read(server: Server, request: FhirRequest, resource_type: str, id: str) -> FhirResponse:
    """The current version. Raises NotFound, Gone, Invalid."""
    trail, headers = request.trail, request.headers
    conditional = "if-none-match" in headers or "if-modified-since" in headers
    if trail is None or request.query or conditional:
        # Nothing is audited, or it is once it is known what is shown.
        return answer(request, await server.store.read(request.access, resource_type, id))
    request.leave()
    version = await server.store.intake.read(trail, request.access, resource_type, id)
    return answer(request, version, noted=True)


def answer(request: FhirRequest, version: Version | None, *, noted: bool = False) -> FhirResponse:
    """A version as the answer to read or vread: 304 if the client has it, a Binary as its own bytes.

    noted: the audit trail has it already.
    """
    if version is None or version.version_id == 0:
        raise NotFound("there is no such resource")
    body = version.body
    if body is None:
        raise Gone("the resource was deleted")
    if not noted:
        saw(((version.rid, version.version_id),), request.trail)
    body = shown(request.access, version.type, body)
    response = FhirResponse(
        200,
        body,
        version_id=version.version_id,
        last_updated=version.last_updated,
        location=f"{version.type}/{version.id}/_history/{version.version_id}",
    )
    if ("if-none-match" in request.headers or "if-modified-since" in request.headers) and not_modified(
        request.headers, version
    ):
        response.status, response.body = 304, None
        return response
    if version.type == "Binary":
        format = dict(request.query).get("_format")
        if not asks_for_resource(request.headers.get("accept", ""), format):
            response.body, response.content_type, response.headers = content(body)
            return response
    if request.query:
        response.body = shaped(request, body)
    return response
