"""The texts of a conversation with what can be tapped below them. Pure. Care services' contract, sections 3 and 4."""

from __future__ import annotations

from collections.abc import Sequence

from care_services.chat.buttons import Button
from care_services.chat.conversation import Option, Say
from care_services.triage.rule_set import RuleSet
from care_services.triage.state import Question

YES_NO = (("sim", "Sim"), ("nao", "Não"), ("nao-sei", "Não sei"))
FREELY = frozenset({"age", "story", "onset"})
"""Questions that are answered in the member's own words."""
MENU = (("symptom", "Tenho um sintoma"), ("authorization", "Autorização"), ("other", "Outros assuntos"))
OTHER = (("appointment", "Consulta"), ("medication", "Remédios"), ("general", "Outra coisa"))
WISHES = {
    "symptom_report": ("symptom", "Tenho um sintoma"), "authorization_request": ("authorization", "Autorização"),
    "appointment_booking": ("appointment", "Consulta"), "medication_question": ("medication", "Remédios"),
    "general_inquiry": ("general", "Plano e informações"), "human_request": ("human", "Falar com alguém"),
}  # fmt: skip
"""What may be meant, as buttons of the menu."""
LEAVE = (("stay", "Continuar"), ("leave", "Sair das perguntas"))
CANCEL = (("stop", "Parar avisos"), ("request", "Um pedido"), ("nothing", "Nada"))
REVIEW, PERSON = (("review", "Quero revisão"),), (("human", "Chamar pessoa"),)
NOTICES = (("reminders", "Lembretes"), ("wellness", "Bem-estar"), ("healthpoints", "Pontos"))
POINTS = (("healthpoints", "Pontos"),)
LATE = (("sim", "Sim"), ("nao", "Já passou"))


def text(rules: RuleSet, name: str, **slots: str) -> str:
    """A text with its slots filled. Raises KeyError: there is no such text, or a slot is left open."""
    return rules.texts[name].format(**slots) if slots else rules.texts[name]


def options(
    rules: RuleSet, flow: str, item: str, answers: Sequence[tuple[str, str]], turn: int
) -> tuple[Option, ...]:  # fmt: skip
    """What can be tapped: answers and titles, with ids that say which question they belong to."""
    item = item.replace("_", "-")
    return tuple(Option(Button(flow, rules.version, item, answer, turn).id, title) for answer, title in answers)


def question(rules: RuleSet, asked: Question, turn: int) -> Say:
    """A question of the interview."""
    answers: Sequence[tuple[str, str]] = [(str(number), title) for number, title in enumerate(asked.rows)]
    if not answers and asked.id not in FREELY:
        answers = YES_NO
    return Say(f"ask:{asked.id}", asked.text, options(rules, "ask", asked.id, answers, turn))
