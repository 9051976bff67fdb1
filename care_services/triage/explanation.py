"""Why a level: to a member, in their own words (M-17), and to a rule author, as tables with everything that counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from care_services.triage.interview import step
from care_services.triage.measures import worse
from care_services.triage.normal import words_of
from care_services.triage.person import read_age
from care_services.triage.rule_set import RuleSet
from care_services.triage.scanner import scan
from care_services.triage.state import Known, State


def why(state: State, rules: RuleSet) -> str:
    """The answer to `por que`: the member's words, the rule that decided, what it asks for."""
    texts = rules.texts
    action = texts[f"action_{state.level}"]
    deciding = next((one for one in state.fired if one.level == state.level), None)
    if deciding is None:
        return texts["M-11"].format(action=action)
    quotes = [f"“{known.quote}”" for code, known in state.present().items() if code in deciding.because]
    return texts["M-17"].format(
        quotes=", ".join(quotes) or "as suas respostas", rule_title=deciding.title, action=action
    )


def explained(text: str, rules: RuleSet, age: str | None, sex: str | None, pregnant: bool, about: str) -> list[str]:
    """Everything the rules see in a text, as lines."""
    heard = scan(text, rules)
    state = State(sex=sex, about=about)
    if age:
        state = replace(state, facts=worse(state.facts, read_age(words_of(age, rules.spellings))))
    if pregnant:
        state = replace(state, findings={"pregnant": Known(True, "stated", "--pregnant")})
    state = step(state, text, rules)
    lines = ["words     " + " ".join(heard.words.words)]
    lines += [f"corrected {before} -> {after}" for before, after in heard.corrected]
    lines += _table(
        ("finding", "status", "quote", "pattern", "because"),
        ((hit.code, hit.status, hit.quote, hit.pattern, hit.because) for hit in heard.hits),
    )
    score = rules.everyday.score(scan(state.story(), rules).words.words)
    known = f"everyday below {rules.everyday.below:.2f}, grave above {rules.everyday.above:.2f}"
    lines += ["", f"sounds    {score:.2f}: {known}"]
    lines += [
        f"in doubt  {code}: “{one.quote}”, asked before it counts"
        for code, one in state.findings.items()
        if one.present is None
    ]
    lines += _table(("fact", "value"), ((name, f"{value:g}") for name, value in state.facts.items()))
    rows = ((one.id, one.level, " ".join(one.because), one.title) for one in state.fired)
    lines += _table(("rule", "level", "holds by", "title"), rows)
    lines.append(f"level     {state.level}")
    lines.append(
        f"next      {state.pending.id}: {state.pending.text}"
        if state.pending
        else f"next      nothing: {state.outcome}"
    )
    lines.append(f"por que   {why(state, rules)}")
    return lines


def checked(rules: RuleSet) -> list[str]:
    """What the rules hold, after they were found sound."""
    patterns = sum(len(finding.patterns) for finding in rules.findings.values())
    flags = len({rule.id for rule in rules.flags})
    return [
        f"version   {rules.version} ({rules.status})",
        f"digest    {rules.digest}",
        f"signature {rules.signature or 'none'}",
        f"findings  {len(rules.findings)}, patterns {patterns}",
        f"red flags {flags}, pairs {len(rules.pairs)}, complaints {len(rules.complaints)}, floors {len(rules.floors)}",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    whole = [head, *rows]
    if len(whole) == 1:
        return
    widths = [min(44, max(len(row[at]) for row in whole)) for at in range(len(head))]
    yield ""
    for row in whole:
        cells = (cell.replace("\n", " ")[:width].ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
