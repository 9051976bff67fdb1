"""Numbers that a member reported of a body, as preliminary Observations. Pure.

https://hl7.org/fhir/R4/observation-vitalsigns.html for codes and units; a glucose meter at home: LOINC 41653-7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from care_services.chat.recorded.place import Place, instant
from care_services.triage.state import State
from mappings.identifiers import coding, concept

Json = Any

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
HIGHEST, LOWEST = 600, 30
"""What a glucose meter is taken to say by "HI" and "LO": it cannot measure further."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured: the names of the worst values that were told, its code and unit."""

    facts: tuple[str, ...]
    code: str
    display: str
    unit: str
    category: str = "vital-signs"


MEASURES = (
    Measure(("temp", "temp_low"), "8310-5", "Body temperature", "Cel"),
    Measure(("sat",), "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%"),
    Measure(("pulse", "pulse_low"), "8867-4", "Heart rate", "/min"),
    Measure(("glucose", "glucose_low"), "41653-7", "Glucose in Capillary blood by Glucometer", "mg/dL", "laboratory"),
)
_PRESSURE = Measure(("systolic", "systolic_low"), "85354-9", "Blood pressure panel", "mm[Hg]")
_SYSTOLIC, _DIASTOLIC = (("8480-6", "Systolic blood pressure"), ("8462-4", "Diastolic blood pressure"))


def observations(state: State, encounter: Json, answers: Json, place: Place) -> Iterator[tuple[str, Json]]:
    """What each is called among those of an episode, and the Observation: of each measure the worst that was told."""
    shared = {
        "status": "preliminary",
        "subject": place.subject(state.about),
        "encounter": encounter,
        "effectiveDateTime": instant(place.now),
        "performer": [place.member],
        "derivedFrom": [answers],
    }
    for measure in MEASURES:
        for value in _values(measure, state):
            yield f"{measure.code}.{value:g}", {**_coded(measure), **shared, "valueQuantity": _quantity(value, measure)}
    worst = _values(_PRESSURE, state)
    for number, value in enumerate(worst):
        low = state.facts.get("diastolic") if number == 0 else None
        parts = [(_SYSTOLIC, value), *([(_DIASTOLIC, low)] if low is not None else [])]
        component = [
            {"code": concept(coding(LOINC, *code)), "valueQuantity": _quantity(each, _PRESSURE)} for code, each in parts
        ]
        called = f"{_PRESSURE.code}." + "-".join(f"{each:g}" for _, each in parts)
        yield called, {**_coded(_PRESSURE), **shared, "component": component}


def _values(measure: Measure, state: State) -> list[float]:
    return list(dict.fromkeys(state.facts[name] for name in measure.facts if name in state.facts))


def _coded(measure: Measure) -> Json:
    return {
        "resourceType": "Observation",
        "category": [concept(coding(_CATEGORY, measure.category))],
        "code": concept(coding(LOINC, measure.code, measure.display)),
    }


def _quantity(value: float, measure: Measure) -> Json:
    beyond = {HIGHEST: ">=", LOWEST: "<="}.get(int(value)) if "glucose" in measure.facts else None
    number = int(value) if value == int(value) else round(value, 1)
    return {
        "value": number, **({"comparator": beyond} if beyond else {}), "unit": measure.unit, "system": UCUM,
        "code": measure.unit,
    }  # fmt: skip
