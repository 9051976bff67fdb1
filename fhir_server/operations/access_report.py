"""$access-report: who used a patient's record, and when; for the patient too. https://hl7.org/fhir/R4/auditevent.html"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server.access.policies import in_force
from fhir_server.access.wall import himself, own_patient, policies_of
from fhir_server.audit.answer import PAGING, answer
from fhir_server.audit.find import Wanted
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import simple
from fhir_server.operations.trail import may_search
from fhir_server.outcome import Forbidden
from fhir_server.privacy.subject import patient_rid
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


def _own(access: Access, id: str | None) -> bool:
    """Whether it is the patient who asks, or somebody who acts for them."""
    if own_patient(access) != id:
        return False
    return himself(access) or any(row.relation in ("own", "ward") for row in policies_of(access, in_force()))


async def access_report(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """A searchset of AuditEvents about one patient, newest first, for the patient, who asks in their place, and those
    who have the right to the whole trail. Raises Forbidden, NotFound, Invalid."""
    given = simple(request, PAGING)
    wanted = Wanted(patient=await patient_rid(server.store, request.access, id), refused=False)
    if not (_own(request.access, id) or may_search(request.access)):
        raise Forbidden("who used a record is told to the patient, and to those who have the right to the audit trail")
    return await answer(server, given, wanted, f"Patient/{id}/$access-report", own=True)
