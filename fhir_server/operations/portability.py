"""$portability: a job that writes down a person's own record, for them to take along. Ours; R4 has none.

LGPD, art. 18, V. It goes on as a bulk export does: https://hl7.org/fhir/uv/bulkdata/export.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_server import jobs
from fhir_server.audit.trail import saw
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import simple
from fhir_server.outcome import Issue, operation_outcome
from fhir_server.privacy.portability import order, standing
from fhir_server.privacy.subject import spoken_for
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def portability(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """202 with the URL of the job's status; that of one under way already, if there is one.

    Its files hold what the token lets be seen, and a summary in words. Raises Forbidden, NotFound, Invalid,
    TooManyJobs, TooManyRequests.
    """
    assert id is not None  # the table of operations has it for instances only
    simple(request, ())
    rid, _ = await spoken_for(server, request.access, id, "Patient.rs")
    job = await standing(server, request.access, id)
    if job is None:
        job = jobs.new_job_id()
        url = "/".join((server.base, *request.path))
        await jobs.create(server.store, jobs.PORTABILITY, url, order(id), request.access, server.now(), job)
    saw([rid])
    started = Issue("informational", "under way; Content-Location tells how it goes", severity="information")
    return FhirResponse(202, serialize(operation_outcome([started])), location=f"_jobs/{job}")
