"""Which patients a person may choose for an app: their own, their children's, or those their policies let them see.

The record is asked as that person, through the FHIR API's own wall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from smart_auth.access_token import Site
from smart_auth.people import Person
from smart_auth.references import ID
from smart_auth.scopes import Access, Scope

Search = Callable[[Access, str, Sequence[tuple[str, str]]], list[dict[str, Any]]]
"""(who asks, type, parameters) -> the resources found; empty where it may not ask."""
MOST = 20
"""Patients shown at once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One patient, as the person sees them."""

    id: str
    name: str
    born: str


def fhir_user(person: Person, site: Site) -> str | None:
    """URL of the person's own resource."""
    return f"{site.fhir_base}/{person.fhir_user}" if person.fhir_user else None


def access(person: Person, site: Site, client_id: str, scope: Scope, patient: str | None = None) -> Access:
    return Access(
        person.subject, unrestricted=False, client=client_id, scopes=(scope,), patient=patient,
        fhir_user=fhir_user(person, site), roles=person.roles_about(patient), organization=person.organization,
    )  # fmt: skip


def own(search: Search, person: Person, site: Site, client_id: str) -> list[Choice]:
    """Those for whom the person acts."""
    return [one for id in person.patients for one in _one(search, person, site, client_id, "patient", id)]


def _one(search: Search, person: Person, site: Site, client_id: str, level: str, id: str) -> list[Choice]:
    """The patient of this id, if a scope of this level lets the person see them."""
    asks = access(person, site, client_id, Scope(level, "Patient", "rs"), id if level == "patient" else None)
    return [_choice(one) for one in search(asks, "Patient", [("_id", id)])]


def seen(search: Search, person: Person, site: Site, client_id: str, name: str) -> list[Choice]:
    """Patients of this name that a member of staff may see."""
    if not person.staff or not name.strip():
        return []
    asks = access(person, site, client_id, Scope("user", "Patient", "rs"))
    asked = [("name", _escaped(name)), ("_sort", "name"), ("_count", str(MOST))]
    return [_choice(one) for one in search(asks, "Patient", asked)]


def offered(search: Search, person: Person, site: Site, client_id: str, name: str) -> list[Choice]:
    """All that are shown to choose from: their own, then those of this name."""
    found = own(search, person, site, client_id)
    return found + [one for one in seen(search, person, site, client_id, name) if one not in found]


def may_choose(search: Search, person: Person, site: Site, client_id: str, patient: str) -> Choice | None:
    """The patient, if the person may choose this one."""
    theirs = patient in person.patients
    if not theirs and not (person.staff and ID.fullmatch(patient)):
        return None
    found = _one(search, person, site, client_id, "patient" if theirs else "user", patient)
    return found[0] if found else None


def _escaped(value: str) -> str:
    """As one value of a search parameter: https://hl7.org/fhir/R4/search.html#escaping"""
    return "".join(f"\\{one}" if one in "\\,$|" else one for one in value)


def _choice(patient: dict[str, Any]) -> Choice:
    names = patient.get("name") or [{}]
    name = next((one for one in names if one.get("use") == "official"), names[0])
    text = name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip()
    return Choice(patient["id"], text or patient["id"], patient.get("birthDate", ""))
