"""A Subscription resource as what it asks for: R4 criteria, or the topic of the R5 backport with filters.

https://hl7.org/fhir/R4/subscription.html https://hl7.org/fhir/uv/subscriptions-backport/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.instant import period
from fhir_server.outcome import FhirError
from fhir_server.receive import pairs
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.criteria import Criterion
from fhir_server.search.query import parse_query
from fhir_server.search.rows import hash64
from fhir_server.subscriptions.topics import topic_at
from mappings.r4 import serialize

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
CONTENTS = ("empty", "id-only", "full-resource")
REST_HOOK, WEBSOCKET = "rest-hook", "websocket"
JSON_TYPES = frozenset({"application/fhir+json", "application/json"})

TIMEOUT, MOST_SECONDS = 10.0, 60.0
"""Seconds an endpoint has to answer, unless the subscription says otherwise; and at most."""
COUNT, MOST_COUNT = 20, 100
"""Events in one notification, likewise."""
LEAST_HEARTBEAT = 1

_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~\-]{1,100}): ?([\t\x20-\x7e\x80-\xff]{0,8000})")
_OURS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)


class Unusable(Exception):
    """The Subscription cannot be carried out; the text says why and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Changes of a type that meet all criteria."""

    resource_type: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A Subscription that can be carried out."""

    rid: int
    id: str
    status: str
    channel: str
    """REST_HOOK or WEBSOCKET."""
    topic: str | None
    """Canonical of the topic; None: criteria as R4 has them."""
    filters: tuple[Filter, ...]
    """Of one type all must hold; types without any are of no concern, unless there are none at all."""
    endpoint: str
    """Empty: clients come here, by websocket."""
    headers: tuple[tuple[str, str], ...]
    content: str
    """CONTENTS; with R4 criteria full-resource (there is a payload) or empty."""
    heartbeat: int | None
    """Seconds."""
    timeout: float
    most: int
    """Events in one notification."""
    end: int | None
    """Microseconds since 1970 UTC."""
    key: int
    """Changes with whatever the endpoint has to agree to anew."""

    def types(self) -> frozenset[str]:
        """Resource types of concern."""
        return frozenset(one.resource_type for one in self.filters) or frozenset(RESOURCE_TYPES)


def wanted(resource: dict[str, Any] | None) -> bool:
    """Whether the Subscription is to be carried out: neither deleted nor off."""
    return resource is not None and resource.get("status") != "off"


def definition(resource: dict[str, Any], rid: int, base: str) -> Definition:
    """What a stored Subscription asks for. `base`: own FHIR base URL. Raises Unusable."""
    channel = resource["channel"]
    kind = channel["type"]
    if kind not in (REST_HOOK, WEBSOCKET) or _other_channel(channel, kind):
        raise Unusable(f"only channels of type {REST_HOOK} and {WEBSOCKET} are served here")
    socket = kind == WEBSOCKET
    criteria = resource["criteria"]
    topic = criteria if ":" in criteria.partition("?")[0] else None
    if topic is None:
        filters: tuple[Filter, ...] = (_filter(criteria),)
        content = "full-resource" if "payload" in channel and not socket else "empty"
    else:
        if topic_at(topic, base) is None:
            raise Unusable("there is no such topic here; the CapabilityStatement lists those there are")
        found = _extensions(resource.get("_criteria"), "filter-criteria")
        filters = tuple(_filter(value) for value in found)
        content = next(_extensions(channel.get("_payload"), "payload-content"), "empty")
        if content not in CONTENTS:
            raise Unusable(f"the payload content is one of {', '.join(CONTENTS)}")
    if channel.get("payload", "application/fhir+json").partition(";")[0].strip() not in JSON_TYPES:
        raise Unusable("the payload is application/fhir+json or nothing")
    if not socket and not channel.get("endpoint"):
        raise Unusable("a rest-hook needs an endpoint")
    heartbeat = next(_extensions(channel, "heartbeat-period"), None) if topic else None
    end = resource.get("end")
    return Definition(
        rid,
        resource["id"],
        resource["status"],
        kind,
        topic,
        filters,
        "" if socket else channel["endpoint"],
        () if socket else tuple(_header(one) for one in channel.get("header", ())),
        content,
        max(LEAST_HEARTBEAT, int(heartbeat)) if heartbeat else None,
        min(float(next(_extensions(channel, "timeout"), TIMEOUT)) or TIMEOUT, MOST_SECONDS),
        min(int(next(_extensions(channel, "max-count"), COUNT)), MOST_COUNT),
        period(end)[0] if end else None,
        hash64(serialize([criteria, resource.get("_criteria"), channel]).decode()),
    )


def _extensions(element: Any, name: str) -> Iterator[Any]:
    """Values of the backport's extensions of that name."""
    for extension in (element or {}).get("extension", ()):
        if extension.get("url") == BACKPORT + name:
            yield from (value for key, value in extension.items() if key.startswith("value"))


def _other_channel(channel: dict[str, Any], kind: str) -> bool:
    """Whether the backport's own element for custom channels asks for another one."""
    return any(coding.get("code") != kind for coding in _extensions(channel.get("_type"), "channel-type"))


def _filter(text: str) -> Filter:
    resource_type, _, query = text.partition("?")
    if resource_type not in TYPE_ID:
        raise Unusable("criteria begin with a resource type: Observation?code=...")
    try:
        return Filter(resource_type, parse_query(resource_type, pairs(query)).criteria)
    except FhirError as error:
        raise Unusable(f"the criteria cannot be searched by: {error}") from None


def _header(line: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise Unusable("a header is written Name: value")
    if match[1].lower() in _OURS:
        raise Unusable("a header names what the transfer itself decides")
    return match[1], match[2]
