"""What the app reads of a patient's record: a few searches side by side, each with its own fate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from apps.smart.reader import NotAllowed, Unavailable

Json = dict[str, Any]

PAGES = 5
"""Pages followed of one search: more is said to be more, not shown."""

READS: Mapping[str, str] = {
    "conditions": "Condition?patient={id}&_count=500",
    "allergies": "AllergyIntolerance?patient={id}&_count=500",
    "prescriptions": "MedicationRequest?patient={id}&_include=MedicationRequest:medication&_count=500",
    "statements": "MedicationStatement?patient={id}&_include=MedicationStatement:medication&_count=500",
    "observations": "Observation?patient={id}&category=vital-signs,laboratory&_count=1000",
    "encounters": "Encounter?patient={id}&_count=500",
    "claims": "Claim?patient={id}&_count=500",
    "documents": "DocumentReference?patient={id}&_count=500",
    "consents": "Consent?patient={id}&_count=100",
}
"""Name of what is read -> search."""


Get = Callable[[str], Awaitable[Json]]
"""GET of a URL, relative to the FHIR base or absolute. Raises Unavailable, NotAllowed, SignedOut."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one search brought."""

    resources: tuple[Json, ...] = ()
    included: Mapping[str, Json] = field(default_factory=dict)
    """What the resources refer to, by reference: "Medication/1"."""
    complete: bool = True
    """Whether that is all there is."""
    problem: str | None = None
    """"forbidden" or "unavailable", when nothing can be shown."""


@dataclass(frozen=True, slots=True)
class Record:
    """A patient and what was found of the rest."""

    patient: Json
    found: Mapping[str, Found]


async def read_record(get: Get, patient_id: str) -> Record:
    """The record of a patient, all searches at once.

    Raises Unavailable or NotAllowed if the Patient itself cannot be read, SignedOut. A search that fails leaves the
    others be: its `problem` says so.
    """
    id = quote(patient_id, safe="")
    patient, found = await asyncio.gather(
        get(f"Patient/{id}"), asyncio.gather(*(_search(get, search.format(id=id)) for search in READS.values()))
    )
    return Record(patient, dict(zip(READS, found, strict=True)))


async def _search(get: Get, url: str) -> Found:
    resources: list[Json] = []
    included: dict[str, Json] = {}
    following: str | None = url
    try:
        for _ in range(PAGES):
            if following is None:
                break
            bundle = await get(following)
            for entry in bundle.get("entry", ()):
                mode, resource = entry.get("search", {}).get("mode"), entry["resource"]
                if mode == "match":
                    resources.append(resource)
                elif mode == "include":
                    included[f"{resource['resourceType']}/{resource['id']}"] = resource
            following = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), None)
    except NotAllowed:
        return Found(problem="forbidden")
    except Unavailable:
        return Found(problem="unavailable")
    return Found(tuple(resources), included, complete=following is None)
