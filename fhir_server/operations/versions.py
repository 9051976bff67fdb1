"""$versions: the FHIR versions spoken here. https://hl7.org/fhir/R4/capabilitystatement-operation-versions.html"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.exchange import FhirRequest, FhirResponse
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

VERSION = "4.0"


async def versions(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """A Parameters resource with the versions; as plain JSON if `application/json` is asked for."""
    if request.headers.get("accept", "").split(";")[0].strip() == "application/json":
        return FhirResponse(
            200, serialize({"versions": [VERSION], "default": VERSION}), content_type="application/json"
        )
    parameters = [{"name": "version", "valueCode": VERSION}, {"name": "default", "valueCode": VERSION}]
    return FhirResponse(200, serialize({"resourceType": "Parameters", "parameter": parameters}))
