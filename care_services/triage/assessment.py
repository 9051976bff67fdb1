"""The level that findings and facts make: the maximum of red flags, pairs, complaint, floor and what is left open
(section 5). Pure, and never lower for more being known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from care_services.triage.levels import LEVELS, highest, one_up, stops
from care_services.triage.rule_set import Complaint, Held, Rule, RuleSet

FEVER = 37.8
"""Degrees in the armpit from which a temperature is a fever."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that holds, and the findings and facts it holds by."""

    id: str
    title: str
    level: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The level and every rule that speaks for it, the most urgent first."""

    level: str
    fired: tuple[Fired, ...]
    complaint: str | None

    @property
    def stops(self) -> bool:
        """Whether nothing more is asked."""
        return stops(self.level)


def assess(
    present: Collection[str],
    facts: Mapping[str, float],
    rules: RuleSet,
    unanswered: Collection[str] = (),
    least: str = LEVELS[0],
) -> Assessment:
    """The level of what is known. `unanswered`: red-flag questions that were asked and not answered; `least`: the level
    so far."""
    known = set(present)
    if facts.get("temp", 0) >= FEVER:
        known.add("fever")
    if "maybe_pregnant" in known and facts.get("weeks"):
        known.add("pregnant")
    fired = [*_holding(rules.flags, known, facts), *_holding(rules.pairs, known, facts)]
    complaint = complaint_of(known, facts, rules)
    least_of_complaint = complaint.level if complaint else LEVELS[0]
    if complaint:
        fired.append(Fired(f"complaint:{complaint.id}", complaint.title, complaint.level, ()))
    raised = one_up(least_of_complaint)
    fired += [Fired(f"floor:{one.id}", one.title, raised, one.because) for one in _holding(rules.floors, known, facts)]
    if unanswered:
        fired.append(Fired("unknowns", "pergunta de alarme sem resposta", "urgent", tuple(unanswered)))
    fired.sort(key=lambda one: -LEVELS.index(one.level))
    return Assessment(highest(least, *(one.level for one in fired)), tuple(fired), complaint.id if complaint else None)


def complaint_of(present: Collection[str], facts: Mapping[str, float], rules: RuleSet) -> Complaint | None:
    """The complaint table that what is known belongs to: the first that holds."""
    for complaint in rules.complaints.that_may_hold(present, facts):
        if any(when.because(present, facts) is not None for when in complaint.when):
            return complaint
    return None


def _holding(candidates: Held[Rule], present: Collection[str], facts: Mapping[str, float]) -> list[Fired]:
    found: dict[tuple[str, str], Fired] = {}
    for rule in candidates.that_may_hold(present, facts):
        atoms = rule.when.because(present, facts)
        if atoms is not None:
            because = tuple(atom.name + (f"{atom.compare}{atom.number:g}" if atom.compare else "") for atom in atoms)
            found.setdefault((rule.id, rule.level), Fired(rule.id, rule.title, rule.level, because))
    return list(found.values())
