"""Elements of FHIR as text: concepts, names, dates at the precision they have. https://hl7.org/fhir/R4/datatypes.html"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]

_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(?:T(\d{2}:\d{2}))?")
_UNITS = {"Cel": "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "{score}": "", "1": ""}
"""UCUM code -> how people write it, where that differs."""
_NAME_ORDER = ("official", "usual", None, "nickname", "temp", "anonymous", "maiden", "old")


def concept_text(concept: Json | None) -> str:
    """A CodeableConcept or Coding in words: its text, a display, else the bare code; "" for none."""
    if not concept:
        return ""
    if concept.get("text"):
        return str(concept["text"])
    codings: list[Json] = concept.get("coding") or [concept]
    for name in ("display", "code"):
        for coding in codings:
            if coding.get(name):
                return str(coding[name])
    return ""


def code_of(concept: Json | None, system: str | None = None) -> str:
    """The first code of a CodeableConcept, of one system where it is named; "" for none."""
    for coding in (concept or {}).get("coding", ()):
        if system is None or coding.get("system") == system:
            return str(coding.get("code", ""))
    return ""


def moment(resource: Json, *names: str) -> str:
    """The first of the elements that is there, as FHIR text; of a Period its start, else its end."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, Mapping):
            value = value.get("start") or value.get("end")
        if isinstance(value, str):
            return value
    return ""


def date_text(value: str, language: str, *, time: bool = False) -> str:
    """A FHIR date at its own precision: 03/05/2024 in Portuguese, 2024-05-03 in English; "" for none."""
    found = _DATE.match(value)
    if found is None:
        return ""
    year, month, day, clock = found.groups()
    parts = [part for part in (year, month, day) if part]
    text = "/".join(reversed(parts)) if language == "pt" else "-".join(parts)
    return f"{text} {clock}" if time and clock else text


def name_text(names: Iterable[Json]) -> str:
    """The name a person goes by: official before usual, none that is over; "" for none."""
    standing = [name for name in names if not name.get("period", {}).get("end")]
    for use in _NAME_ORDER:
        for name in standing:
            if name.get("use") == use:
                parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family"), *name.get("suffix", ())]
                return str(name.get("text") or " ".join(part for part in parts if part))
    return ""


def quantity_text(quantity: Json, language: str, *, dose: bool = False) -> str:
    """A Quantity with its comparator and unit, digits as the record has them.

    A dose loses the zeros behind its point: 1.0 has been read as 10 (https://www.ismp.org/recommendations/error-prone-abbreviations-list).
    """
    value = quantity.get("value")
    if value is None:
        return ""
    digits = f"{Decimal(value):f}"
    if dose and "." in digits:
        digits = digits.rstrip("0").removesuffix(".")
    number = f"{quantity.get('comparator', '')}{digits}"
    if language == "pt":
        number = number.replace(".", ",")
    unit = quantity.get("unit") or quantity.get("code") or ""
    return f"{number} {_UNITS.get(unit, unit)}".rstrip()


def age(birth: str, at: date) -> tuple[int, str] | None:
    """How old, in the unit people say it in: years, under two years months, under two months days.

    None for a birth date without a day of birth in months or days, where years cannot be told for sure.
    """
    parts = [int(part) for part in birth.split("-")] if _DATE.fullmatch(birth) else []
    if len(parts) < 3:
        return None
    born = date(*parts[:3])
    months = (at.year - born.year) * 12 + at.month - born.month - (at.day < born.day)
    if months < 0:
        return None
    if months >= 24:
        return months // 12, "years"
    return (months, "months") if months >= 2 else ((at - born).days, "days")
