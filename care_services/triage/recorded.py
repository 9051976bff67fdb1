"""What somebody's record knows that makes them more at risk -> findings with source `recorded`. Pure.

The care services' contract, section 5: own Condition, MedicationStatement and pregnancy, only after proof. They raise a
level and lower none. Codes are ICD-10 (CID-10) and ATC by their beginning; what has no such code is read as words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from care_services.triage.rule_set import RuleSet, rules
from care_services.triage.scanner import scan

Json = Any

CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "diabetes": ("E10", "E11", "E12", "E13", "E14", "O24"),
    "dialysis": ("Z992", "Z49"),
    "immune_low": (
        "B20", "B21", "B22", "B23", "B24", "Z21", "C81", "C82", "C83", "C84", "C85", "C90", "C91", "C92", "C93", "C94",
        "C95", "C96", "D57", "D70", "D73", "D80", "D81", "D82", "D83", "D84", "N04", "Z511", "Z94", "Q890",
    ),
    "pregnant": ("Z33", "Z34", "Z35", *(f"O{number}" for number in range(10, 49))),
    "alone_frail": ("R54",),
}  # fmt: skip
MEDICINES: Mapping[str, tuple[str, ...]] = {
    "anticoagulant": ("B01AA", "B01AB", "B01AE", "B01AF", "B01AX"),
    "immune_low": ("L01", "L04"),
    "diabetes": ("A10",),
}
PREGNANT = frozenset({"77386006", "LA15173-0"})
"""SNOMED CT and LOINC, of the pregnancy status."""
_OVER = frozenset({"entered-in-error", "cancelled"})


def recorded(
    conditions: Iterable[Json], medicines: Iterable[Json], pregnancy: Iterable[Json], using: RuleSet | None = None
) -> Iterator[tuple[str, str]]:
    """Findings of active Conditions, of active MedicationStatements and of pregnancy Observations, the latest of which
    counts; each once, with the record's words."""
    known = using or rules()
    found: dict[str, str] = {}
    for one in conditions:
        found |= {code: words for code, words in _of(one.get("code"), CONDITIONS, known) if code not in found}
    for one in medicines:
        medicine = one.get("medicationCodeableConcept") or {"text": one.get("medicationReference", {}).get("display")}
        found |= {code: words for code, words in _of(medicine, MEDICINES, known) if code not in found}
    latest: Json = max(
        (one for one in pregnancy if one.get("status") not in _OVER),
        key=lambda one: str(one.get("effectiveDateTime", "")), default={},
    )  # fmt: skip
    codes = {each.get("code") for each in latest.get("valueCodeableConcept", {}).get("coding", ())}
    if codes & PREGNANT:
        found.setdefault("pregnant", "gestação")
    yield from found.items()


def _of(concept: Json, table: Mapping[str, tuple[str, ...]], known: RuleSet) -> Iterator[tuple[str, str]]:
    """Findings of a CodeableConcept."""
    concept = concept or {}
    words = [str(each) for each in (concept.get("text"), *(one.get("display") for one in _codings(concept))) if each]
    called = words[0] if words else "registro"
    for finding, starts in table.items():
        if any(str(one.get("code", "")).upper().replace(".", "").startswith(starts) for one in _codings(concept)):
            yield finding, called
    for text in words:
        for code in scan(text, known).present():
            if known.findings[code].kind == "condition":
                yield code, text


def _codings(concept: Json) -> list[Json]:
    return list(concept.get("coding", ()))
