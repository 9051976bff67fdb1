"""Which encounters of a patient a person may choose for an app, asked of the record as that person.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smart_auth.access_token import Site
from smart_auth.patient_choice import MOST, Search, access
from smart_auth.people import Person
from smart_auth.references import ID
from smart_auth.scopes import Access, Scope


@dataclass(frozen=True, slots=True)
class Encounter:
    """One encounter, as the person sees it."""

    id: str
    name: str
    day: str


def _access(person: Person, site: Site, client_id: str, patient: str) -> Access:
    return access(person, site, client_id, Scope("user" if person.staff else "patient", "Encounter", "rs"), patient)


def offered(search: Search, person: Person, site: Site, client_id: str, patient: str) -> list[Encounter]:
    """The latest that they may see, latest first."""
    asked = [("patient", f"Patient/{patient}"), ("_sort", "-date"), ("_count", str(MOST))]
    return [_choice(one) for one in search(_access(person, site, client_id, patient), "Encounter", asked)]


def may_choose(search: Search, person: Person, site: Site, client_id: str, encounter: str, patient: str) -> bool:
    """Whether the encounter is the patient's, and the person may see it."""
    asked = [("_id", encounter), ("patient", f"Patient/{patient}")]
    return bool(ID.fullmatch(encounter) and search(_access(person, site, client_id, patient), "Encounter", asked))


def _choice(encounter: dict[str, Any]) -> Encounter:
    """Named by its type, else by its class."""
    said = [*encounter.get("type", ()), {"coding": [encounter.get("class", {})]}]
    words = (
        text for one in said for text in (one.get("text"), *(code.get("display") for code in one.get("coding", ())))
    )
    name = next((text for text in words if text), encounter.get("class", {}).get("code", ""))
    return Encounter(encounter["id"], name or encounter["id"], encounter.get("period", {}).get("start", "")[:10])
