"""Naming systems that FHIR lines of the ERP name. Tasy contract, section 11."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

BASE = "https://austa.example/fhir"
ANS = "999997"
"""Registration of the plan: nobody's."""

_SAUDE = "https://saude.gov.br/fhir/sid/"
CPF, CNS, CNPJ, CNES = (_SAUDE + name for name in ("cpf", "cns", "cnpj", "cnes"))
CRM_SP = _SAUDE + "crm-sp"
RACE, CBO, CID10 = (
    f"https://terminologia.saude.gov.br/fhir/CodeSystem/{name}" for name in ("BRRacaCor", "BRCBO", "BRCID10")
)
HL7 = "http://terminology.hl7.org/CodeSystem/"


def sid(name: str) -> str:
    """Of identifiers: "tasy/segurado", "carteira"."""
    return f"{BASE}/sid/{name}"


def codes(name: str) -> str:
    """A code system of the plan: "sib-parentesco"."""
    return f"{BASE}/CodeSystem/{name}"


def extension(name: str, **value: Any) -> Json:
    """An extension of the plan: extension("movimento", valueCode="1")."""
    return {"url": f"{BASE}/StructureDefinition/{name}", **value}


def identifier(system: str, value: object, **more: Any) -> list[Json]:
    """One identifier, or none where there is no value."""
    return [{**more, "system": system, "value": str(value)}] if value else []


def concept(system: str, code: str, display: str | None = None) -> Json:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def insurer() -> Json:
    """A reference to the plan itself."""
    return {"identifier": {"system": sid("registro-ans"), "value": ANS}}


def known(kind: str, system: str, value: object) -> Json:
    """A reference by identifier."""
    return {"type": kind, "identifier": {"system": sid(system), "value": str(value)}}


def period(start: str | None, end: str | None) -> Json:
    """A period of whole days."""
    return {**({"start": start} if start else {}), **({"end": end} if end else {})}


def without_empty(resource: Json) -> Json:
    """Without elements that have nothing in them."""
    return {name: value for name, value in resource.items() if value not in ([], {}, None)}
