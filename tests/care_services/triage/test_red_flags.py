"""Every red flag, told in five ways and denied in three (section 12); every pair; every floor."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from care_services.triage.assessment import assess
from care_services.triage.conditions import Atom
from care_services.triage.levels import LEVELS, one_up
from care_services.triage.rule_set import Rule, rules
from care_services.triage.scanner import scan

TOLD = tomllib.loads((Path(__file__).parent / "red_flags.toml").read_text())


def fired(text: str) -> set[str]:
    heard = scan(text, rules())
    return {one.id for one in assess(heard.present(), heard.facts, rules()).fired}


def test_all_of_them_are_here() -> None:
    assert set(TOLD) == {rule.id for rule in rules().flags} == {f"RF{number:02}" for number in range(1, 43)}
    assert all(len(table["yes"]) >= 5 and len(table["no"]) >= 3 for table in TOLD.values())


@pytest.mark.parametrize(("flag", "text"), [(flag, text) for flag, table in TOLD.items() for text in table["yes"]])
def test_told(flag: str, text: str) -> None:
    assert flag in fired(text)


@pytest.mark.parametrize(("flag", "text"), [(flag, text) for flag, table in TOLD.items() for text in table["no"]])
def test_denied(flag: str, text: str) -> None:
    assert flag not in fired(text)


def example(rule: Rule) -> tuple[set[str], dict[str, float]]:
    """Findings and facts by which a rule holds, one for each word of its condition."""
    findings: set[str] = set()
    facts: dict[str, float] = {}
    for part in rule.when.parts:
        atom: Atom = part[0]
        if atom.compare:
            facts[atom.name] = atom.number + {">": 1, "<": -1}.get(atom.compare, 0)
        else:
            findings.add(atom.name)
    return findings, facts


@pytest.mark.parametrize(
    "rule", [*rules().flags, *rules().pairs], ids=lambda rule: f"{rule.id}: {rule.when.source[:40]}"
)
def test_a_rule_makes_its_level_at_least(rule: Rule) -> None:
    level = assess(*example(rule), rules()).level
    assert LEVELS.index(level) >= LEVELS.index(rule.level)


@pytest.mark.parametrize("floor", rules().floors, ids=lambda rule: rule.id)
def test_a_floor_is_one_level_up(floor: Rule) -> None:
    findings, facts = example(floor)
    assert assess({"throat_ear"}, {"age": 30.0}, rules()).level == "less-urgent"
    assert LEVELS.index(assess({"throat_ear", *findings}, facts, rules()).level) >= LEVELS.index(one_up("less-urgent"))
