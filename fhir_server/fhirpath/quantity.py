"""Quantities: a value and a UCUM or calendar unit. https://hl7.org/fhirpath/N1/#quantity"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from fhir_server.fhirpath.parser import CALENDAR_UNITS

UCUM = "http://unitsofmeasure.org"

_CALENDAR_AS_UCUM = {
    "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}  # fmt: skip
_TEXT = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-zA-Z]+))?")


class Quantity:
    """`unit` is a UCUM code (of the System type, or of a FHIR Quantity that names UCUM), a calendar word, or None.

    `other` names the unit of a FHIR Quantity in any other code system or in free text: equal units compare, no more.
    """

    __slots__ = ("calendar", "other", "unit", "value")

    def __init__(
        self, value: Decimal | int, unit: str | None, *, calendar: bool = False, other: tuple[str, str] | None = None
    ) -> None:
        self.value, self.unit, self.calendar, self.other = value, unit, calendar, other

    def __str__(self) -> str:
        if self.calendar:
            return f"{self.value} {self.unit}"
        return f"{self.value} '{self.unit or '1'}'"

    @property
    def ucum(self) -> str | None:
        """UCUM code of the unit; None for years and months (of no fixed length) and for units that are not UCUM."""
        if self.calendar:
            return _CALENDAR_AS_UCUM.get(self.unit or "")
        return self.unit


def from_fhir(value: dict[str, Any]) -> Quantity | None:
    """Quantity of a FHIR Quantity element; None without a value."""
    number = value.get("value")
    if number is None or number.__class__ is str or number.__class__ is bool:
        return None
    code, system, unit = value.get("code"), value.get("system"), value.get("unit")
    if code is not None and system in (UCUM, None):
        return Quantity(number, code)
    if code is not None:
        return Quantity(number, None, other=(str(system), code))
    return Quantity(number, None, other=("", unit)) if unit is not None else Quantity(number, "1")


def from_text(text: str) -> Quantity | None:
    """Quantity of text such as `4 days` or `1.5 'mg'`; None for other text."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        return None
    value = Decimal(match[1]) if "." in match[1] else int(match[1])
    if match[3]:
        unit = CALENDAR_UNITS.get(match[3])
        return Quantity(value, unit, calendar=True) if unit else None
    return Quantity(value, match[2] or "1")
