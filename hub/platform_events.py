"""The platform's events as CloudEvents 1.0: which version gives which, and what is told. https://cloudevents.io

What is told is the versioned reference alone; whoever wants more reads it, with a token. docs/events/ has the schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import orjson

from fhir_server.events.event import Event
from fhir_server.events.waiting import Change
from fhir_server.fhirpath import Expression, compile_expression
from fhir_server.version import instant

CONTENT_TYPE = "application/cloudevents+json"
SCHEMA = "urn:fhir-hub:events:{}"


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """When an event of the platform comes about."""

    type: str
    resource_type: str
    interactions: tuple[str, ...]
    condition: str
    """FHIRPath, of the version; true: the event has come about."""
    version: int = 1
    """Of its schema: docs/events/{type}.v{version}.json"""

    @property
    def schema(self) -> str:
        """The URI by which the schema is known."""
        return SCHEMA.format(f"{self.type}:v{self.version}")


PLATFORM_EVENTS: tuple[PlatformEvent, ...] = (
    PlatformEvent("user.registered", "Patient", ("create",), "active.empty() or active"),
    PlatformEvent("conversation.started", "Task", ("create",), "code.coding.exists(code = 'conversation')"),
    # Of the rules that judge symptoms; a nurse's change of it has a parent.
    PlatformEvent(
        "ai.symptom.analyzed", "RiskAssessment", ("create",),
        "basis.exists(reference.contains('QuestionnaireResponse/')) and parent.empty()",
    ),
    PlatformEvent("auth.requested", "Claim", ("create",), "use = 'preauthorization' and status = 'active'"),
    # Of a model that gives probabilities.
    PlatformEvent("risk.calculated", "RiskAssessment", ("create",), "prediction.probability.exists()"),
)  # fmt: skip


def told(change: Change, source: str) -> Iterator[tuple[str, str, bytes]]:
    """Type, id and JSON of each event that a version gives. source: of all of them, the FHIR base URL."""
    for one in PLATFORM_EVENTS:
        if one.resource_type != change.type or change.event.interaction not in one.interactions:
            continue
        if change.resource is not None and _condition(one.condition).holds(change.resource):
            yield one.type, _id(one, change.event), cloud_event(one, change.event, source)


def cloud_event(kind: PlatformEvent, event: Event, source: str) -> bytes:
    """The event in the JSON format. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md"""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": _id(kind, event),
            "source": source,
            "type": kind.type,
            "subject": event.reference,
            "time": instant(event.since),
            "datacontenttype": "application/json",
            "dataschema": kind.schema,
            "data": {"reference": event.reference, "interaction": event.interaction},
        }
    )


@cache
def _condition(text: str) -> Expression:
    return compile_expression(text)


def _id(kind: PlatformEvent, event: Event) -> str:
    """Of one version there may be several events."""
    return f"{kind.type}/{event.sequence}"
