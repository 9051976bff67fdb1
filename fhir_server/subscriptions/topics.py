"""The topics one may subscribe to. https://hl7.org/fhir/uv/subscriptions-backport/components.html#subscription-topics

R4 has no SubscriptionTopic resource: they are listed in the CapabilityStatement.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of event."""

    code: str
    """The end of its canonical URL."""
    words: str


TOPICS: tuple[Topic, ...] = (
    Topic(
        "resource-change",
        "A resource was created, updated or deleted. Filters: Type?search parameters, as in a search; of a deleted"
        " resource they are held against its last version.",
    ),
)

LISTED = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
)
"""Extension of rest.resource that names a topic."""


def canonical(topic: Topic, base: str) -> str:
    """Its canonical URL on this server."""
    return f"{base}/SubscriptionTopic/{topic.code}"


def topic_at(url: str, base: str) -> Topic | None:
    """The topic of a canonical URL."""
    return next((topic for topic in TOPICS if canonical(topic, base) == url), None)
