"""$access-report: who used a patient's record, and when; for the patient too. https://hl7.org/fhir/R4/auditevent.html"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.audit.answer import PAGING, answer
from fhir_server.audit.find import Wanted
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import simple
from fhir_server.privacy.subject import patient_rid

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def access_report(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """A searchset of AuditEvents about one patient, newest first. Raises NotFound, Invalid."""
    given = simple(request, PAGING)
    wanted = Wanted(patient=await patient_rid(server.store, request.access, id), refused=False)
    return await answer(server, given, wanted, f"Patient/{id}/$access-report", own=True)
