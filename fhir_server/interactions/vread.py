"""FHIR vread interaction: one version of a resource. https://hl7.org/fhir/R4/http.html#vread"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.interactions.read import answer
from fhir_server.outcome import NotFound

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def vread(server: Server, request: FhirRequest, resource_type: str, id: str, version_id: str) -> FhirResponse:
    """That version. Raises NotFound, Gone (the version is a deletion), Invalid."""
    # Versions are integers here; anything else names none. Ten digits are beyond what the database counts.
    if not (version_id.isascii() and version_id.isdecimal()) or len(version_id) > 9:
        raise NotFound("there is no such version")
    return answer(request, await server.store.vread(request.access, resource_type, id, int(version_id)))
