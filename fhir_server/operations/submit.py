"""$submit: a member's eligibility, or an authorization, asked of the plan.

https://hl7.org/fhir/R4/coverageeligibilityrequest-operation-submit.html, https://hl7.org/fhir/R4/claim-operation-submit.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fhir_server.access.interactions import held
from fhir_server.body import json_of
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import Invalid, NotFound, Unprocessable
from mappings.r4 import Json

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

ANSWERS = {"CoverageEligibilityRequest": "CoverageEligibilityResponse", "Claim": "ClaimResponse"}


async def submit(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """200 with the response of the plan; request and response are in the record then.

    A resource with identifiers is stored once, however often it is submitted; a Claim that says something else by now,
    as that it is cancelled, takes the place of what it was. Raises Invalid, Unprocessable, Forbidden, NotFound (there
    is nobody to ask), and Unavailable where nobody answers.
    """
    assert resource_type is not None  # the table of operations has it for types only
    if server.payer is None:
        raise NotFound("nobody answers for a plan here: $submit is switched off", code="not-supported")
    resource = given(request, resource_type)
    kind = ANSWERS[resource_type]
    held(request.access, "read", kind, ("r",))  # what is answered can be shown, or nothing is asked
    stored = await _stored(server, request, resource_type, resource)
    async with request.aside():
        if resource_type == "Claim":
            reference = await server.payer.authorization(stored)
        else:
            reference = await server.payer.eligibility(stored)
    return await _perform(server, request, "GET", tuple(reference.split("/")))


def given(request: FhirRequest, resource_type: str) -> Json:
    """The resource submitted: as body, or as the parameter `resource`. Raises Invalid, Unprocessable."""
    body = json_of(request)
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        parameters = body.get("parameter", [])
        named = [one for one in parameters if isinstance(one, dict) and one.get("name") == "resource"]
        if len(parameters) != 1 or len(named) != 1:
            raise Invalid("$submit takes one parameter, resource", code="structure", expression=("Parameters",))
        body = named[0].get("resource")
    if not isinstance(body, dict) or body.get("resourceType") != resource_type:
        raise Invalid(
            f"$submit takes a {resource_type}; one resource at a time, no Bundle", code="structure",
            expression=("resourceType",),
        )  # fmt: skip
    if resource_type == "Claim":
        if body.get("use") != "preauthorization":
            raise Unprocessable("only what is to be authorised is submitted here", code="not-supported",
                                expression=("Claim.use",))  # fmt: skip
        if not identifiers(body):
            raise Unprocessable("the number of the provider's guide is needed", code="required",
                                expression=("Claim.identifier",))  # fmt: skip
    return body


def identifiers(resource: Json) -> list[tuple[str, str]]:
    """Criteria that find the resource by all its identifiers that have a system."""
    listed = resource.get("identifier", [])
    return [
        ("identifier", f"{one['system']}|{_escaped(one['value'])}")
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and isinstance(one.get("system"), str) and isinstance(one.get("value"), str)
    ]


def _escaped(value: str) -> str:
    for one in ("\\", ",", "$", "|"):
        value = value.replace(one, f"\\{one}")
    return value


async def _stored(server: Server, request: FhirRequest, resource_type: str, resource: Json) -> bytes:
    """The resource as it is in the record, made or changed as whoever asks. Raises FhirError."""
    found = identifiers(resource)
    if resource_type == "Claim":
        answer = await _perform(server, request, "PUT", (resource_type,), resource, query=found)
    elif found:
        answer = await _perform(
            server, request, "POST", (resource_type,), resource, headers={"if-none-exist": urlencode(found)}
        )
    else:
        answer = await _perform(server, request, "POST", (resource_type,), resource)
    assert answer.body is not None  # it was asked for
    return answer.body


async def _perform(
    server: Server, request: FhirRequest, method: str, path: tuple[str, ...], resource: Json = None, *,
    query: list[tuple[str, str]] | None = None, headers: dict[str, str] | None = None,
) -> FhirResponse:  # fmt: skip
    from fhir_server.dispatch import perform  # which knows of all interactions, this one too

    sent = {"prefer": "return=representation", **(headers or {})}
    inner = FhirRequest(method, path, query or [], sent, request.access, resource=resource, base=request.base)
    return await perform(server, inner)
