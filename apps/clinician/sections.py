"""Lists of a record: resources -> rows, newest or most important first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.clinician.elements import code_of, concept_text, moment, quantity_text

Json = Mapping[str, Any]

_CONDITION_OVER = frozenset({"inactive", "remission", "resolved"})
_WRONG = frozenset({"entered-in-error"})
_CRITICALITY = ("high", "unable-to-assess", "low", "")
_TAKEN = frozenset({"active", "on-hold", "intended"})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list. Dates are FHIR text, states FHIR codes; words are put to them by the page."""

    title: str
    date: str = ""
    state: str = ""
    detail: str = ""
    more: tuple[str, ...] = ()
    current: bool = True
    """Whether it still holds; what is over is folded away."""
    alert: bool = False


def problems(conditions: Iterable[Json]) -> list[Row]:
    """The problem list: active conditions first, refuted and mistaken ones left out."""
    rows = []
    for condition in conditions:
        if code_of(condition.get("verificationStatus")) in ("refuted", *_WRONG):
            continue
        state = code_of(condition.get("clinicalStatus"))
        rows.append(
            Row(
                concept_text(condition.get("code")),
                moment(condition, "onsetDateTime", "onsetPeriod", "recordedDate"),
                state,
                concept_text(condition.get("severity")),
                current=state not in _CONDITION_OVER,
            )
        )
    return _newest_first(rows)


def allergies(intolerances: Iterable[Json]) -> list[Row]:
    """Allergies and intolerances: those of high criticality first."""
    rows = []
    for intolerance in intolerances:
        if code_of(intolerance.get("verificationStatus")) in ("refuted", *_WRONG):
            continue
        state = code_of(intolerance.get("clinicalStatus")) or "active"
        manifestations = dict.fromkeys(
            concept_text(each) for reaction in intolerance.get("reaction", ()) for each in reaction["manifestation"]
        )
        criticality = intolerance.get("criticality", "")
        rows.append(
            Row(
                concept_text(intolerance.get("code")),
                moment(intolerance, "onsetDateTime", "onsetPeriod", "recordedDate"),
                criticality,
                ", ".join(manifestations),
                current=state == "active",
                alert=criticality == "high" and state == "active",
            )
        )
    return sorted(_newest_first(rows), key=lambda row: (not row.current, _CRITICALITY.index(row.state)))


def medication(
    requests: Iterable[Json], statements: Iterable[Json], known: Mapping[str, Json], language: str
) -> list[Row]:
    """What is taken, then what was: prescriptions and what was told. `known`: Medications by reference."""
    rows = []
    for resource in (*requests, *statements):
        state = resource.get("status", "")
        if state in _WRONG or resource.get("intent") == "proposal" or resource.get("doNotPerform"):
            continue
        reference = resource.get("medicationReference", {})
        title = concept_text(resource.get("medicationCodeableConcept")) or (
            concept_text(known.get(reference.get("reference", ""), {}).get("code")) or reference.get("display", "")
        )
        rows.append(
            Row(
                title,
                moment(resource, "authoredOn", "effectiveDateTime", "effectivePeriod", "dateAsserted"),
                state,
                "; ".join(_dosages(resource, language)),
                current=state in _TAKEN,
            )
        )
    return _newest_first(rows)


def timeline(encounters: Iterable[Json], claims: Iterable[Json]) -> list[Row]:
    """Encounters and claims by time, newest first."""
    rows = [
        Row(
            next((text for each in encounter.get("type", ()) if (text := concept_text(each))), "")
            or concept_text(encounter.get("class")),
            moment(encounter, "period"),
            encounter.get("status", ""),
            encounter.get("serviceProvider", {}).get("display", ""),
            tuple(text for each in encounter.get("reasonCode", ()) if (text := concept_text(each))),
        )
        for encounter in encounters
        if encounter.get("status") not in _WRONG
    ]
    for claim in claims:
        if claim.get("status") in _WRONG:
            continue
        items = dict.fromkeys(concept_text(item.get("productOrService")) for item in claim.get("item", ()))
        rows.append(
            Row(
                concept_text(claim.get("type")),
                moment(claim, "billablePeriod", "created"),
                claim.get("use", ""),
                claim.get("provider", {}).get("display", ""),
                tuple(text for text in items if text),
                current=False,
            )
        )
    return sorted(rows, key=lambda row: row.date, reverse=True)


@dataclass(frozen=True, slots=True)
class Document:
    """One document and where its contents can be opened."""

    id: str
    title: str
    date: str
    author: str
    contents: tuple[tuple[int, str], ...]
    """Position and media type of each attachment."""


def documents(references: Iterable[Json]) -> list[Document]:
    """Documents that stand, newest first."""
    found = [
        Document(
            reference["id"],
            reference.get("description") or concept_text(reference.get("type")),
            moment(reference, "date") or moment(reference.get("context", {}), "period"),
            next((author["display"] for author in reference.get("author", ()) if author.get("display")), ""),
            tuple(
                (number, content["attachment"].get("contentType", "").partition(";")[0])
                for number, content in enumerate(reference.get("content", ()))
                if "data" in content["attachment"] or "url" in content["attachment"]
            ),
        )
        for reference in references
        if reference.get("status") not in _WRONG
    ]
    return sorted(found, key=lambda document: document.date, reverse=True)


def consents(resources: Iterable[Json]) -> list[Row]:
    """Consents with what they say, newest first."""
    rows = []
    for consent in resources:
        state = consent.get("status", "")
        if state in _WRONG:
            continue
        provision = consent.get("provision", {})
        purposes = [text for each in provision.get("purpose", ()) if (text := concept_text(each))]
        rows.append(
            Row(
                next((text for each in consent.get("category", ()) if (text := concept_text(each))), "")
                or concept_text(consent.get("scope")),
                moment(consent, "dateTime"),
                state,
                provision.get("type", ""),
                tuple(purposes),
                current=state == "active",
            )
        )
    return _newest_first(rows)


def _newest_first(rows: list[Row]) -> list[Row]:
    """What holds before what is over; newest first; the same title once, with its newest row."""
    ordered = sorted(rows, key=lambda row: row.date, reverse=True)
    ordered.sort(key=lambda row: not row.current)
    newest: dict[tuple[str, bool, str], Row] = {}
    for row in ordered:
        newest.setdefault((row.title, row.current, row.detail), row)
    return list(newest.values())


def _dosages(resource: Json, language: str) -> list[str]:
    texts = []
    for dosage in resource.get("dosageInstruction") or resource.get("dosage") or ():
        if dosage.get("text"):
            texts.append(str(dosage["text"]))
            continue
        doses = [rate["doseQuantity"] for rate in dosage.get("doseAndRate", ()) if "doseQuantity" in rate]
        dose = quantity_text(doses[0], language, dose=True) if doses else ""
        repeat = dosage.get("timing", {}).get("repeat", {})
        often = ""
        if {"frequency", "period", "periodUnit"} <= repeat.keys():
            period = quantity_text({"value": repeat["period"]}, language, dose=True)
            often = f"{repeat['frequency']}× / {'' if period == '1' else period + ' '}{repeat['periodUnit']}"
        texts.append(", ".join(part for part in (dose, often) if part))
    return [text for text in texts if text]
