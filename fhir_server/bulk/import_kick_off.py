"""$import: NDJSON, named in a manifest or sent along, into the record; puts a job in. docs/decisions/bulk-import.md"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

from fhir_server import jobs
from fhir_server.access.interactions import wide
from fhir_server.body import json_of, media_type, parsed
from fhir_server.bulk.order import FORMATS
from fhir_server.bulk.sources import check
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import FhirError, Forbidden, Invalid, Issue, operation_outcome
from fhir_server.parameters_allowed import only
from fhir_server.resource_types import TYPE_ID
from mappings.r4 import Json, serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

MOST_INPUTS = 10_000
UPLOAD = "upload.ndjson"


async def import_(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """202 with the URL of the job's status. Raises Invalid, Forbidden, TooManyJobs, UnsupportedMediaType."""
    only(request)
    if not wide(request.access, "cruds"):
        raise Forbidden("an import needs system/*.cruds")
    job, url = jobs.new_job_id(), "/".join((server.base, *request.path))
    if media_type(request.headers.get("content-type", ""))[0] in FORMATS:
        if not request.body:
            raise Invalid("a body is needed", code="required")
        folder = server.settings.bulk_files / job
        await asyncio.to_thread(folder.mkdir, parents=True)
        await asyncio.to_thread((folder / UPLOAD).write_bytes, request.body)
        order: dict[str, Any] = {"inputs": []}
    else:
        inputs = read_inputs(parsed(request.body or b"") if _plain(request) else json_of(request))
        for one in inputs:
            check(one["url"], server.settings.import_sources)
        order = {"inputs": inputs}
    try:
        await jobs.create(server.store, jobs.IMPORT, url, order, request.access, server.now(), job)
    except FhirError:
        await asyncio.to_thread(shutil.rmtree, server.settings.bulk_files / job, ignore_errors=True)
        raise
    begun = Issue(
        "informational", "the import is under way; Content-Location tells how it goes", severity="information"
    )
    return FhirResponse(202, serialize(operation_outcome([begun])), location=f"_jobs/{job}")


def _plain(request: FhirRequest) -> bool:
    return media_type(request.headers.get("content-type", ""))[0] == "application/json"


def read_inputs(body: Json) -> list[dict[str, str]]:
    """Type and URL of each file: of a Parameters resource, a manifest for imports, or that of an export.

    Raises Invalid.
    """
    if not isinstance(body, dict):
        raise Invalid("the body of $import is a Parameters resource or a manifest", code="structure")
    if body.get("resourceType") == "Parameters":
        given = [_flat(one.get("part")) for one in _objects(body, "parameter") if one.get("name") == "input"]
        format = _flat(body.get("parameter")).get("inputFormat", "application/fhir+ndjson")
    else:
        given = _objects(body, "input") or _objects(body, "output")
        format = body.get("inputFormat", "application/fhir+ndjson")
    if format not in FORMATS:
        raise Invalid("inputFormat: only application/fhir+ndjson is read here", code="not-supported")
    if not 0 < len(given) <= MOST_INPUTS:
        raise Invalid(f"an import has 1 to {MOST_INPUTS} inputs", code="required")
    found = []
    for one in given:
        if one.get("type") not in TYPE_ID or not isinstance(one.get("url"), str):
            raise Invalid("an input has a resource type and a URL", code="required")
        found.append({"type": str(one["type"]), "url": str(one["url"])})
    return found


def _objects(body: dict[str, Json], name: str) -> list[dict[str, Json]]:
    found = body.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _flat(parameters: Json) -> dict[str, Json]:
    """Values of parameters, or of parts, by name."""
    return {
        str(one.get("name")): value
        for one in (parameters if isinstance(parameters, list) else [])
        if isinstance(one, dict)
        for key, value in one.items()
        if key.startswith("value")
    }
