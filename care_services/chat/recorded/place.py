"""Where a turn happens, and what its resources have in common: whose they are, and that each is made once. Pure.

People are named by their identity on the channel; by their Patient besides, once they proved who they are.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from care_services.triage.rule_set import RuleSet
from mappings.identifiers import Systems, coding, concept

Json = Any

AIAST = coding("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "AIAST")
"""Label of what a model took part in."""
_NAMESPACE = UUID("6f3f3e0c-7a53-4a0e-9d43-3c1d6f0c5a11")
_OTHERS = {"child": "uma criança", "other": "outra pessoa"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn happens."""

    task: Json
    """The conversation's."""
    event: str
    """What the turn answers: id of the member's Communication, or of a silence. Each resource is made once for it."""
    message: str
    """Reference of the Communication that the member wrote last."""
    systems: Systems
    rules: RuleSet
    now: datetime
    device: str
    """Reference of the service's own Device."""
    earlier: tuple[str, ...] = ()
    """Ids of Communications that are one thought with it."""
    whom: str | None = None
    """Reference of the dependant it is about, if it is one."""

    @property
    def member(self) -> Json:
        """Whoever writes."""
        return self.task["for"]

    def subject(self, about: str | None) -> Json:
        """Whom it is about: whoever writes, or somebody whom their identity on the channel stands for, who is no more
        than that unless it is a dependant. about: as in the interview."""
        if about not in _OTHERS:
            return self.member
        named = {name: value for name, value in self.member.items() if name != "reference"}
        whose = {"reference": self.whom} if self.whom else {}
        return {**whose, **named, "display": f"{_OTHERS[about]}, por quem escreve"}

    def identified(self, patient: str | None, whom: str | None) -> Place:
        """The same, where who writes has proved to be a Patient; None: they have not."""
        member = {name: value for name, value in self.member.items() if name != "reference"}
        named = {"reference": patient, **member} if patient else member
        return replace(self, task={**self.task, "for": named}, whom=whom if patient else None)

    @property
    def number(self) -> Json:
        """The business number that was written to."""
        value = self.task["identifier"][0]["value"].partition(":")[0]
        return {"identifier": {"system": self.systems.sid("whatsapp/numero"), "value": value}}


def once(resource: Json, place: Place, what: str) -> Json:
    """The entry that creates it once for the event, whoever tries again."""
    system, value = place.systems.sid("conversa-efeito"), f"{place.event}.{what}"
    own = {"system": system, "value": value}
    one = resource["resourceType"] == "QuestionnaireResponse"  # the only one of them that has one identifier at most
    return created({**resource, "identifier": own if one else [*resource.get("identifier", ()), own]}, system, value)


def created(resource: Json, system: str, value: str) -> Json:
    """The entry that creates what has this identifier, unless it is there."""
    request = {"method": "POST", "url": resource["resourceType"], "ifNoneExist": f"identifier={system}|{value}"}
    return {"fullUrl": _urn(f"{system}|{value}"), "resource": resource, "request": request}


def posted(resource: Json, place: Place) -> Json:
    """The entry that creates what has no identifiers: the If-Match of the conversation alone makes it once."""
    kind = resource["resourceType"]
    return {"fullUrl": _urn(f"{place.event}.{kind}"), "resource": resource, "request": {"method": "POST", "url": kind}}


def added(reference: str, what: Iterable[tuple[str, Json]]) -> Json:
    """The entry that adds to what is there, whoever changes it meanwhile. what: elements, "input/-" for one more of
    many, and their values."""
    steps = [{"op": "add", "path": f"/{element}", "value": value} for element, value in what]
    data = b64encode(json.dumps(steps).encode()).decode()
    patch = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    return {"resource": patch, "request": {"method": "PATCH", "url": reference}}


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(_NAMESPACE, name)}"


def link(entry: Json) -> Json:
    """A Reference to what another entry of the transaction creates."""
    return {"reference": entry["fullUrl"]}


def level(name: str, systems: Systems) -> Json:
    """A level of urgency as CodeableConcept."""
    return concept(coding(systems.codes("urgencia"), name))


def instant(moment: datetime) -> str:
    """A moment, as FHIR writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
