"""Sayings about prices, sleep, cars and games send nobody to help; what is grave in the same words does."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from care_services.triage.assessment import assess
from care_services.triage.rule_set import rules
from care_services.triage.scanner import scan

TABLE = tomllib.loads((Path(__file__).parent / "figurative.toml").read_text())


def said_in(lines: str) -> list[str]:
    return [" ".join(one.split()) for one in lines.split(";")]


@pytest.mark.parametrize("said", said_in(TABLE["sayings"]))
def test_a_saying_sends_nobody_to_help(said: str) -> None:
    heard = scan(said, rules())
    assert not assess(heard.present(), heard.facts, rules()).stops


@pytest.mark.parametrize(
    ("code", "told"), [(code, told) for code, lines in TABLE["grave"].items() for told in said_in(lines)]
)
def test_the_same_words_in_earnest_are_a_sign(code: str, told: str) -> None:
    assert code in scan(told, rules()).present()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("major_trauma", "meu primo capotou ontem"),
        ("major_trauma", "a televisão explodiu"),
        ("unconscious", "tá desligado"),
        ("weapon_wound", "uma facada"),
        ("call_for_help", "help"),
        ("seizure", "ficou debatendo"),
        ("abuse_told", "a gripe me derrubou"),
        ("stops_breathing", "tentei ressuscitar"),
        ("burn_severe", "uma fumaça preta"),
        ("eye_red_painful", "um arco-íris"),
    ],
)
def test_what_may_be_either_is_asked(code: str, told: str) -> None:
    heard = scan(told, rules())
    assert code not in heard.present()
    assert code in heard.to_ask()


def test_laughter_is_no_drug() -> None:
    assert "near_substance" not in scan("kkkk", rules()).present()
    assert "near_substance" in scan("usou k9", rules()).present()
