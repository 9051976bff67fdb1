"""What is asked before it counts, because a story sounds everyday; and what counts in any story."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from care_services.triage.assessment import assess
from care_services.triage.doubt import alone, everyday, in_doubt
from care_services.triage.interview import step
from care_services.triage.rule_set import rules
from care_services.triage.state import State
from tests.care_services.triage.test_levels_never_fall import CODES, FACTS

STORY = (
    "oi, bom dia! tô com coriza e o nariz escorrendo desde ontem, garganta arranhando um pouquinho, queria saber se "
    "posso tomar chá de limão com mel ou se precisa de consulta, tô comendo bem e trabalhando normal. "
)
SWOLLEN = "o pescoço tá meio inchado"
CALM = {"about": "Sobre mim", "age": "30 anos", "pregnancy": "Não", "screen": "Nenhum destes"}


def asked_to(code: str, story: str, replies: dict[str, str] = CALM) -> State:
    """The interview where `code` is asked, everything before answered so."""
    state = step(State(), story, rules())
    while state.pending and state.pending.id != code:
        state = step(state, replies.get(state.pending.id, "Não"), rules())
    return state


def test_the_same_words_name_a_sign_or_point_to_it() -> None:
    assert not everyday(SWOLLEN, rules())
    assert step(State(), SWOLLEN, rules()).level == "very-urgent"
    told = step(State(), STORY + SWOLLEN, rules())
    assert (told.outcome, told.findings["allergy_swelling"].present) == (None, None)
    assert not alone(STORY + SWOLLEN, rules()).stops


@pytest.mark.parametrize(("reply", "told"), [("Sim", True), ("tá inchado", True), ("Não", False)])
def test_a_sign_in_doubt_is_asked_and_the_answer_counts(reply: str, told: bool) -> None:
    state = asked_to("allergy_swelling", STORY + SWOLLEN)
    assert state.asked[-2:] == ("screen", "allergy_swelling")
    assert (step(state, reply, rules()).level == "very-urgent") is told


def test_silence_does_not_clear_it() -> None:
    state = asked_to("allergy_swelling", STORY + SWOLLEN)
    state = step(step(state, "hum", rules()), "hum", rules())  # it is asked twice
    while state.pending:
        state = step(state, "Não", rules())
    assert (state.outcome, state.level) == ("level", "very-urgent")


def test_what_a_relative_plays_down_is_asked_all_the_same() -> None:
    assert asked_to("allergy_swelling", STORY + SWOLLEN + " mas não é nada, é frescura").pending


def test_a_reply_in_an_everyday_story_asks_as_well() -> None:
    state = step(asked_to("onset", STORY), SWOLLEN, rules())
    assert state.level not in ("emergency", "very-urgent")
    assert state.pending is not None
    assert state.pending.id == "allergy_swelling"


def test_what_answers_the_question_that_asks_for_it_counts_at_once() -> None:
    state = step(asked_to("screen", STORY), SWOLLEN, rules())
    assert state.level == "very-urgent"


@pytest.mark.parametrize(("above", "level"), [(99.0, "urgent"), (2.0, "very-urgent")])
def test_a_story_that_sounds_grave_is_so_when_all_is_denied(above: float, level: str) -> None:
    heavy = replace(rules().everyday, weights={"xyzzy": 5.0}, above=above)
    using = replace(rules(), everyday=heavy)
    state = step(State(), "xyzzy", using)
    while state.pending:
        state = step(state, CALM.get(state.pending.id, "Não"), using)
    assert state.level == level


TYPICAL = """
dor no peito; aperto no peito; sem ar; lábio roxo; a bombinha não resolve; falta de ar; cansaço pra respirar; engasgou;
boca torta; fala enrolada; perdeu a força de um lado; não enxerga de repente; não acorda; teve convulsão; desmaiou;
ele está confuso; não fala coisa com coisa; muito sonolento; pior dor de cabeça da vida; nuca dura com febre;
febre e manchas roxas; a língua inchou; garganta fechando; não para de sangrar; vomitando sangue; fezes pretas;
acidente de carro; bateu a cabeça e vomitou; levou uma facada; queimou o rosto; levou choque; tomei muitos comprimidos;
bebeu água sanitária; vou me matar; tomei pra morrer; queria sumir; está me batendo; ele me bate; grávida e sangrando;
bolsa estourou; bebê não mexe; meu bebê de 1 mês com febre; bebê de 1 mês não mama; filho de 1 ano molinho;
afundando a costela; febre e confusão; febre e faço quimio; dengue e dor na barriga; picada de cobra;
picada de escorpião; glicemia 480 e confuso; barriga dura; dor no testículo; pedra no rim com febre;
não consigo urinar; pé gelado e branco; perna inchada só de um lado; pernas não respondem;
parei de enxergar; caiu produto no olho; boca não abre; mordida de morcego; pele amarela e sonolento;
coração disparado e tontura; oxímetro 88; não engole a saliva; socorro; dor insuportável; piorando rápido;
não consigo respirar; não sinto as pernas; não aguento mais viver
"""
"""The contract's own words, sections 5 and 6, each where it says of whom or what as people do."""


@pytest.mark.parametrize("words", [one.strip() for one in TYPICAL.split(";")])
def test_the_contracts_words_count_in_any_story(words: str) -> None:
    story = f"{STORY}{words}"
    assert everyday(story, rules())
    assert alone(story, rules()).stops
    assert step(State(), story, rules()).outcome == "level"


@settings(max_examples=200, deadline=None)
@given(CODES, CODES, FACTS)
def test_without_what_is_in_doubt_only_the_rest_counts(
    some: list[str], weak: list[str], facts: dict[str, float]
) -> None:
    present = {*some, *weak}
    signs = {code for code in weak if rules().findings[code].kind == "sign"}
    doubted = in_doubt(present, weak, facts, rules())
    rest = assess(present - signs, facts, rules())
    assert doubted <= signs
    assert assess(present - doubted, facts, rules()).stops is rest.stops
    assert not (doubted and rest.stops)
