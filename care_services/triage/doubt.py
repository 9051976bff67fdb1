"""Which signs are asked before they count. In a story that sounds everyday a pattern that everyday stories fit too
only points to its sign; one whose words can mean nothing else ("! " before it) names it in any story. What is in doubt
clears nothing: it is asked directly, and counts where the answer is not a no."""

from __future__ import annotations

from collections.abc import Collection

from care_services.triage.assessment import Assessment, assess
from care_services.triage.levels import stops
from care_services.triage.measures import Facts
from care_services.triage.rule_set import RuleSet
from care_services.triage.scanner import scan


def everyday(story: str, rules: RuleSet) -> bool:
    """Whether a story sounds everyday."""
    return rules.everyday.sounds_everyday(scan(story, rules).words.words)


def grave(story: str, rules: RuleSet) -> bool:
    """Whether a story sounds as only emergencies do."""
    return rules.everyday.sounds_grave(scan(story, rules).words.words)


def in_doubt(present: Collection[str], weak: Collection[str], facts: Facts, rules: RuleSet) -> set[str]:
    """Of the weak signs those without which the others do not send to help at once; none, where the others do."""
    left, doubted = set(present), set[str]()
    weak = {code for code in weak if rules.findings[code].kind == "sign"}
    while weak and (found := assess(left, facts, rules)).stops and not assess(left - weak, facts, rules).stops:
        held = {code for one in found.fired if stops(one.level) for code in one.because}
        doubt = held & weak or weak  # what makes another finding of it is named by none of them
        doubted, left, weak = doubted | doubt, left - doubt, weak - doubt
    return doubted


def alone(
    text: str,
    rules: RuleSet,
    story: str = "",
    tapped: Collection[str] = (),
    denied: Collection[str] = (),
) -> Assessment:
    """What a text says by itself. story: what it is part of, else the text; tapped: signs that were stated with it;
    denied: those that it was asked for and denies."""
    heard = scan(text, rules)
    there = heard.present().keys()
    present = {*there, *tapped}.difference(denied)
    found = assess(present, heard.facts, rules)
    if not (found.stops and everyday(story or text, rules)):
        return found
    doubted = in_doubt(present, there - heard.plain() - set(tapped), heard.facts, rules)
    return assess(present - doubted, heard.facts, rules) if doubted else found
