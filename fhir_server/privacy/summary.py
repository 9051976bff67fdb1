"""A record in words, for the person whose it is: what there is, kind by kind, newest first. Pure, in Portuguese."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

KINDS: Mapping[str, str] = {
    "Patient": "Cadastro", "Condition": "Problemas e diagnósticos", "AllergyIntolerance": "Alergias e intolerâncias",
    "MedicationRequest": "Receitas", "MedicationStatement": "Medicamentos em uso",
    "MedicationAdministration": "Medicamentos aplicados", "MedicationDispense": "Medicamentos entregues",
    "Immunization": "Vacinas", "Observation": "Medidas e resultados de exames", "DiagnosticReport": "Laudos",
    "Procedure": "Procedimentos", "Encounter": "Atendimentos", "Appointment": "Consultas marcadas",
    "ServiceRequest": "Pedidos de exames e procedimentos", "CarePlan": "Planos de cuidado", "CareTeam": "Equipes",
    "Goal": "Metas", "DocumentReference": "Documentos", "ImagingStudy": "Exames de imagem", "Device": "Aparelhos",
    "Media": "Fotos e gravações", "QuestionnaireResponse": "Questionários respondidos",
    "Communication": "Mensagens", "Consent": "Consentimentos", "Coverage": "Cobertura do plano", "Claim": "Contas",
    "ClaimResponse": "Respostas a contas", "ExplanationOfBenefit": "Contas pagas", "Provenance": "Origem dos registros",
    "Practitioner": "Profissionais", "PractitionerRole": "Profissionais: funções", "Organization": "Organizações",
    "Location": "Locais", "Medication": "Medicamentos", "RelatedPerson": "Pessoas próximas",
    "FamilyMemberHistory": "Histórico da família",
}  # fmt: skip
"""Type -> words; any other type is told by its name."""
_DATES = (
    "effectiveDateTime", "performedDateTime", "occurrenceDateTime", "onsetDateTime", "authoredOn", "issued", "recorded",
    "recordedDate", "date", "dateTime", "sent", "created", "start", "birthDate",
)  # fmt: skip
_PERIODS = ("effectivePeriod", "performedPeriod", "period", "billablePeriod")
_TITLES = ("code", "vaccineCode", "medicationCodeableConcept", "type", "category", "serviceType", "description")
_VALUES = ("valueQuantity", "valueString", "valueCodeableConcept")


def summary(name: str, made: str, resources: Iterable[Mapping[str, Any]]) -> str:
    """The text. name: of the person; made: date on which it was made."""
    by_kind: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in resources:
        by_kind[one["resourceType"]].append((date_of(one), title_of(one)))
    kinds = sorted(by_kind, key=lambda kind: (list(KINDS).index(kind) if kind in KINDS else len(KINDS), kind))
    lines = [
        f"Registros de saúde de {name}",
        f"Feito em {made}. Os mesmos dados estão nos arquivos .ndjson, em FHIR R4.",
        "",
    ]
    lines += [f"{KINDS.get(kind, kind)}: {len(by_kind[kind])}" for kind in kinds]
    for kind in kinds:
        lines += ["", KINDS.get(kind, kind).upper()]
        lines += [f"{day or 'sem data'}  {title}" for day, title in sorted(by_kind[kind], reverse=True)]
    return "\n".join(lines) + "\n"


def date_of(resource: Mapping[str, Any]) -> str:
    """The day it is about, as FHIR writes it; "" if it does not say."""
    for name in _DATES:
        if isinstance(resource.get(name), str):
            return str(resource[name])[:10]
    for name in _PERIODS:
        if isinstance(resource.get(name), dict) and resource[name].get("start"):
            return str(resource[name]["start"])[:10]
    return ""


def title_of(resource: Mapping[str, Any]) -> str:
    """What it is, in a line."""
    found = next((text for name in _TITLES if (text := _words(resource.get(name)))), "") or name_of(resource)
    value = next((text for name in _VALUES if (text := _value(resource.get(name)))), "")
    return _line(f"{found}: {value}" if found and value else found or value) or resource["resourceType"]


def name_of(resource: Mapping[str, Any]) -> str:
    """Name of a person or thing, "" without."""
    names = resource.get("name")
    if isinstance(names, str):
        return names
    for one in names if isinstance(names, list) else [names]:
        if isinstance(one, dict):
            return str(
                one.get("text") or " ".join([*one.get("given", ()), *([one["family"]] if "family" in one else [])])
            )
    return ""


def _words(value: Any) -> str:
    if isinstance(value, list):
        return next((text for one in value if (text := _words(one))), "")
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    codings = value.get("coding", ())
    return str(value.get("text") or next((one["display"] for one in codings if one.get("display")), "")
               or next((one["code"] for one in codings if one.get("code")), ""))  # fmt: skip


def _value(value: Any) -> str:
    if isinstance(value, dict) and "value" in value:
        return f"{value['value']} {value.get('unit') or value.get('code') or ''}".strip()
    return _words(value)


def _line(text: str) -> str:
    """No text of the record makes a second line."""
    return " ".join(text.split())[:300]
