"""Status, result, cancellation and files of a job. https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-status-request"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_server import jobs
from fhir_server.access.interactions import readable
from fhir_server.audit.trail import saw
from fhir_server.bulk.order import OUTPUT
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.formats import FHIR_JSON
from fhir_server.instant import SECOND, http_date
from fhir_server.outcome import Issue, NotFound, operation_outcome
from fhir_server.privacy.portability import may_fetch
from fhir_server.resource_types import TYPE_ID
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

_FILE = re.compile(r"([A-Za-z]{1,64})\.[0-9]{1,6}\.(ndjson|parquet|txt)")
_TYPES = {**OUTPUT, "txt": "text/plain; charset=utf-8"}


async def status(server: Server, request: FhirRequest, id: str) -> FhirResponse:
    """202 while it goes on, then 200 with what came of it, or the status of its failure. Raises NotFound, TooOften."""
    server.polls.count(id, server.now())
    job = await _job(server, request, id)
    if job.state == jobs.DONE:
        headers = {"Expires": http_date((job.expires or 0) // SECOND)}
        kind = FHIR_JSON if "resourceType" in (job.result or {}) else "application/json"
        return FhirResponse(200, serialize(job.result), content_type=kind, headers=headers)
    if job.state == jobs.FAILED:
        return FhirResponse(500, serialize(job.result))
    waited = (server.now() - job.created) // SECOND
    headers = {"X-Progress": progress(job), "Retry-After": str(min(max(waited // 4, 1), 30))}
    return FhirResponse(202, headers=headers)


def progress(job: jobs.Job) -> str:
    """How far a job is, in words: at most 100 characters."""
    if job.state == jobs.WAITING:
        return "waiting for its turn"
    if not job.total:
        return "begun"
    return f"{min(100 * job.done // job.total, 99)}%: {job.done} of about {job.total} resources"


async def cancel(server: Server, request: FhirRequest, id: str) -> FhirResponse:
    """202: the job ends and its files go. Raises NotFound."""
    await _job(server, request, id)
    await jobs.cancel(server.store, request.access, id)
    done = Issue("informational", "the job and its files are removed", severity="information")
    return FhirResponse(202, serialize(operation_outcome([done])))


async def file(server: Server, request: FhirRequest, id: str, name: str) -> FhirResponse:
    """One file of a finished job. Raises NotFound."""
    job = await _job(server, request, id)
    path, fits = server.settings.bulk_files / id / name, _FILE.fullmatch(name)
    if job.state != jobs.DONE or fits is None or not path.is_file() or not _open(request, fits[1]):
        raise NotFound("there is no such file, or not any more")
    headers = {"Content-Disposition": "attachment"} if fits[2] == "txt" else {}
    return FhirResponse(200, content_type=_TYPES[fits[2]], file=path, headers=headers)


def _open(request: FhirRequest, name: str) -> bool:
    """Whether resources of a file's type may still be read; other files tell of errors and of what was deleted."""
    return name not in TYPE_ID or readable(request.access, name)


async def _job(server: Server, request: FhirRequest, id: str) -> jobs.Job:
    job = await jobs.find(server.store, request.access, id)
    if job is None or (job.expires is not None and job.expires <= server.now()):
        raise NotFound("there is no such job, or not any more")
    if job.kind == jobs.PORTABILITY:
        saw([await may_fetch(server, request.access, job)])
    return job
