"""A worded reply is shown only if it says nothing that approved passages do not say; else the passage itself is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.assistance.passages import about, passages
from care_services.assistance.reply import LONGEST, checked
from care_services.chat.conversation import GENERAL, OPEN, Conversation, Inbound, Worded
from care_services.chat.engine import turn
from care_services.triage.rule_set import rules
from simulators.language_model.hostile import REPLIES, hostile_reply
from simulators.language_model.reading import phrasing
from tests.care_services.chat.talking import NOON

GIVEN = {id: one.text for id, one in passages().items()}


def content(*sentences: tuple[str, list[str]]) -> str:
    return json.dumps({"sentences": [{"text": text, "passages": cited} for text, cited in sentences]})


@pytest.mark.parametrize(
    ("text", "cited", "shown"),
    [
        ("O reembolso depende do seu contrato.", ["reembolso"], True),
        ("Guarde a nota fiscal e o pedido médico.", ["reembolso"], True),
        ("O prazo máximo é de 30 dias.", ["reembolso"], True),
        ("O prazo máximo é de 20 dias.", ["reembolso"], False),
        ("O prazo máximo é de vinte dias.", ["reembolso"], False),
        ("O reembolso depende do seu contrato.", ["ans"], False),
        ("O reembolso depende do seu contrato.", [], False),
        ("O reembolso depende do seu contrato.", ["inventada"], False),
        ("Veja em https://curas.example", ["reembolso"], False),
        ("Use o site gov.br/ans.", ["ans"], True),
        ("Use o site gov.br.example/ans.", ["ans"], False),
        ("Seu reembolso foi aprovado.", ["reembolso"], False),
        ("Fique tranquilo, o reembolso depende do contrato.", ["reembolso"], False),
        ("O reembolso da dor no peito depende do contrato.", ["reembolso"], False),
        ("", ["reembolso"], False),
    ],
)
def test_sentences(text: str, cited: list[str], shown: bool) -> None:
    assert (checked(content((text, cited)), GIVEN, rules()) == text) is (shown and bool(text))


@pytest.mark.parametrize("kind", sorted(REPLIES))
def test_nothing_hostile_is_shown(kind: str) -> None:
    given = [{"id": id, "text": text} for id, text in GIVEN.items()]
    assert not [seed for seed in range(40) if checked(hostile_reply(kind, seed, given), GIVEN, rules())]


def test_a_reply_that_means_well_is_shown_and_a_long_one_is_not() -> None:
    one = [{"id": "reembolso", "text": GIVEN["reembolso"]}]
    assert checked(json.dumps(phrasing(one, "reembolso?")), GIVEN, rules()) == GIVEN["reembolso"]
    many = content(*[("O reembolso depende do seu contrato.", ["reembolso"])] * (LONGEST // 30))
    assert checked(many, GIVEN, rules()) is None


@given(st.text(max_size=300))
def test_any_content_has_an_answer(text: str) -> None:
    assert checked(text, GIVEN, rules()) is None
    assert checked(content((text, ["ans"])), GIVEN, rules()) is None or len(text) < LONGEST


@pytest.mark.parametrize(
    ("question", "id"),
    [
        ("qual o prazo para uma consulta?", "prazos"), ("Como funciona a CARÊNCIA do parto?", "carencia"),
        ("quero reembolso de uma consulta", "reembolso"), ("negaram meu exame, e agora?", "negativa"),
        ("onde faço reclamação na ANS", "ans"), ("quero o boleto", None), ("bom dia", None),
    ],
)  # fmt: skip
def test_what_a_question_is_about(question: str, id: str | None) -> None:
    found = about(question)
    assert (found[0].id if found else None) == id


def test_in_general_the_passage_or_the_models_words_are_said_and_a_person_is_offered() -> None:
    before = Conversation(state=GENERAL, noticed=True, model_told=True)
    asked = Inbound("m1", "text", NOON, NOON, "como funciona o reembolso?")
    came = turn(before, asked, rules(), "P")
    [say] = came.says
    assert (say.text, say.by, came.conversation.state) == (GIVEN["reembolso"], None, OPEN)
    assert [one.title for one in say.options] == ["Chamar pessoa"]
    worded = Worded("O reembolso depende do seu contrato.", "m, prompt 1")
    [say] = turn(before, replace(asked, worded=worded), rules(), "P").says
    assert (say.text, say.by) == (worded.text, worded.by)
