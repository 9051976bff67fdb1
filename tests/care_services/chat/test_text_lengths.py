"""Every text that can be told to a member fits the channel, its slots at their longest, the notice before it."""

from __future__ import annotations

import re

import pytest

from care_services.chat import wording
from care_services.chat.conversation import Say
from care_services.chat.levels_told import LEVELS_TOLD
from care_services.chat.recorded.communication_request import together
from care_services.triage.rule_set import rules
from care_services.triage.state import Question
from mappings.whatsapp.outgoing import BODY, BUTTON, BUTTON_ID, BUTTONS, ROW, ROWS

TEXTS = rules().texts
LONGEST = {
    "protocol": "9" * 20, "minutes": "1440", "quotes": "x" * 500, "first_name": "x" * 40, "phone": "+55 17 99999-9999",
    "rule_title": max((rule.title for rule in (*rules().flags, *rules().pairs)), key=len),
    "action": max((text for name, text in TEXTS.items() if name.startswith("action_")), key=len),
    "warning_signs": TEXTS["warning_signs"], "slot": TEXTS["slot"],
}  # fmt: skip
OFFERED = [
    value for value in vars(wording).values() if isinstance(value, tuple) and value and isinstance(value[0], tuple)
]


def filled(text: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda slot: LONGEST.get(slot[1], "x" * 60), text)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_text_fits_with_its_slots_at_their_longest(name: str) -> None:
    assert len(filled(TEXTS[name])) <= BODY
    said = together([Say("notice", TEXTS["notice"]), Say(name, filled(TEXTS[name]))])
    assert len(said.text) <= BODY or name.startswith("M-17")


@pytest.mark.parametrize("code", sorted(code for code, one in rules().findings.items() if one.ask))
def test_every_question_fits_with_its_buttons(code: str) -> None:
    asked = wording.question(rules(), Question(code, rules().findings[code].ask), 999_999)
    assert len(asked.text) <= BODY
    assert len(asked.options) <= BUTTONS
    assert all(len(one.title) <= BUTTON and len(one.id) <= BUTTON_ID for one in asked.options)


def test_the_safety_screen_is_a_list_that_fits() -> None:
    titles = [*(row["title"] for row in rules().screen["rows"]), rules().screen["none"]]
    assert len(titles) <= ROWS
    assert all(len(title) <= ROW for title in titles)


@pytest.mark.parametrize("choices", [*OFFERED, *(one.options for one in LEVELS_TOLD.values() if one.options)])
def test_every_choice_is_buttons_that_fit(choices: tuple[tuple[str, str], ...]) -> None:
    assert len(choices) <= BUTTONS
    assert all(len(title) <= BUTTON for _, title in choices)
