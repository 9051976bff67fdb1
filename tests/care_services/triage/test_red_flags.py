"""Every red flag, told in five ways and denied in three (section 12); every pair; every floor."""

from __future__ import annotations

import tomllib
from itertools import product
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


def ways(rule: Rule) -> list[tuple[set[str], dict[str, float]]]:
    """Every way in which a rule holds: one word of each part of its condition."""
    found = []
    for atoms in product(*rule.when.parts):
        facts = {one.name: one.number + {">": 1, "<": -1}.get(one.compare, 0) for one in atoms if one.compare}
        found.append(({one.name for one in atoms if not one.compare}, facts))
    return found


@pytest.mark.parametrize("pair", rules().pairs, ids=lambda rule: rule.id)
def test_every_pair_in_every_way(pair: Rule) -> None:
    for findings, facts in ways(pair):
        made = assess(findings, facts, rules())
        assert pair.id in {one.id for one in made.fired}
        assert LEVELS.index(made.level) >= LEVELS.index(pair.level)


@pytest.mark.parametrize("floor", rules().floors, ids=lambda rule: rule.id)
@pytest.mark.parametrize("level", ["non-urgent", "less-urgent", "urgent", "very-urgent", "emergency"])
def test_every_floor_in_every_way(floor: Rule, level: str) -> None:
    """One level up from the complaint's, never past emergency, and never down."""
    for findings, facts in ways(floor):
        before = assess({"throat_ear"}, {"age": 30.0, **facts}, rules(), least=level).level
        after = assess({"throat_ear", *findings}, {"age": 30.0, **facts}, rules(), least=level)
        assert f"floor:{floor.id}" in {one.id for one in after.fired}
        assert LEVELS.index(after.level) >= max(LEVELS.index(before), LEVELS.index("urgent"))


@pytest.mark.parametrize("floor", rules().floors, ids=lambda rule: rule.id)
def test_a_floor_is_one_level_up(floor: Rule) -> None:
    findings, facts = example(floor)
    assert assess({"throat_ear"}, {"age": 30.0}, rules()).level == "less-urgent"
    assert LEVELS.index(assess({"throat_ear", *findings}, facts, rules()).level) >= LEVELS.index(one_up("less-urgent"))
