"""What was written before somebody proved who they are becomes part of their record, once they did. Pure.

The care services' contract, section 2. What is about others than who writes stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from care_services.chat.recorded.place import added

Json = Any

ELEMENTS: Mapping[str, str] = {
    "Communication": "subject",
    "Task": "for",
    "Encounter": "subject",
    "QuestionnaireResponse": "subject",
    "Observation": "subject",
    "RiskAssessment": "subject",
    "Flag": "subject",
    "Consent": "patient",
    "Basic": "subject",
}
"""Type -> the element that says whose record it is part of."""
FOUND_BY = (
    ("Communication", "sender"),
    ("Communication", "recipient"),
    *((one, "patient" if one == "Consent" else "subject") for one in ELEMENTS),
)
"""Types and search parameters that find what somebody wrote, what was said to them, and what is about them."""


def subjects_added(resources: Iterable[Json], conversation: str, patient: str) -> Iterator[Json]:
    """The entries that say whose record it is. conversation: id of its Task, which has an entry of its own."""
    for one in resources:
        kind, element = one["resourceType"], ELEMENTS[one["resourceType"]]
        whose = one.get(element, {})
        if "reference" not in whose and "display" not in whose and one["id"] != conversation:
            yield subject_added(f"{kind}/{one['id']}", f"{element}/reference" if whose else element, patient)


def subject_added(reference: str, element: str, patient: str) -> Json:
    """An entry of one. element: "subject", or "subject/reference" where there is an identifier already."""
    value = patient if element.endswith("/reference") else {"reference": patient}
    return added(reference, [(element, value)])
