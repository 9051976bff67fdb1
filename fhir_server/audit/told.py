"""What patients are told of an event: who it was and as what, what for, and which kinds of resources it was about.

https://hl7.org/fhir/R4/auditevent.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.access.policies import Policies
from fhir_server.audit.event import Event

ROLES = "urn:fhir-hub:CodeSystem:role"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who acts."""

    name: str
    roles: tuple[str, ...]
    own: str | None
    """Their own resource, "Patient/1"."""


@dataclass(frozen=True, slots=True)
class Agents:
    """Those who act, as far as they are known."""

    people: Mapping[str, Agent]
    """By subject."""
    clients: Mapping[str, str]
    """Id -> name."""


Known = Callable[[Sequence[str], Sequence[str]], Awaitable[Agents]]
"""(subjects, ids of clients) -> who they are."""


async def nobody(subjects: Sequence[str], clients: Sequence[str]) -> Agents:
    """Where there are no people, of none anything is known."""
    return Agents({}, {})


def told(
    resource: dict[str, Any], event: Event, agents: Agents, kinds: Iterable[str], policies: Policies
) -> dict[str, Any]:
    """The AuditEvent with what a patient understands of it. kinds: types of what was shown or written."""
    person, *apps = resource["agent"]
    if found := agents.people.get(event.subject):
        person = {**person, "name": found.name}
        person["role"] = [{"coding": [{"system": ROLES, "code": role} for role in found.roles]}]
        if found.own is not None:
            person["who"] = {**person["who"], "reference": found.own}
        if not event.purpose and (purposes := _purposes(found.roles, policies)):
            person["purposeOfUse"] = [{"coding": [{"system": _REASON, "code": code}]} for code in purposes]
    apps = [{**app, "name": agents.clients.get(event.client, event.client)} for app in apps]
    entities = resource.get("entity", [])
    details = [{"type": "kind", "valueString": kind} for kind in kinds]
    if entities and details:
        entities = [{**entities[0], "detail": details}, *entities[1:]]
    return {**resource, "agent": [person, *apps], **({"entity": entities} if entities else {})}


def kinds_of(event: Event, names: Mapping[int, tuple[str, str]]) -> list[str]:
    """Types of what an event showed or wrote; that which was asked for where it showed nothing that is still there."""
    found = {names[rid][0] for rid, _ in event.touched() if rid in names}
    return sorted(found) or ([event.type] if event.type else [])


def _purposes(roles: Sequence[str], policies: Policies) -> list[str]:
    """What the roles see records for."""
    return list(dict.fromkeys(purpose for row in policies.of(roles) for purpose in row.purposes))
