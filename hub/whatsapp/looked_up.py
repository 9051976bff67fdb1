"""What a turn needs to know of the record is looked up: who an identity may be, what was decided, what is known.

The care services' contract, section 2. Whoever is not known is looked for like anybody else: as many requests, all the
same. Identifiers are asked for through the FHIR API, where they may be encrypted (docs/decisions/field-encryption.md).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

from adapters.fhir_client import FhirClient
from care_services.chat.known import (
    CANDIDATES,
    CONSENTED,
    DECIDED,
    DEPENDANTS,
    NEAR,
    POINTS,
    RECORDED,
    Dependant,
    Found,
    Look,
)
from care_services.chat.proof import Known
from care_services.chat.recorded.attributed import FOUND_BY, subjects_added
from care_services.chat.recorded.conversation import phone
from care_services.chat.told import decided
from care_services.consent import consented
from care_services.healthpoints import KINDS, Points, entries
from care_services.triage.recorded import recorded
from hub.whatsapp.around import near
from mappings.identifiers import CPF, Systems, value_of
from mappings.whatsapp.phone import forms
from mappings.whatsapp.sends import token

Json = Any

NOBODY = "nobody"
"""Is searched for where there is nobody to search for."""
LATEST = 10
"""Answers to authorizations that are looked at, the newest."""


async def looked_up(record: FhirClient, look: Look, found: Found, task: Json, systems: Systems) -> Found:
    """What was found so far, with what a turn asks for besides. task: the conversation's.

    Raises FhirRefused, PartnerUnavailable.
    """
    who = task["for"]
    patient = look.patient or f"Patient/{NOBODY}"
    match look.what:
        case kind if kind == CANDIDATES:
            return replace(found, candidates=tuple(await candidates(record, who, systems)))
        case kind if kind == DECIDED:
            criteria = {
                "patient": patient, "use": "preauthorization", "outcome": "complete,partial,error",
                "_sort": "-created", "_count": str(LATEST),
            }  # fmt: skip
            answers = await _first_page(record, "ClaimResponse", criteria)
            return replace(found, decided=tuple(decided(answers, systems)))
        case kind if kind == RECORDED:
            conditions, medicines, pregnancy = await asyncio.gather(
                _first_page(record, "Condition", {"patient": patient, "clinical-status": "active,recurrence,relapse"}),
                _first_page(record, "MedicationStatement", {"patient": patient, "status": "active"}),
                _first_page(record, "Observation", {"patient": patient, "code": "http://loinc.org|82810-3"}),
            )
            return replace(found, recorded=tuple(recorded(conditions, medicines, pregnancy)))
        case kind if kind == DEPENDANTS:
            return replace(found, dependants=tuple(await dependants(record, patient)))
        case kind if kind == CONSENTED:
            said = consented(await consents(record, who, look.patient, systems), systems, who["identifier"]["value"])
            return replace(found, consented=said)
        case kind if kind == POINTS:
            booked = await ledger(record, who, look.patient, systems)
            return replace(found, points=Points(who["identifier"]["value"], entries(booked, systems)))
        case kind if kind == NEAR and look.where is not None:
            return replace(found, near=await near(record, look.where, look.patient, task["id"], systems))
    raise ValueError(f"nobody looks up {look.what}")


async def candidates(record: FhirClient, who: Json, systems: Systems) -> list[Known]:
    """Active Patients with the telephone number of an identity, and what they are asked for as proof."""
    number = phone(who, systems)
    numbers = [one for form in (forms(number) if number else ()) for one in (f"+{form}", form, form[2:])] or [NOBODY]
    people = await _first_page(record, "Patient", {"phone": ",".join(numbers), "active": "true"})
    ids = ",".join(f"Patient/{one['id']}" for one in people) or f"Patient/{NOBODY}"
    contracts = await _first_page(record, "Coverage", {"beneficiary": ids, "status": "active"})
    cards: dict[str, list[str]] = {}
    for one in contracts:
        numbered = (one.get("subscriberId"), value_of(one, systems.sid("carteira")))
        cards.setdefault(one["beneficiary"]["reference"], []).extend(filter(None, numbered))
    found = []
    for one in people:
        reference = f"Patient/{one['id']}"
        if len(one.get("birthDate", "")) == 10:
            born = date.fromisoformat(one["birthDate"])
            found.append(Known(reference, born, tuple(cards.get(reference, ())), value_of(one, CPF) or ""))
    return found


async def dependants(record: FhirClient, patient: str) -> list[Dependant]:
    """Those for whom a Patient answers: RelatedPersons that are the same person, by CPF."""
    cpf = value_of(await record.read(patient), CPF)
    if cpf is None:
        return []
    # Without a system: the record may have it under any of the system's names.
    named = await _first_page(record, "RelatedPerson", {"identifier": cpf, "active": "true"})
    related = [one["patient"] for one in named if value_of(one, CPF) == cpf]
    references = sorted({one["reference"] for one in related if "reference" in one} - {patient})
    if not references:
        return []
    ids = ",".join(one.partition("/")[2] for one in references)
    people = await _first_page(record, "Patient", {"_id": ids, "active": "true"})
    return sorted(
        (Dependant(f"Patient/{one['id']}", _first_name(one)) for one in people), key=lambda one: one.reference
    )


async def consents(record: FhirClient, who: Json, patient: str | None, systems: Systems) -> list[Json]:
    """Consents that an identity gave, or any that is the same telephone line, or the Patient it is known to be.

    who: Reference with identifier. Raises FhirRefused, PartnerUnavailable.
    """
    lines = same_line(who, systems)
    asked = [{"patient:identifier": ",".join(identities(who, systems))}]
    asked += [{"identifier": ",".join(lines)}] if lines else []
    asked += [{"patient": patient}] if patient else []
    found = await asyncio.gather(*(_all(record, "Consent", one) for one in asked))
    return list({one["id"]: one for each in found for one in each}.values())


async def ledger(record: FhirClient, who: Json, patient: str | None, systems: Systems) -> list[Json]:
    """The points of an identity, of any that is the same line, and of the Patient it is known to be; as `consents`."""
    kinds = {"code": f"{systems.codes(KINDS)}|"}
    asked = [{"subject:identifier": ",".join(identities(who, systems)), **kinds}]
    asked += [{"subject": patient, **kinds}] if patient else []
    found = await asyncio.gather(*(_all(record, "Basic", one) for one in asked))
    return list({one["id"]: one for each in found for one in each}.values())


def identities(who: Json, systems: Systems) -> list[str]:
    """Tokens that search for an identity: its own, and its telephone number's, with and without the ninth digit."""
    named = who.get("identifier")
    own = [f"{named.get('system', '')}|{token(named['value'])}"] if named else []
    return list(dict.fromkeys([*own, *same_line(who, systems)]))


def same_line(who: Json, systems: Systems) -> list[str]:
    """Tokens of the telephone number of an identity, if the channel told one."""
    number = phone(who, systems)
    return [f"{systems.sid('telefone')}|{form}" for form in forms(number)] if number else []


async def attributed(record: FhirClient, task: Json, patient: str) -> list[Json]:
    """The entries that make what a conversation left so far part of a Patient's record."""
    identifier = task["for"]["identifier"]
    who = f"{identifier['system']}|{identifier['value']}"
    found = await asyncio.gather(
        *(_all(record, kind, {f"{parameter}:identifier": who}) for kind, parameter in FOUND_BY)
    )
    return [one for resources in found for one in subjects_added(resources, task["id"], patient)]


async def _first_page(record: FhirClient, kind: str, criteria: dict[str, str]) -> list[Json]:
    found = []
    async for one in record.search(kind, {"_count": "50", **criteria}):
        found.append(one)
        if len(found) == int(criteria.get("_count", "50")):
            break
    return found


async def _all(record: FhirClient, kind: str, criteria: dict[str, str]) -> list[Json]:
    return [one async for one in record.search(kind, {"_count": "200", **criteria})]


def _first_name(patient: Json) -> str:
    names = sorted(patient.get("name", ()), key=lambda one: one.get("use") != "usual")
    whole = next((one.get("text") or " ".join(one.get("given", ())) for one in names), "")
    return whole.split(" ")[0].capitalize() if whole else "Sem nome"
