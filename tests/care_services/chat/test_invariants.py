"""The ten invariants of the care services' contract, section 1, over whatever is written, tapped and repeated.

Those that need more than the engine have their proof elsewhere: docs/care-proofs.md lists all.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_services.chat.conversation import Concluded, Conversation, Desk, Forward, Inbound, Turn
from care_services.chat.engine import turn
from care_services.chat.keywords import WORDS, Keyword
from care_services.chat.levels_told import LEVELS_TOLD
from care_services.triage.levels import LEVELS
from care_services.triage.rule_set import rules
from hub.own_clients import CHAT, DESK, SCOPES
from tests.care_services.chat.talking import NOON
from tests.care_services.chat.test_engine_holds import ALARMS, CALM, KNOWN, STEP, STEPS, talked

ROOT = Path(__file__).parents[3]
TEXTS = rules().texts
LEAST = {"routine": 0, "urgent": 1, "asap": 2, "stat": 3}
SAID = [*TEXTS.values(), *(one.ask for one in rules().findings.values() if one.ask), rules().screen["text"]]
"""Everything that is ever told to a member."""


def ended(steps: list[tuple[str, int]], texts: list[str]) -> Conversation:
    done = talked(steps, texts)
    return done[-1][2].conversation if done else Conversation()


def answered(before: Conversation, message: Inbound) -> Turn:
    """With what the record knows of whoever writes."""
    return turn(before, replace(message, found=KNOWN), rules(), "P")


def hears(before: Conversation, text: str) -> Turn:
    return answered(before, Inbound("last", "text", NOON + 10**7, NOON + 10**7, text))


@settings(max_examples=100, deadline=None)
@given(STEPS, st.lists(st.sampled_from(CALM), min_size=1, max_size=6))
def test_1_no_words_lower_a_level_that_was_told(steps: list[tuple[str, int]], words: list[str]) -> None:
    now = ended([one for one in steps if one[0] != "pause"], CALM + ALARMS)
    for number, text in enumerate(words):
        message = Inbound(f"w{number}", "text", now.heard + 5, now.heard + 5, text)
        after = answered(now, message).conversation
        assert now.told is None or (after.told is not None and LEVELS.index(after.told) >= LEVELS.index(now.told))
        now = after


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_2_each_level_has_a_rule_or_an_answer_that_says_why(steps: list[tuple[str, int]]) -> None:
    """Above urgent; urgent is also what nobody knows enough of."""
    for _, _, came in talked(steps, CALM + ALARMS):
        for effect in came.effects:
            if isinstance(effect, Concluded) and effect.flagged:
                assert effect.fired or effect.findings or came.conversation.interview.asked


@settings(max_examples=100, deadline=None)
@given(STEPS, st.sampled_from(ALARMS), st.sampled_from(["sair", "sem ia", "cancelar"]))
def test_3_an_emergency_waits_for_nothing_that_was_said_before(
    steps: list[tuple[str, int]], alarm: str, refused: str
) -> None:
    before = hears(ended(steps, CALM), refused).conversation
    came = answered(before, Inbound("alarm", "text", NOON + 10**8, NOON + 10**8, alarm))
    assert came.conversation.state == "emergency"
    if before.told != "emergency":
        assert came.says[0].name in ("M-04", "M-06")


DISEASES = (
    r"infarto|avc|derrame|dengue|meningite|apendicite|pneumonia|diabetes|c[âa]ncer|sepse|covid|gripe|virose|enxaqueca|"
    r"trombose|embolia|asma|anemia|infec[çc][ãa]o"
)


@pytest.mark.parametrize("text", SAID)
def test_4_no_text_names_a_disease_as_the_members_or_gives_a_dose(text: str) -> None:
    said = text.lower()
    assert not re.search(
        rf"\b(?:voc[êe]|a pessoa) (?:est[áa] com|tem|teve|sofreu) (?:um |uma )?(?:{DISEASES})\b(?!.*\?)", said
    )
    assert not re.search(r"\b(?:tome|aplique|injete|engula|use \d|dê a ele)\b|\d ?(?:mg|ml|gotas|comprimidos?)\b", said)
    assert not re.search(r"\bdiagn[óo]stico (?:[ée]|de)\b", said)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_4_nothing_is_said_but_what_is_written_down(steps: list[tuple[str, int]]) -> None:
    """Texts are the signed ones: only their slots vary."""
    fixed = [re.compile(".*".join(map(re.escape, re.split(r"\{\w+\}", one))), re.S) for one in SAID]
    for _, _, came in talked(steps, CALM + ALARMS):
        for say in came.says:
            assert any(one.search(say.text) for one in fixed), say.name


@pytest.mark.parametrize("text", SAID)
def test_5_no_text_says_that_no_care_is_needed(text: str) -> None:
    said = text.lower()
    assert not re.search(r"n[ãa]o (?:precisa|[ée] necess[áa]rio) (?:de )?(?:atendimento|m[ée]dico|cuidado|ir)", said)
    assert not re.search(r"n[ãa]o [ée] (?:nada|grave)|nada grave|fique tranquil|pode ficar tranquil", said)


@pytest.mark.parametrize("level", ["non-urgent", "less-urgent"])
def test_5_the_lowest_levels_offer_a_person_and_say_what_to_watch_for(level: str) -> None:
    told = LEVELS_TOLD[level]
    assert "human" in [answer for answer, _ in told.options]
    assert "{warning_signs}" in TEXTS[told.text]
    assert told.desk.code == "nurse-callback"


@settings(max_examples=150, deadline=None)
@given(STEPS, st.sampled_from(sorted(word for word, what in WORDS.items() if what is Keyword.HUMAN)))
def test_6_a_person_is_one_word_away(steps: list[tuple[str, int]], word: str) -> None:
    came = hears(ended(steps, CALM + ALARMS), word)
    assert came.conversation.state in ("human", "emergency")
    assert [one for one in came.effects if isinstance(one, (Desk, Forward))]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.just("write"), st.integers(0, 10**6)), min_size=3, max_size=12))
def test_6_who_is_not_understood_three_times_talks_to_a_person(steps: list[tuple[str, int]]) -> None:
    assert ended([*steps, *[("write", 0)] * 4], ["qwzx kjhg plmn"]).state == "human"


@settings(max_examples=100, deadline=None)
@given(STEPS, st.randoms())
def test_7_what_is_told_again_later_has_no_second_effect(steps: list[tuple[str, int]], random: object) -> None:
    done = talked(steps, CALM + ALARMS)
    now = done[-1][2].conversation if done else Conversation()
    again = [message for message, _, _ in done]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert all(answered(now, message) == Turn(now) for message in again if message.kind != "silence")


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=12))
def test_8_the_first_that_is_said_tells_that_it_is_a_machine(steps: list[tuple[str, int]]) -> None:
    """Unless it is an emergency, a person who is called, or the answer to a word that asks for something."""
    first = next(((before, came) for _, before, came in talked(steps, CALM) if came.says), None)
    if first is not None:
        before, came = first
        names = {say.name for say in came.says}
        told = any("assistente automático" in say.text for say in came.says)
        assert before.noticed or told or names & {
            "M-04", "M-06", "M-07", "M-12", "M-13", "M-16", "notices_offer", "cancel", "nothing_told", "request_taken",
            "no_model", "thanks", "ended",
        }, names  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_8_why_review_and_refusal_of_models_in_any_state(steps: list[tuple[str, int]]) -> None:
    before = ended(steps, CALM)
    if before.state not in ("human", "emergency"):
        assert hears(before, "por que").says
        assert not hears(before, "sem ia").conversation.model


def test_9_levels_of_urgency_are_read_by_nobody_but_who_cares() -> None:
    """Of the hub's own services those that talk and those by whom nurses work; what sends and counts points cannot."""
    known = {name for name, (_, scopes) in SCOPES.items() if "RiskAssessment" in scopes or "Flag" in scopes}
    assert CHAT in known
    assert known <= {CHAT, DESK}


@pytest.mark.parametrize("room", ["delivery", "eligibility.py", "authorization.py", "points", "notices"])
def test_9_what_sells_sends_and_counts_knows_nothing_of_triage(room: str) -> None:
    place = ROOT / "care_services" / room
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else (
                [one.name for one in node.names] if isinstance(node, ast.Import) else []
            )  # fmt: skip
            assert not [name for name in names if name.startswith(("care_services.triage", "care_services.chat"))], file


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_10_a_conversation_needs_nothing_but_rules(steps: list[tuple[str, int]]) -> None:
    """The same turns, whether or not the member lets a model help: nobody asks one here."""
    for message, before, came in talked(steps, CALM + ALARMS):
        if message.kind == "silence":  # no message, but the turn that nobody wrote
            continue
        without = answered(replace(before, model=False), message)
        assert [say.name for say in without.says] == [say.name for say in came.says]
