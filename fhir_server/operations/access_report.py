"""$access-report: who used a patient's record, and when; for the patient too. https://hl7.org/fhir/R4/auditevent.html"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from fhir_server.access import visible
from fhir_server.audit.answer import PAGING, answer
from fhir_server.audit.find import Wanted
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import simple
from fhir_server.outcome import NotFound
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Parameters

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

_INT8 = Struct(">q")


async def access_report(
    server: Server, request: FhirRequest, resource_type: str | None, id: str | None
) -> FhirResponse:
    """A searchset of AuditEvents about one patient, newest first. Raises NotFound, Invalid."""
    given = simple(request, PAGING)
    parameters = Parameters()
    tests = [
        f"r.type_id = {TYPE_ID['Patient']}",
        f"r.fhir_id = {parameters.add(id, 'text')}",
        "r.body is not null",
        visible(request.access, "r", parameters),
    ]
    text = f"select r.rid from resource r where {' and '.join(tests)}"
    rows = await server.store.select(parameters.statement(text, generic=True))
    if not rows:
        raise NotFound("there is no such resource")
    wanted = Wanted(patient=_INT8.unpack(rows[0][0])[0], refused=False)
    return await answer(server, given, wanted, f"Patient/{id}/$access-report", own=True)
