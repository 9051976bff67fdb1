"""The table of operations; route and CapabilityStatement follow from it. https://hl7.org/fhir/R4/operations.html"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_server.bulk.import_kick_off import import_
from fhir_server.bulk.kick_off import export
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.access_report import access_report
from fhir_server.operations.break_glass import break_glass
from fhir_server.operations.browsers import browser_off, browser_on
from fhir_server.operations.consents import consent, consents
from fhir_server.operations.data_requests import data_requests, rectification
from fhir_server.operations.decide import decide
from fhir_server.operations.erasure import erasure, erasure_plan
from fhir_server.operations.everything import everything
from fhir_server.operations.expunge import expunge
from fhir_server.operations.lastn import lastn
from fhir_server.operations.meta import meta, meta_add, meta_delete
from fhir_server.operations.portability import portability
from fhir_server.operations.reindex import reindex
from fhir_server.operations.submit import submit
from fhir_server.operations.subscription_binding import subscription_binding
from fhir_server.operations.subscription_events import subscription_events
from fhir_server.operations.subscription_status import subscription_status
from fhir_server.operations.trail import trail
from fhir_server.operations.validate import validate
from fhir_server.operations.versions import versions

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

SYSTEM, TYPE, INSTANCE = "system", "type", "instance"

Call = Callable[["Server", FhirRequest, str | None, str | None], Awaitable[FhirResponse]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation."""

    code: str
    """Without the $."""
    definition: str
    """Canonical URL of its OperationDefinition."""
    levels: tuple[str, ...]
    """Where it is called: SYSTEM, TYPE, INSTANCE."""
    call: Call
    """(server, request, resource type or None, id or None) -> response"""
    permission: str
    """Letters of "cruds" of which it needs any on the type it is called on; "": none, it reads and writes nothing, or
    judges by itself."""
    types: tuple[str, ...] = ()
    """Resource types it works on; empty: all."""
    affects_state: bool = False
    """Then it is called by POST only."""
    setting: str | None = None
    """The switch in `dispatch.Settings` without which it is not there."""


_R4 = "http://hl7.org/fhir/OperationDefinition"
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-"
_OURS = "urn:fhir-hub:OperationDefinition"
_REINDEX = "urn:fhir-hub:OperationDefinition:reindex"
_BULK = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "access-report", "urn:fhir-hub:OperationDefinition:access-report", (INSTANCE,), access_report, "r", ("Patient",)
    ),
    Operation(
        "break-glass",
        "urn:fhir-hub:OperationDefinition:break-glass",
        (INSTANCE,),
        break_glass,
        "r",
        ("Patient",),
        affects_state=True,
    ),
    Operation("browser-off", f"{_OURS}:browser-off", (INSTANCE,), browser_off, "r", ("Patient",), affects_state=True),
    Operation("browser-on", f"{_OURS}:browser-on", (INSTANCE,), browser_on, "r", ("Patient",), affects_state=True),
    Operation("consent", f"{_OURS}:consent", (INSTANCE,), consent, "r", ("Patient",), affects_state=True),
    Operation("consents", f"{_OURS}:consents", (INSTANCE,), consents, "r", ("Patient",)),
    Operation("data-requests", f"{_OURS}:data-requests", (INSTANCE,), data_requests, "r", ("Patient",)),
    Operation("decide", f"{_OURS}:decide", (INSTANCE,), decide, "u", ("Task",), affects_state=True),
    Operation("erasure", f"{_OURS}:erasure", (INSTANCE,), erasure, "r", ("Patient",), affects_state=True),
    Operation("erasure-plan", f"{_OURS}:erasure-plan", (INSTANCE,), erasure_plan, "r", ("Patient",)),
    Operation("events", f"{_BACKPORT}events", (INSTANCE,), subscription_events, "r", types=("Subscription",)),
    Operation("everything", f"{_R4}/Encounter-everything", (INSTANCE,), everything, "rs", ("Encounter",)),
    Operation("everything", f"{_R4}/Patient-everything", (TYPE, INSTANCE), everything, "rs", ("Patient",)),
    Operation("export", f"{_BULK}/export", (SYSTEM,), export, ""),
    Operation("export", f"{_BULK}/patient-export", (TYPE,), export, "", types=("Patient",)),
    Operation("export", f"{_BULK}/group-export", (INSTANCE,), export, "", types=("Group",)),
    Operation(
        "expunge",
        "urn:fhir-hub:OperationDefinition:expunge",
        (SYSTEM, TYPE, INSTANCE),
        expunge,
        "d",
        affects_state=True,
        setting="expunge",
    ),
    Operation(
        "get-ws-binding-token",
        f"{_BACKPORT}get-ws-binding-token",
        (TYPE, INSTANCE),
        subscription_binding,
        "r",
        types=("Subscription",),
    ),
    Operation("import", "urn:fhir-hub:OperationDefinition:import", (SYSTEM,), import_, "", affects_state=True),
    Operation("lastn", f"{_R4}/Observation-lastn", (TYPE,), lastn, "s", ("Observation",)),
    Operation("meta", f"{_R4}/Resource-meta", (SYSTEM, TYPE, INSTANCE), meta, "rs"),
    Operation("meta-add", f"{_R4}/Resource-meta-add", (INSTANCE,), meta_add, "u", affects_state=True),
    Operation("meta-delete", f"{_R4}/Resource-meta-delete", (INSTANCE,), meta_delete, "u", affects_state=True),
    Operation("portability", f"{_OURS}:portability", (INSTANCE,), portability, "r", ("Patient",), affects_state=True),
    Operation(
        "rectification", f"{_OURS}:rectification", (INSTANCE,), rectification, "r", ("Patient",), affects_state=True
    ),
    Operation("reindex", _REINDEX, (SYSTEM, TYPE), reindex, "", affects_state=True),
    Operation("reindex", _REINDEX, (INSTANCE,), reindex, "", ("SearchParameter",), affects_state=True),
    Operation("status", f"{_BACKPORT}status", (TYPE, INSTANCE), subscription_status, "r", types=("Subscription",)),
    Operation("submit", f"{_R4}/Claim-submit", (TYPE,), submit, "cu", ("Claim",), affects_state=True, setting="payer"),
    Operation(
        "submit",
        f"{_R4}/CoverageEligibilityRequest-submit",
        (TYPE,),
        submit,
        "c",
        ("CoverageEligibilityRequest",),
        affects_state=True,
        setting="payer",
    ),
    Operation("trail", "urn:fhir-hub:OperationDefinition:trail", (TYPE,), trail, "s", ("AuditEvent",)),
    Operation("validate", f"{_R4}/Resource-validate", (TYPE, INSTANCE), validate, "cruds"),
    Operation("versions", f"{_R4}/CapabilityStatement-versions", (SYSTEM,), versions, ""),
)


_BY_CODE = {code: [one for one in OPERATIONS if one.code == code] for code in {one.code for one in OPERATIONS}}


def operation_at(code: str, level: str, resource_type: str | None) -> Operation | None:
    """The operation of that code at that level, if there is one."""
    for operation in _BY_CODE.get(code, ()):
        if level in operation.levels and (
            resource_type is None or not operation.types or resource_type in operation.types
        ):
            return operation
    return None
