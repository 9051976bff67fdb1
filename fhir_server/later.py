"""Requests answered later: `Prefer: respond-async` makes a job of a long reading. https://hl7.org/fhir/R4/async.html

Only of what reads, for a job that was broken off is begun again. Elsewhere the preference is ignored, as RFC 7240 has
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fhir_server import jobs
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import Issue, operation_outcome
from fhir_server.prefer import prefer
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server
    from fhir_server.routes import Routed

LATER = frozenset({"search-type", "search-system", "search-compartment", "$everything"})
"""Interactions whose answer is a Bundle of resources, in pages."""


def asked(request: FhirRequest, routed: Routed) -> bool:
    """Whether the client would rather come back for the answer, and may."""
    return routed.interaction in LATER and request.method != "HEAD" and prefer(request.headers).later


async def kick_off(server: Server, request: FhirRequest) -> FhirResponse:
    """202 with the URL of the job's status. Raises TooManyJobs."""
    url = "/".join((server.base, *request.path)) + (f"?{urlencode(request.query)}" if request.query else "")
    job = jobs.new_job_id()
    await jobs.create(server.store, jobs.ANSWER, url, order(request), request.access, server.now(), job)
    started = Issue("informational", "under way; Content-Location tells how it goes", severity="information")
    return FhirResponse(
        202,
        serialize(operation_outcome([started])),
        location=f"_jobs/{job}",
        headers={"Preference-Applied": "respond-async"},
    )


def order(request: FhirRequest) -> dict[str, Any]:
    """The request as a job keeps it."""
    return {
        "method": request.method,
        "path": list(request.path),
        "query": [list(pair) for pair in request.query],
        "headers": {name: request.headers[name] for name in ("content-type", "prefer") if name in request.headers},
        "body": request.body.decode("utf-8", "replace") if request.body else None,
    }
