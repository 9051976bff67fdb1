"""An event as an AuditEvent. https://hl7.org/fhir/R4/auditevent.html"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from fhir_server.audit.event import Event
from fhir_server.encryption.keys import CannotOpen
from fhir_server.encryption.texts import shown
from fhir_server.version import instant

_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://hl7.org/fhir/restful-interaction"
_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
_ENTITIES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
SUBJECTS = "urn:fhir-hub:subject"
"""System of the ids of people and services that act."""
CLIENTS = "urn:fhir-hub:client"

_ACTIONS: Mapping[str, str] = {"POST": "C", "PUT": "U", "PATCH": "U", "DELETE": "D"}
_REST_CODES = frozenset(
    (
        "read", "vread", "update", "patch", "delete", "history", "history-instance", "history-type", "history-system",
        "create", "search", "search-type", "search-system", "capabilities", "transaction", "batch", "operation",
    )
)  # fmt: skip

_SECURITY = (
    ("110114", "User Authentication", ("sign-in", "sign-out", "second-factor")),
    ("110137", "User Security Attributes Changed", ("factor-added", "grant", "revocation", "person-changed")),
    ("110136", "Security Roles Changed", ("policy-changed",)),
    ("110129", "Security Configuration", ("client-changed", "keys-changed", "administration")),
    ("110113", "Security Alert", ("code-reused", "refresh-reused")),
)
"""What happens at the authorization server: https://hl7.org/fhir/R4/valueset-audit-event-type.html"""

Names = Mapping[int, tuple[str, str]]
"""rid -> type and id; rids that are gone for good are not in it."""


def audit_event(number: int, event: Event, names: Names) -> dict[str, Any]:
    """The AuditEvent of an event, by its number."""
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(number),
        "type": _type(event.interaction),
        "subtype": [_subtype(event.interaction)],
        "action": _action(event),
        "recorded": instant(event.at),
        "outcome": "0" if event.status < 400 else "4" if event.status < 500 else "8",
        "agent": [_person(event)],
        "source": {"observer": {"display": "hub"}},
    }
    if event.client:
        resource["agent"].append(
            {
                "type": {"coding": [{"system": _DICOM, "code": "110150", "display": "Application"}]},
                "who": {"identifier": {"system": CLIENTS, "value": event.client}},
                "requestor": False,
            }
        )
    if entities := [*_query(event), *_resources(event, names)]:
        resource["entity"] = entities
    return resource


def _type(interaction: str) -> dict[str, str]:
    for code, display, interactions in _SECURITY:
        if interaction in interactions:
            return {"system": _DICOM, "code": code, "display": display}
    return {"system": _TYPES, "code": "rest", "display": "RESTful Operation"}


def _subtype(interaction: str) -> dict[str, str]:
    return {"system": _REST, "code": interaction} if interaction in _REST_CODES else {"display": interaction}


def _action(event: Event) -> str:
    methods = {_ACTIONS[method] for _, _, method in event.written}
    if len(methods) == 1:
        return methods.pop()
    if methods or event.interaction in ("transaction", "batch", "operation") or event.type == "":
        return "E"
    return {"create": "C", "update": "U", "patch": "U", "delete": "D"}.get(event.interaction, "R")


def _person(event: Event) -> dict[str, Any]:
    agent: dict[str, Any] = {
        "type": {"coding": [{"system": _PARTICIPATION, "code": "IRCP", "display": "information recipient"}]},
        "who": {"identifier": {"system": SUBJECTS, "value": event.subject}}
        if event.subject
        else {"display": "unknown"},
        "requestor": True,
    }
    if event.address:
        agent["network"] = {"address": event.address, "type": "2"}
    if event.purpose:
        system = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
        agent["purposeOfUse"] = [{"coding": [{"system": system, "code": event.purpose}]}]
    return agent


def _opened(event: Event) -> str:
    """What was asked, as far as keys that are here can tell."""
    try:
        return shown(event.query, f"query:{event.request_id}")
    except CannotOpen:
        return event.query


def _query(event: Event) -> list[dict[str, Any]]:
    if not (event.path or event.query or event.request_id):
        return []
    query = _opened(event)
    asked = f"{event.path}?{query}" if query else event.path
    entity: dict[str, Any] = {
        "type": {"system": _ENTITIES, "code": "2", "display": "System Object"},
        "role": {"system": _ROLES, "code": "24", "display": "Query"},
    }
    if asked:
        entity["query"] = base64.b64encode(asked.encode()).decode()
    if event.request_id:
        entity["what"] = {"identifier": {"system": "urn:fhir-hub:request", "value": event.request_id}}
    return [entity]


def _resources(event: Event, names: Names) -> list[dict[str, Any]]:
    found = []
    for rid, version in event.touched():
        name = names.get(rid)
        what = {"display": "removed for good"}
        if name:
            what = {"reference": f"{name[0]}/{name[1]}{f'/_history/{version}' if version else ''}"}
        found.append({"what": what, "role": {"system": _ROLES, "code": "4", "display": "Domain Resource"}})
    shown = {rid for rid, _ in event.touched()}
    for rid in event.patients:
        if rid not in shown and rid in names:
            patient = f"{names[rid][0]}/{names[rid][1]}"
            found.append(
                {"what": {"reference": patient}, "role": {"system": _ROLES, "code": "1", "display": "Patient"}}
            )
    return found
