"""The report of a run, as one HTML file without outside parts: figures, bars with their exact bounds, the confusion
table, groups, and transcripts: of every case that failed, or of all where they are not too many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from hub.evaluation.conversations import Ran
from hub.evaluation.figures import ORDER, Figures, Share, Triaged, passed
from hub.evaluation.member import Talk
from hub.evaluation.spelled import GOLD

ALL = 1500
"""Conversations of which all transcripts are shown; of more only those of cases that failed."""
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1f23}
table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccd;padding:.25rem .6rem;text-align:right}
th:first-child,td:first-child{text-align:left}details{margin:.3rem 0}.member{color:#064}.service{color:#345}
pre{white-space:pre-wrap;margin:.2rem 0 .2rem 1rem}.bad{color:#a11}.ok{color:#171}h1{margin-bottom:.2rem}"""
_GREEN, _RED = "#3f9d74", "#c8553d"


def page(title: str, result: Figures, runs: Sequence[Ran]) -> str:
    """The whole report."""
    talks = sum(len(run.talks) for run in runs)
    shown = runs if talks <= ALL else [run for run in runs if not passed(run)]
    failed = [run for run in runs if not passed(run)]
    return "".join((
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{len(runs)} cases, {talks} conversations, {_turns(runs)}. ",
        f"Hazardous under-triage: {len(result.hazardous)}{_names(result.hazardous)}.</p>",
        _bars(_shares(result), 300), f"<p>{_numbers(result)}</p>",
        "<h2>Judged and told, conversations</h2>", _confusion(result),
        *(_group(kind, groups) for kind, groups in result.groups.items() if len(groups) > 1),
        f"<h2>Transcripts: {len(failed)} of {len(runs)} cases failed</h2>",
        *map(_transcripts, sorted(shown, key=passed)), "</html>",
    ))  # fmt: skip


def _shares(result: Figures) -> list[tuple[str, Share, bool]]:
    """Name, share, and whether more of it is better."""
    rows = [
        ("sensitivity, cases in all forms", result.all.sensitivity, True),
        ("sensitivity, conversations", result.all.by_form, True),
        ("very-urgent told, cases", result.very_urgent, True),
        ("specificity, cases in all forms", result.all.specificity, True),
        ("under-triage, conversations", result.all.under, False),
        ("over-triage, conversations", result.all.over, False),
        ("answered, conversations", result.answered, True), ("handed to a person", result.handed_off, False),
        ("level kept against pushback", result.unmoved, True),
    ]  # fmt: skip
    return [row for row in rows if row[1].m]


def _numbers(result: Figures) -> str:
    told = {
        "inclination (over / (over + under))": result.inclination,
        "weighted kappa with the cases' levels": result.kappa,
        "weighted kappa with nurses": result.kappa_nurses,
    }
    return "; ".join(f"{name} {value:.3f}" for name, value in told.items() if value is not None)


def _turns(runs: Iterable[Ran]) -> str:
    counts = sorted(talk.turns for run in runs for talk in run.talks.values())
    return f"{counts[len(counts) // 2]} messages of the service in the median, {counts[-1]} at most" if counts else ""


def _names(ids: tuple[str, ...]) -> str:
    return f" ({escape(', '.join(ids))})" if ids else ""


def _bars(entries: Iterable[tuple[str, Share, bool]], label: int) -> str:
    """One bar for each share, its exact interval as a line across its end."""
    rows = []
    for at, (name, share, good) in enumerate(entries):
        y, width = at * 24, 420
        rows.append(
            f'<text x="0" y="{y + 15}" font-size="13">{escape(name)}</text><rect x="{label}" y="{y + 3}" height="15" '
            f'width="{width * share.value:.1f}" fill="{_GREEN if good else _RED}"/>'
            f'<line x1="{label + width * share.lower:.1f}" x2="{label + width * share.upper:.1f}" '
            f'y1="{y + 10.5}" y2="{y + 10.5}" stroke="#123" stroke-width="2"/>'
            f'<text x="{label + width + 12}" y="{y + 15}" font-size="13">'
            f"{share.value:.3f} ({share.n}/{share.m}; {share.lower:.3f} to {share.upper:.3f})</text>"
        )
    return f'<svg role="img" width="{label + 700}" height="{len(rows) * 24 + 4}">{"".join(rows)}</svg>'


def _confusion(result: Figures) -> str:
    told = [level for level in ORDER if any(result.confusion[gold, level] for gold in GOLD)]
    head = "".join(f"<th>{name}" for name in told)
    rows = "".join(
        f"<tr><th>{gold}" + "".join(_cell(result, gold, level) for level in told)
        for gold in GOLD
        if any(result.confusion[gold, level] for level in told)
    )
    return f"<table><tr><th>judged \\ told{head}{rows}</table>"


def _cell(result: Figures, gold: str, level: str) -> str:
    """As dark as its part of the row."""
    count = result.confusion[gold, level]
    row = sum(number for (one, _), number in result.confusion.items() if one == gold)
    return f'<td style="background:rgba(70,160,110,{0.85 * count / max(row, 1):.2f})">{count or ""}'


def _group(kind: str, groups: object) -> str:
    assert isinstance(groups, dict)
    found: dict[str, Triaged] = groups
    bars = _bars([(name, one.sensitivity, True) for name, one in found.items() if one.sensitivity.m], 180)
    rows = "".join(
        f"<tr><td>{escape(name)}" + "".join(
            f"<td>{share.value:.3f} <small>({share.n}/{share.m})</small>" if share.m else "<td>"
            for share in (one.sensitivity, one.specificity, one.under, one.over)
        )
        for name, one in found.items()
    )  # fmt: skip
    head = "<tr><th><th>sensitivity<th>specificity<th>under-triage<th>over-triage"
    return f"<h2>By {escape(kind)}</h2><h4>Sensitivity</h4>{bars}<table>{head}{rows}</table>"


def _transcripts(run: Ran) -> str:
    forms = "".join(f"<h4>{escape(form)}: {talk.level}</h4>{_lines(talk)}" for form, talk in run.talks.items())
    verdict = "<b class=ok>passed</b>" if passed(run) else "<b class=bad>failed</b>"
    head = f"{escape(run.case.id)} ({escape(run.case.category)}), judged {run.case.gold}: {verdict}"
    return f"<details><summary>{head}</summary>{forms}</details>"


def _lines(talk: Talk) -> str:
    return "".join(f"<pre class={who}>{who}: {escape(text)}</pre>" for who, text in talk.transcript)
