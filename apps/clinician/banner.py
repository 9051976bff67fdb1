"""Whose record this is: shown on every page, before anything else. https://hl7.org/fhir/R4/patient.html"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.clinician.elements import age, concept_text, date_text, name_text

Json = Mapping[str, Any]

CPF = "https://saude.gov.br/fhir/sid/cpf"
CNS = "https://saude.gov.br/fhir/sid/cns"
_KNOWN = {CPF: "CPF", CNS: "CNS"}


@dataclass(frozen=True, slots=True)
class Banner:
    """What tells one patient from another."""

    name: str
    birth: str
    age: tuple[int, str] | None
    """Number and unit (years, months, days); at death for who has died."""
    sex: str
    """Administrative gender, a FHIR code; "" where the record has none."""
    deceased: str | None
    """Date of death, "" when only the fact is known, None while alive."""
    identifiers: tuple[tuple[str, str], ...]
    """Kind and value."""


def banner(patient: Json, today: date, language: str) -> Banner:
    """The banner of a Patient."""
    birth = patient.get("birthDate", "")
    death = patient.get("deceasedDateTime", "")
    died = bool(death) or patient.get("deceasedBoolean") is True
    at = date.fromisoformat(death[:10]) if len(death) >= 10 else today
    return Banner(
        name_text(patient.get("name", ())),
        date_text(birth, language),
        None if died and len(death) < 10 else age(birth, at),
        patient.get("gender", ""),
        date_text(death, language) if died else None,
        tuple(_identifiers(patient)),
    )


def _identifiers(patient: Json) -> list[tuple[str, str]]:
    """CPF and CNS, else the first one that says what kind it is."""
    rows = [row for row in patient.get("identifier", ()) if row.get("value") and row.get("use") != "old"]
    known = [(_KNOWN[row["system"]], str(row["value"])) for row in rows if row.get("system") in _KNOWN]
    if known:
        return known
    return [(concept_text(row["type"]), str(row["value"])) for row in rows if row.get("type")][:1]
