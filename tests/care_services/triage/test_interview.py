"""What the interview asks for what a story points to, and what becomes of a story that no rule knows."""

from __future__ import annotations

import pytest

from care_services.triage.interview import step
from care_services.triage.rule_set import rules
from care_services.triage.state import State
from tests.care_services.triage.conftest import Refused


def told(story: str, about: str, age: str) -> State:
    """The interview at its end, where everything is answered no."""
    state = step(State(), story, rules())
    while state.pending:
        replies = {"about": about, "age": age, "screen": "Nenhum destes"}
        state = step(state, replies.get(state.pending.id, "Não"), rules())
    return state


@pytest.mark.parametrize(
    ("story", "age", "asked"),
    [
        ("meu chinelo não fica no lugar", "70 anos", {"one_side_weak", "limb_cold", "confused"}),
        ("a testa dele", "40 anos", {"worst_headache", "head_injury", "stiff_neck"}),
        ("mexi na lenha do quintal", "30 anos", {"bite_snake", "bite_scorpion"}),
        ("achei o armário aberto", "2 anos", {"poisoning", "choking", "button_battery"}),
    ],
)
def test_what_a_story_points_to_is_asked(story: str, age: str, asked: set[str]) -> None:
    assert asked <= set(told(story, "Outra pessoa", age).asked)


@pytest.mark.parametrize(
    ("story", "about", "age", "level"),
    [
        ("o jeito dela mudou e a xícara ficou na mesa", "Outra pessoa", "58 anos", "very-urgent"),
        ("um trem esquisito no juízo", "Sobre mim", "40 anos", "very-urgent"),
        ("uma casquinha aqui, coisa pequena", "Sobre mim", "40 anos", "urgent"),
        ("quero marcar uma consulta", "Outra pessoa", "58 anos", "urgent"),
    ],
)
def test_a_story_that_no_rule_knows(story: str, about: str, age: str, level: str) -> None:
    state = told(story, about, age)
    assert (state.outcome, state.level) == ("person", level)


def test_the_screen_shows_what_can_be() -> None:
    def rows(age: str) -> str:
        state = step(State(), "está diferente", rules())
        while state.pending and state.pending.id != "screen":
            state = step(state, {"about": "Outra pessoa", "age": age}.get(state.pending.id, "Não"), rules())
        assert state.pending
        return " ".join(state.pending.rows)

    assert "Gravidez" in rows("30 anos")
    assert "Bebê" not in rows("30 anos")
    assert "Bebê" in rows("3 meses")
    assert "Bebê" not in rows("8 meses")
    assert "Gravidez" not in rows("8 meses")


def test_a_circumstance_that_asks_what_is_not_there_is_refused(refused: Refused) -> None:
    more = '[moon]\ntitle = "lua"\nwhen = ["moonlight"]\nask = ["moon_pain"]\n'
    faults = refused("circumstances.toml", lambda text: text + more)
    assert "circumstances.toml moon" in faults
    assert "moon_pain" in faults


def test_what_replies_cannot_be_read_by_is_refused(refused: Refused) -> None:
    def changed(text: str) -> str:
        return text.replace("lasting =", "lasts =").replace("lesser = '''", "lesser = '''(")

    missing, unread, unreadable = refused("answers.toml", changed).splitlines()
    assert missing == "answers.toml: lasting is missing"
    assert unread == "answers.toml: nothing is read by 'lasts'"
    assert unreadable.startswith("answers.toml: lesser is no regular expression: ")


def test_what_only_points_is_asked_and_counts_when_it_is_confirmed() -> None:
    state = step(State(), "a gata da vizinha me arranhou no braço", rules())
    replies = {"about": "Sobre mim", "age": "40 anos", "screen": "Nenhum destes"}
    while state.pending and state.pending.id != "bite_animal":
        state = step(state, replies.get(state.pending.id, "Não"), rules())
    assert (state.pending is not None, state.level) == (True, "non-urgent")
    assert step(state, "sim", rules()).level == "very-urgent"


def asked_for(code: str, story: str, about: str, age: str) -> State:
    """The interview where it asks for the finding, everything before answered no."""
    state = step(State(), story, rules())
    replies = {"about": about, "age": age, "screen": "Nenhum destes"}
    while state.pending and state.pending.id != code:
        state = step(state, replies.get(state.pending.id, "Não"), rules())
    assert state.pending
    return state


def test_what_is_neither_yes_nor_no_is_asked_once_more_and_then_unknown() -> None:
    state = asked_for("drowsy", "meu filho está com febre", "Sobre uma criança", "4 anos")
    again = step(state, "ele é o mais novo", rules())
    assert again.pending
    assert (again.pending.id, again.pending.text) == (
        "drowsy",
        f"{rules().texts['ask_again']}\n\n{rules().findings['drowsy'].ask}",
    )
    assert again.unanswered == ()
    left = step(again, "o mais novo dos três", rules())
    assert left.pending
    assert left.pending.id != "drowsy"
    assert (left.unanswered, left.unread, left.level) == (("drowsy",), 1, "urgent")


def test_not_to_know_is_an_answer() -> None:
    state = asked_for("drowsy", "meu filho está com febre", "Sobre uma criança", "4 anos")
    left = step(state, "Não sei", rules())
    assert left.pending
    assert left.pending.id != "drowsy"
    assert (left.unanswered, left.unread, left.level) == (("drowsy",), 0, "urgent")


@pytest.mark.parametrize(("reply", "level"), [("9", "very-urgent"), ("3", "non-urgent"), ("há 9 dias", "non-urgent")])
def test_a_mark_answers_how_strong_it_is(reply: str, level: str) -> None:
    state = asked_for("severe_pain", "um trem esquisito no dedo", "Sobre mim", "40 anos")
    assert step(state, reply, rules()).level == level


@pytest.mark.parametrize(
    ("code", "story", "reply", "level"),
    [
        ("drowsy", "meu filho está com febre", "sonolento? esse não para quieto", "less-urgent"),
        ("drowsy", "meu filho está com febre", "sonolento", "emergency"),
        ("ribs_sinking", "meu filho está com tosse", "respira fundo e solto, de boa", "less-urgent"),
        ("ribs_sinking", "meu filho está com tosse", "respira fundo e rápido, mas brinca", "very-urgent"),
        ("ribs_sinking", "meu filho está com tosse", "tá com falta de ar, brincando", "very-urgent"),
    ],
)
def test_well_being_is_no_sign_of_what_was_asked(code: str, story: str, reply: str, level: str) -> None:
    state = asked_for(code, story, "Sobre uma criança", "4 anos")
    assert step(state, reply, rules()).level == level
