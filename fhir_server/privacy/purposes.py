"""What data are used for by consent: purposes, the words that are agreed to, and their versions. Pure data.

A text that changes gets a new version: what somebody agreed to is told by the version in their Consent. The words need
the signature of whoever answers for data protection (LGPD, art. 41).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SYSTEM = "urn:fhir-hub:CodeSystem:consent-purpose"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose."""

    code: str
    title: str
    text: str
    """What is agreed to, in the person's words."""
    version: int
    """Of title and text."""
    basis: str
    """Legal ground."""
    by_default: bool = False
    """What holds for those who never said."""
    switchable: bool = True
    """Whether it ends by a no: what the contract and the law ask for does not."""
    reason: str | None = None
    """What it is to access control: https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html; None: nothing."""
    labels: tuple[str, ...] = ()
    """Security labels that a yes opens."""


_BY_CONSENT = "LGPD, art. 7º, I e art. 11, I (consentimento)"

PURPOSES: Mapping[str, Purpose] = {
    purpose.code: purpose
    for purpose in (
        Purpose(
            "care-messages", "Mensagens sobre o seu atendimento",
            "A operadora responde às suas mensagens, confere se você está bem depois de uma orientação e avisa sobre"
            " autorizações. Fazem parte do atendimento; se preferir outro canal, é só pedir.",
            1, "LGPD, art. 7º, V (contrato) e art. 11, II, f (tutela da saúde)", True, False,
        ),
        Purpose(
            "sensitive-care", "Dados sensíveis para todos que cuidam de você",
            "Todos os profissionais de saúde com acesso ao seu prontuário poderão ver também registros de saúde mental,"
            " HIV, álcool e outras drogas e violência, para o seu atendimento. Sem o seu sim, só quem já trata você os"
            " vê.",
            1, _BY_CONSENT, reason="TREAT", labels=("PSY", "ETH", "HIV", "SDV"),
        ),
        Purpose(
            "reminders", "Lembretes",
            "A operadora manda lembretes de consultas, vacinas e exames pelo canal que você escolheu. Para parar,"
            " responda SAIR a qualquer mensagem ou desligue aqui.",
            1, _BY_CONSENT,
        ),
        Purpose(
            "wellness", "Bem-estar",
            "A operadora usa o que você e os seus aparelhos registram (passos, sono, peso) para sugerir hábitos e"
            " programas de saúde. Para parar, responda SAIR ou desligue aqui.",
            1, _BY_CONSENT,
        ),
        Purpose(
            "healthpoints", "Pontos de saúde",
            "Você ganha pontos por participar (responder, vacinar-se, concluir um curso), nunca por resultados de"
            " saúde. Os pontos ganhos valem por 90 dias depois que você desligar.",
            1, _BY_CONSENT,
        ),
        Purpose(
            "ai-assistance", "Assistência por inteligência artificial",
            "Um modelo de computador ajuda a organizar as suas mensagens e a apontar riscos; quem decide é sempre um"
            " profissional. Sem o seu sim, nenhum modelo avalia os seus dados.",
            1, _BY_CONSENT,
        ),
        Purpose(
            "research", "Pesquisa em saúde",
            "Os seus dados podem ser usados em pesquisas em saúde aprovadas por comitê de ética, sempre que possível"
            " sem o seu nome. O que já foi publicado não pode ser desfeito; o uso novo para quando você desligar.",
            1, _BY_CONSENT, reason="HRESCH",
        ),
        Purpose(
            "marketing", "Ofertas e novidades",
            "A operadora pode usar os seus dados de cadastro para mandar ofertas e novidades. Dados de saúde nunca são"
            " usados para oferecer ou recusar planos. Para parar, responda SAIR ou desligue aqui.",
            1, _BY_CONSENT, reason="HMARKT",
        ),
    )
}  # fmt: skip
"""Code -> purpose, in the order in which they are shown. Treatment, payment and operations go by law, and need none."""
