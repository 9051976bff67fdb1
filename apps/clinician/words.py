"""What the pages say, in Portuguese and English: headings, states, units of age."""

from __future__ import annotations

from collections.abc import Callable, Mapping

LANGUAGES = ("pt", "en")

WORDS: Mapping[str, tuple[str, str]] = {
    "app": ("Prontuário", "Patient record"),
    "skip": ("Ir para o conteúdo", "Skip to content"),
    "born": ("Nascimento", "Born"),
    "deceased": ("Falecido(a)", "Deceased"),
    "sex": ("Sexo", "Sex"),
    "signed in": ("Profissional", "Signed in"),
    "sign out": ("Sair", "Sign out"),
    "sign in": ("Entrar", "Sign in"),
    "other language": ("English", "Português"),
    "allergies": ("Alergias e intolerâncias", "Allergies and intolerances"),
    "problems": ("Lista de problemas", "Problem list"),
    "medication": ("Medicamentos", "Medication"),
    "vital signs": ("Sinais vitais", "Vital signs"),
    "laboratory": ("Exames laboratoriais", "Laboratory"),
    "timeline": ("Atendimentos e contas", "Encounters and claims"),
    "documents": ("Documentos", "Documents"),
    "consents": ("Consentimentos", "Consents"),
    "nothing": ("Nada registrado.", "Nothing on record."),
    "no allergies": (
        "Nenhuma alergia registrada. Isso não quer dizer que não haja nenhuma: pergunte.",
        "No allergy on record. That does not mean there is none: ask.",
    ),
    "forbidden": ("Seu acesso não inclui estes dados.", "Your access does not include these data."),
    "unavailable": (
        "Estes dados não puderam ser lidos agora. Recarregue a página; não conclua que não existem.",
        "These data could not be read just now. Reload the page; do not conclude that there are none.",
    ),
    "incomplete": (
        "Há mais registros do que os mostrados aqui.",
        "There is more on record than is shown here.",
    ),
    "earlier": ("Anteriores", "Earlier"),
    "last": ("Último valor", "Latest value"),
    "range": ("Faixa de referência", "Reference range"),
    "general range": ("Faixa geral para adultos em repouso", "General range for adults at rest"),
    "no range": ("Sem faixa de referência no registro", "No reference range on record"),
    "outside": ("fora da faixa", "out of range"),
    "preliminary": ("preliminar", "preliminary"),
    "values": ("Valores", "Values"),
    "date": ("Data", "Date"),
    "value": ("Valor", "Value"),
    "open": ("Abrir", "Open"),
    "claim": ("Conta", "Claim"),
    "encounter": ("Atendimento", "Encounter"),
    "years": ("anos", "years"),
    "months": ("meses", "months"),
    "days": ("dias", "days"),
    "welcome": (
        "Abra o prontuário de um paciente com seu acesso profissional.",
        "Open a patient's record with your professional access.",
    ),
    "failed": ("Não foi possível abrir o prontuário", "The record could not be opened"),
    "expired": ("Sua sessão terminou", "Your session is over"),
    "again": ("Entre de novo para continuar.", "Sign in again to go on."),
    "unknown": ("desconhecido", "unknown"),
}
"""Key -> Portuguese, English."""

CODES: Mapping[str, tuple[str, str]] = {
    "male": ("masculino", "male"),
    "female": ("feminino", "female"),
    "other": ("outro", "other"),
    "unknown": ("desconhecido", "unknown"),
    "active": ("ativo", "active"),
    "recurrence": ("recorrência", "recurrence"),
    "relapse": ("recaída", "relapse"),
    "inactive": ("inativo", "inactive"),
    "remission": ("em remissão", "in remission"),
    "resolved": ("resolvido", "resolved"),
    "high": ("criticidade alta", "high criticality"),
    "low": ("criticidade baixa", "low criticality"),
    "unable-to-assess": ("criticidade não avaliada", "criticality not assessed"),
    "on-hold": ("suspenso", "on hold"),
    "intended": ("previsto", "intended"),
    "stopped": ("interrompido", "stopped"),
    "completed": ("concluído", "completed"),
    "cancelled": ("cancelado", "cancelled"),
    "draft": ("rascunho", "draft"),
    "not-taken": ("não tomado", "not taken"),
    "planned": ("agendado", "planned"),
    "arrived": ("chegou", "arrived"),
    "triaged": ("triado", "triaged"),
    "in-progress": ("em curso", "in progress"),
    "onleave": ("em licença", "on leave"),
    "finished": ("encerrado", "finished"),
    "claim": ("conta", "claim"),
    "preauthorization": ("autorização prévia", "preauthorization"),
    "predetermination": ("consulta prévia de cobertura", "predetermination"),
    "proposed": ("proposto", "proposed"),
    "rejected": ("recusado", "rejected"),
    "permit": ("permite", "permits"),
    "deny": ("nega", "denies"),
    "H": ("alto", "high"),
    "HH": ("crítico alto", "critically high"),
    "L": ("baixo", "low"),
    "LL": ("crítico baixo", "critically low"),
    "A": ("anormal", "abnormal"),
    "AA": ("crítico", "critical"),
    "N": ("normal", "normal"),
}
"""FHIR code -> Portuguese, English; a code that is not here is shown as it is."""


def speaker(language: str) -> tuple[Callable[[str], str], Callable[[str], str]]:
    """(words by key, words by FHIR code) of a language. A key that does not exist raises KeyError."""
    position = LANGUAGES.index(language)

    def say(key: str) -> str:
        return WORDS[key][position]

    def code(value: str) -> str:
        return CODES[value][position] if value in CODES else value

    return say, code


def language_of(chosen: str | None, accept: str) -> str:
    """Language of a page: what the person chose, else the first known one of Accept-Language, else Portuguese."""
    if chosen in LANGUAGES:
        return chosen
    for part in accept.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return LANGUAGES[0]
