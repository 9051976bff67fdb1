"""What comes of free words: flows without buttons, the clinical first, questions where it is unclear; section 3."""

from __future__ import annotations

import pytest

from care_services.chat.conversation import Desk
from care_services.chat.distress import distressed
from care_services.chat.medication import PHARMACIST, SUPPLY, WRONG_DOSE, desk_of
from care_services.chat.wishes import APART, LEAST, wish
from care_services.triage.rule_set import rules
from tests.care_services.chat.talking import Member


def opened() -> Member:
    member = Member()
    member.writes("oi")
    return member


@pytest.mark.parametrize("first", [False, True])
def test_an_authorization_is_asked_for_without_buttons(first: bool) -> None:
    member = Member() if first else opened()
    member.writes("quero autorizar uma ressonância")
    assert member.now.state == "authorization"
    assert member.names[-1] == "ask_authorization_order"
    assert f"Protocolo {member.now.protocol}" in member.says[-1].text
    member.writes("a guia é 20394857")
    assert member.desks == [("service-desk", "routine")]
    assert member.now.given == (("exam", "ressonancia"), ("protocol", "20394857"))


@pytest.mark.parametrize(
    ("text", "state", "desks"),
    [
        ("quero marcar uma consulta com cardiologista na sexta", "human", [("service-desk", "routine")]),
        ("quero marcar uma consulta", "appointment", []),
        ("preciso da segunda via do boleto", "human", [("service-desk", "routine")]),
        ("posso tomar losartana em jejum?", "human", [("pharmacist", "routine")]),
        ("quero falar com um atendente por favor", "human", [("service-desk", "routine")]),
        ("isso é um absurdo, quero falar com um atendente", "human", [("service-desk", "urgent")]),
    ],
)
def test_a_wish_is_a_flow_or_a_person(text: str, state: str, desks: list[tuple[str, str]]) -> None:
    member = opened()
    member.writes(text)
    assert (member.now.state, member.desks) == (state, desks)


@pytest.mark.parametrize(
    "text",
    ["ele mandou a localização do viaduto e disse cuida da minha mãe", "a localização do viaduto, cuida da minha mãe"],
)
def test_a_story_without_an_administrative_word_is_no_administrative_wish(text: str) -> None:
    member = Member()
    member.writes(text)
    assert member.now.state in ("safety", "emergency")


@pytest.mark.parametrize(
    "text",
    [
        "preciso de um encaminhamento, mas não estou com falta de ar",
        "quero marcar uma consulta, não tenho dor no peito",
    ],
)
def test_a_sign_that_is_denied_or_past_is_asked_before_any_other_wish(text: str) -> None:
    member = Member()
    member.writes(text)
    assert member.now.state == "safety"


@pytest.mark.parametrize(
    "text",
    [
        "quero marcar um dermatologista porque estou com tosse",
        "dor de garganta. e quero a segunda via do boleto",
    ],
)
def test_the_clinical_comes_first_and_the_other_wish_is_kept(text: str) -> None:
    member = opened()
    member.writes(text)
    assert member.now.state == "safety"
    assert member.desks == [("service-desk", "routine")]
    assert "kept" in member.names


def test_a_wish_after_a_level_is_kept_and_the_level_stays() -> None:
    member = opened()
    member.writes("estou com uma tosse leve")
    for _ in range(25):
        if member.now.state == "concluded":
            break
        member.writes("34 anos" if member.names[-1] == "ask:age" else "Não")
    told = member.now.told
    member.writes("quero a segunda via do boleto")
    assert (member.now.state, member.now.told, member.names) == ("concluded", told, ["kept"])


def test_somebody_in_an_interview_may_ask_for_a_person_in_their_own_words() -> None:
    member = opened()
    member.taps("Tenho um sintoma")
    member.writes("quero falar com um atendente por favor")
    assert member.now.state == "human"
    assert member.desks == [("nurse-callback", "urgent")]


def test_what_is_unclear_is_asked_and_a_person_comes_at_the_third_time() -> None:
    member = opened()
    for name in ("menu_again", "menu_again", "M-13"):
        member.writes("qwxz zzkj vrrt")
        assert name in member.names
    assert member.now.state == "human"


def test_thanks_and_greetings_call_nobody() -> None:
    member = opened()
    for text, name in (("muito obrigada pela ajuda", "thanks"), ("bom dia, tudo bem?", "menu")):
        member.writes(text)
        assert member.names == [name]
        assert not member.desks


@pytest.mark.parametrize(
    ("likely", "among"),
    [
        ({"a": 0.95, "b": 0.05}, ("a",)),
        ({"a": LEAST, "b": 0.3, "c": 0.1}, ("a",)),
        ({"a": LEAST - 0.01, "b": 0.31, "c": 0.1}, ("a", "b")),
        ({"a": 0.48, "b": 0.48 - APART + 0.01, "c": 0.13}, ("a", "b")),
        ({"a": 0.34, "b": 0.33, "c": 0.33}, ("a", "b", "c")),
    ],
)
def test_what_is_clear(likely: dict[str, float], among: tuple[str, ...]) -> None:
    assert wish(likely).among == among


@pytest.mark.parametrize(
    ("text", "desk"),
    [
        ("losartana é antes ou depois de comer?", PHARMACIST),
        ("tomei duas vezes o remédio da tireoide", WRONG_DOSE),
        ("dei a dose errada do xarope pro meu filho", WRONG_DOSE),
        ("posso tomar duas vezes ao dia?", PHARMACIST),
        ("preciso renovar a receita do puran", SUPPLY),
        ("vocês entregam remédio em casa?", SUPPLY),
        ("estou grávida, posso tomar dipirona?", None),
        ("acho que me deu reação ao antibiótico", None),
        ("dipirona pro meu bebê", None),
        ("tomei a cartela inteira", None),
        ("depois do remédio fiquei com o peito estranho", None),
    ],
)
def test_whom_a_question_on_medicines_goes_to(text: str, desk: Desk | None) -> None:
    assert desk_of(text, rules()) == desk


def test_a_reaction_to_a_medicine_is_screened() -> None:
    member = opened()
    member.writes("posso tomar amoxicilina? da outra vez deu reação")
    assert member.now.state == "safety"


@pytest.mark.parametrize(
    ("text", "found"),
    [("pelo amor de Deus me atende", True), ("estou DESESPERADA", True), ("bom dia", False), ("", False)],
)
def test_words_of_distress(text: str, found: bool) -> None:
    assert distressed(text, rules()) is found
