"""$trail: the audit trail, for privacy officers. https://hl7.org/fhir/R4/auditevent.html"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from fhir_server.access.wall import wall_of
from fhir_server.audit.answer import PAGING, answer
from fhir_server.audit.find import Wanted
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import Given, simple
from fhir_server.outcome import Forbidden, Invalid
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Parameters
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

_INT8 = Struct(">q")
_NEVER = -1
"""No resource has this rid."""
TAKEN = ("patient", "entity", "agent", "client", "subtype", "outcome", *PAGING)


async def trail(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """A searchset of AuditEvents, newest first, for an access with the right to it. Raises Forbidden, Invalid.

    patient and entity are references, agent and client ids of who acted, subtype is an interaction, outcome success or
    failure.
    """
    if not may_search(request.access):
        raise Forbidden("the audit trail is for those who have the right to it")
    given = simple(request, TAKEN)
    entity = await _rid(server, given, "entity", None)
    wanted = Wanted(
        patient=await _rid(server, given, "patient", "Patient"),
        resources=None if entity is None else frozenset({entity}),
        subject=given.get("agent", [None])[0],
        client=given.get("client", [None])[0],
        interaction=given.get("subtype", [None])[0],
        refused=_refused(given),
    )
    return await answer(server, given, wanted, "AuditEvent/$trail")


def may_search(access: Access) -> bool:
    """Whether the trail is open. It tells of everybody: whoever sees but part of the AuditEvents sees nothing of it."""
    wall = wall_of(access.using("s"))
    whole = [part for part in wall.parts if not (part.inside or part.condition or part.relation)]
    return "AuditEvent" in wall.open or any("AuditEvent" in part.types for part in whole)


def _refused(given: Given) -> bool | None:
    if "outcome" not in given:
        return None
    [value] = given["outcome"]
    if value not in ("success", "failure"):
        raise Invalid("outcome is success or failure", code="value")
    return value == "failure"


async def _rid(server: Server, given: Given, name: str, only: str | None) -> int | None:
    """rid of the resource that a parameter names, deleted ones too."""
    if name not in given:
        return None
    kind, _, id = given[name][0].rpartition("/")
    kind = kind or only or ""
    if kind not in TYPE_ID or only not in (None, kind):
        raise Invalid(f"{name} is a reference such as {only or 'Observation'}/1", code="value")
    parameters = Parameters()
    where = f"type_id = {TYPE_ID[kind]} and fhir_id = {parameters.add(id, 'text')}"
    rows = await server.store.select(parameters.statement(f"select rid from resource where {where}", generic=True))
    return _INT8.unpack(rows[0][0])[0] if rows else _NEVER
