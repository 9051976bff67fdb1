"""What the page says of codes: roles, reasons, kinds of data, interactions, states of requests. In Portuguese."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

BRASILIA = timezone(timedelta(hours=-3))
"""Without daylight saving since 2019 (Decreto 9.772/2019)."""

ROLES: Mapping[str, str] = {
    "member": "titular", "guardian": "responsável", "nurse": "enfermagem", "physician": "médico(a)",
    "pharmacist": "farmácia", "service-desk": "central de atendimento", "coordinator": "coordenação do atendimento",
    "medical-auditor": "auditoria médica", "claims-analyst": "análise de contas", "provider-staff": "equipe da clínica",
    "operator": "operação do sistema", "operator-unmask": "operação com acesso a dados",
    "security-officer": "segurança da informação", "privacy-officer": "encarregado(a) de dados",
}  # fmt: skip
REASONS: Mapping[str, str] = {
    "TREAT": "atendimento", "HPAYMT": "pagamento de contas", "HOPERAT": "operação do plano",
    "PATRQT": "a seu pedido", "HRESCH": "pesquisa", "HMARKT": "ofertas", "PUBHLTH": "saúde pública",
    "COVERAGE": "cobertura do plano", "BTG": "emergência",
}  # fmt: skip
KINDS: Mapping[str, str] = {
    "Patient": "cadastro", "Condition": "diagnósticos", "AllergyIntolerance": "alergias",
    "MedicationRequest": "receitas", "MedicationStatement": "medicamentos", "Immunization": "vacinas",
    "Observation": "medidas e exames", "DiagnosticReport": "laudos", "Procedure": "procedimentos",
    "Encounter": "atendimentos", "Appointment": "consultas", "ServiceRequest": "pedidos de exames",
    "DocumentReference": "documentos", "Communication": "mensagens", "Consent": "consentimentos",
    "Coverage": "cobertura", "Claim": "contas", "ClaimResponse": "respostas a contas",
    "ExplanationOfBenefit": "contas pagas", "Task": "os seus pedidos", "CarePlan": "planos de cuidado",
    "Media": "fotos", "ImagingStudy": "exames de imagem", "Provenance": "origem dos registros",
    "QuestionnaireResponse": "questionários", "Practitioner": "profissionais", "Organization": "organizações",
}  # fmt: skip
"""Resource type -> words; others are told by their name."""
VERBS: Mapping[str, str] = {"C": "registrou", "R": "consultou", "U": "alterou", "D": "apagou", "E": "consultou"}
"""https://hl7.org/fhir/R4/valueset-audit-event-action.html"""
STATES: Mapping[str, str] = {
    "requested": "recebido, aguarda decisão", "accepted": "aceito, em andamento", "rejected": "recusado",
    "completed": "concluído", "in-progress": "em andamento", "cancelled": "cancelado",
}  # fmt: skip
REQUESTS: Mapping[str, str] = {"rectification": "Correção", "erasure": "Eliminação de dados"}
SPEAKERS: Mapping[str, str] = {"patient": "você", "guardian": "responsável"}


def moment(text: str) -> str:
    """An instant as people here write it; as it is, where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    if found.tzinfo is None:
        return found.strftime("%d/%m/%Y")
    return found.astimezone(BRASILIA).strftime("%d/%m/%Y %H:%M")


def day(text: str) -> str:
    """The day of a FHIR date or instant."""
    return moment(text)[:10]


def kind(resource_type: str) -> str:
    """Words for a resource type."""
    return KINDS.get(resource_type, resource_type)
