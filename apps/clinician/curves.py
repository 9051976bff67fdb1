"""Observations over time: one curve for each code and unit, with the range that goes with it. https://hl7.org/fhir/R4/observation.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.clinician.elements import age, code_of, concept_text, moment, quantity_text
from apps.clinician.ranges import ADULT_YEARS, GENERAL

Json = Mapping[str, Any]
LOINC = "http://loinc.org"
WRONG = frozenset({"entered-in-error", "cancelled"})


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement."""

    at: str
    """As the record has it."""
    second: float
    """Since 1970 UTC."""
    value: float
    text: str
    """Value, comparator and unit in words."""
    flag: str
    """Interpretation code, such as H or L; "" for none."""
    preliminary: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """Measurements of one kind, oldest first."""

    code: str
    title: str
    unit: str
    points: tuple[Point, ...]
    low: float | None = None
    high: float | None = None
    general: bool = False
    """Whether the range is a general one and not the record's."""

    @property
    def last(self) -> Point:
        """The newest measurement."""
        return self.points[-1]

    @property
    def outside(self) -> bool:
        """Whether the newest measurement is out of the range or flagged."""
        value = self.last.value
        beyond = (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
        return beyond or self.last.flag not in ("", "N")


def curves(observations: Iterable[Json], category: str, birth: str, language: str) -> list[Curve]:
    """Curves of a category ("vital-signs", "laboratory"), those with the newest measurement first."""
    found: dict[tuple[str, str], list[tuple[Point, tuple[float | None, float | None]]]] = {}
    titles: dict[tuple[str, str], str] = {}
    for observation in observations:
        if observation.get("status") in WRONG or not _in(observation, category):
            continue
        at = moment(observation, "effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued")
        second = _second(at)
        if second is None:
            continue
        for part in (observation, *observation.get("component", ())):
            quantity = part.get("valueQuantity")
            if not quantity or quantity.get("value") is None:
                continue
            name = concept_text(part.get("code"))
            code = code_of(part.get("code"), LOINC) or code_of(part.get("code")) or name
            key = (code, quantity.get("code") or quantity.get("unit") or "")
            point = Point(
                at,
                second,
                float(quantity["value"]),
                quantity_text(quantity, language),
                _flag(part),
                observation.get("status") in ("preliminary", "registered"),
            )
            found.setdefault(key, []).append((point, _range(part)))
            titles[key] = name
    return sorted(
        (_curve(key, titles[key], rows, birth) for key, rows in found.items()),
        key=lambda curve: (-curve.last.second, curve.title),
    )


def _curve(
    key: tuple[str, str], title: str, rows: Sequence[tuple[Point, tuple[float | None, float | None]]], birth: str
) -> Curve:
    ordered = sorted(rows, key=lambda row: row[0].second)
    points = tuple(point for point, _ in ordered)
    code, unit = key
    low, high = ordered[-1][1]
    general = False
    if low is None and high is None and (standard := GENERAL.get(code)) and standard[0] == unit:
        years = age(birth, datetime.fromtimestamp(points[-1].second, UTC).date())
        if years is not None and years[1] == "years" and years[0] >= ADULT_YEARS:
            _, low, high = standard
            general = True
    return Curve(code, title, unit, points, low, high, general)


def _in(observation: Json, category: str) -> bool:
    return any(
        coding.get("code") == category
        for concept in observation.get("category", ())
        for coding in concept.get("coding", ())
    )


def _flag(part: Json) -> str:
    return next((code for concept in part.get("interpretation", ()) if (code := code_of(concept))), "")


def _range(part: Json) -> tuple[float | None, float | None]:
    """The normal range: the one that says so, else the first that is for everybody."""
    ranges = part.get("referenceRange", ())
    for each in ranges:
        if code_of(each.get("type")) in ("normal", "") and not each.get("appliesTo"):
            low, high = each.get("low", {}).get("value"), each.get("high", {}).get("value")
            return None if low is None else float(low), None if high is None else float(high)
    return None, None


def _second(at: str) -> float | None:
    if len(at) < 10:
        at = {4: f"{at}-01-01", 7: f"{at}-01"}.get(len(at), "")
    try:
        value = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
