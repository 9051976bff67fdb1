"""The member in an eligibility answer -> Patient and Coverage. Contract sections 5, 11 and 13.

The daily roster brings these as FHIR already (`batch`); this is for who is asked about before the roster has them.
"""

from __future__ import annotations

from typing import Any

from mappings.errors import Fault
from mappings.identifiers import CNS, CPF, checked, coding, concept, identifier
from mappings.tasy.records import Card, Member, Plan
from mappings.tasy.site import Site
from mappings.terminology import table
from mappings.text import damaged

Json = Any

_RELATIONSHIP = "http://terminology.hl7.org/CodeSystem/subscriber-relationship"
_CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"
_STATUS = {"A": "active", "R": "active", "S": "active", "I": "cancelled"}
"""A suspended contract exists: whether it is good for a service is what eligibility says."""


def patient_id(key: str) -> str:
    """Logical id of the Patient who is a person of Tasy's."""
    return f"pf-{key}"


def coverage_id(key: int) -> str:
    """Logical id of the Coverage that is a member of Tasy's."""
    return f"seg-{key}"


def to_patient(member: Member, site: Site) -> tuple[Json, list[Fault]]:
    """The person. Raises MappingError: a sex in no table."""
    identifiers = [
        *identifier(CPF, member.nr_cpf, use="official"),
        *identifier(CNS, member.nr_cartao_nac_sus),
        *identifier(site.systems.sid("tasy/pessoa-fisica"), member.cd_pessoa_fisica),
    ]
    faults = checked(identifiers)
    faults += damaged_names(member)
    names = [{"use": "official", "text": member.nm_pessoa_fisica}]
    if member.nm_social:
        names.insert(0, {"use": "usual", "text": member.nm_social})
    patient: Json = {
        "resourceType": "Patient",
        "id": patient_id(member.cd_pessoa_fisica),
        "identifier": identifiers,
        "active": member.ie_situacao != "I",
        "name": names,
    }
    if member.ie_sexo:
        patient["gender"] = table("sex").to(member.ie_sexo, "ie_sexo")
    if member.dt_nascimento:
        patient["birthDate"] = member.dt_nascimento.isoformat()  # a day, in no zone
    return patient, faults


def damaged_names(member: Member) -> list[Fault]:
    """Names of the member that somebody should repair. Contract section 13."""
    return [
        Fault(element, "lost characters on its way: repair it where it comes from", "text")
        for element in ("nm_pessoa_fisica", "nm_social")
        if damaged(getattr(member, element) or "")
    ]


def to_coverage(member: Member, card: Card, plan: Plan | None, site: Site) -> Json:
    """The contract. Raises MappingError: a state or kinship in no table."""
    coverage: Json = {
        "resourceType": "Coverage",
        "id": coverage_id(member.nr_seq_segurado),
        "identifier": identifier(site.systems.sid("tasy/segurado"), member.nr_seq_segurado),
        # What is not known never opens anything.
        "status": _STATUS.get(member.ie_situacao, "cancelled"),
        "subscriberId": card.cd_usuario_plano,
        "beneficiary": {"reference": f"Patient/{patient_id(member.cd_pessoa_fisica)}"},
        "payor": [site.insurer()],
    }
    if member.cd_parentesco_sib:
        kin = table("kinship").to(member.cd_parentesco_sib, "cd_parentesco_sib")
        coverage["relationship"] = concept(
            coding(_RELATIONSHIP, kin),
            coding(
                site.systems.codes("sib-parentesco"),
                member.cd_parentesco_sib,
                table("kinship").displays[member.cd_parentesco_sib],
            ),
        )
    period = site.period(member.dt_contratacao, member.dt_rescisao)
    if period:
        coverage["period"] = period
    if member.dt_limite_utilizacao:
        limit = member.dt_limite_utilizacao.isoformat()
        coverage["extension"] = [{"url": site.systems.extension("limite-utilizacao"), "valueDate": limit}]
    if plan:
        coverage["class"] = [
            {
                "type": concept(coding(_CLASS, "plan")),
                "value": str(plan.nr_seq_plano),
                **({"name": plan.ds_plano} if plan.ds_plano else {}),
            }
        ]
    return coverage
