"""How a reply to a question is read."""

from __future__ import annotations

import pytest

from care_services.triage.answers import read_yes_no
from care_services.triage.normal import words_of
from care_services.triage.rule_set import rules


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("sim", True),
        ("tá bem mole", True),
        ("tá dormindo direto", True),
        ("não", False),
        ("respira bem", False),
        ("tô fazendo xixi normal", False),
        ("fez xixi agora há pouco", False),
        ("mama bem, acorda e sorri", False),
        ("sim, mama bem", None),
        ("fala bem enrolado", None),
        ("respirando mal", None),
        ("não sei", None),
    ],
)
def test_a_reply(reply: str, read: bool | None) -> None:
    assert read_yes_no(words_of(reply, rules().spellings)) is read
