"""Notifications as the R5 backport has them in R4: a history Bundle that begins with a Parameters of the status.

https://hl7.org/fhir/uv/subscriptions-backport/notifications.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fhir_server.version import instant
from mappings.r4 import Json, parse, serialize

PROFILE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-"
STATUS_OF = {"POST": "201", "PUT": "200", "PATCH": "200", "DELETE": "204"}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription, with what may be told of it."""

    number: int
    rid: int
    type: str
    id: str
    method: str
    happened: int
    """Microseconds since 1970 UTC."""
    body: bytes | None
    """The version's content; None: deleted, or not asked for."""


@dataclass(frozen=True, slots=True)
class About:
    """The subscription a notification is about."""

    base: str
    id: str
    topic: str | None
    status: str
    events: int
    """Counted since it began."""
    error: str | None = None


def status(about: About, kind: str, events: Sequence[Event] = (), content: str = "id-only") -> dict[str, Json]:
    """The status as Parameters. kind: handshake, heartbeat, event-notification, query-status, query-event."""
    parameter: list[dict[str, Json]] = [
        {"name": "subscription", "valueReference": {"reference": f"{about.base}/Subscription/{about.id}"}},
        *([{"name": "topic", "valueCanonical": about.topic}] if about.topic else []),
        {"name": "status", "valueCode": about.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(about.events)},
        *({"name": "notification-event", "part": _event(about.base, one, content)} for one in events),
        *([{"name": "error", "valueCodeableConcept": {"text": about.error}}] if about.error else []),
    ]
    return {
        "resourceType": "Parameters",
        "id": str(uuid4()),
        "meta": {"profile": [f"{PROFILE}status-r4"]},
        "parameter": parameter,
    }


def _event(base: str, event: Event, content: str) -> list[dict[str, Json]]:
    parts: list[dict[str, Json]] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": instant(event.happened)},
    ]
    if content != "empty":
        parts.append({"name": "focus", "valueReference": {"reference": f"{base}/{event.type}/{event.id}"}})
    return parts


def notification(about: About, kind: str, now: int, events: Sequence[Event] = (), content: str = "id-only") -> bytes:
    """The Bundle. With content full-resource the versions are in it, with id-only their URLs, with empty neither."""
    told = status(about, kind, events, content)
    asked = {"method": "GET", "url": f"{about.base}/Subscription/{about.id}/$status"}
    entries: list[dict[str, Any]] = [
        {"fullUrl": f"urn:uuid:{told['id']}", "resource": told, "request": asked, "response": {"status": "200"}}
    ]
    if content != "empty":
        entries += [_entry(about.base, event, content) for event in events]
    return serialize(
        {
            "resourceType": "Bundle",
            "id": str(uuid4()),
            "meta": {"profile": [f"{PROFILE}notification-r4"]},
            "type": "history",
            "timestamp": instant(now),
            "entry": entries,
        }
    )


def _entry(base: str, event: Event, content: str) -> dict[str, Any]:
    url = event.type if event.method == "POST" else f"{event.type}/{event.id}"
    entry: dict[str, Any] = {"fullUrl": f"{base}/{event.type}/{event.id}"}
    if content == "full-resource" and event.body is not None:
        entry["resource"] = parse(event.body)
    return {**entry, "request": {"method": event.method, "url": url}, "response": {"status": STATUS_OF[event.method]}}
