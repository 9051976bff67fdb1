"""The report of a run, as one HTML file without outside parts: figures, bars with their exact bounds, the confusion
table, and the transcript of every case that failed."""

from __future__ import annotations

from html import escape

from care_services.triage.levels import LEVELS
from hub.evaluation.cases import GOLD
from hub.evaluation.driver import Talk
from hub.evaluation.figures import TOLD, Figures, Ran, Share

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f23}
table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccd;padding:.3rem .7rem;text-align:right}
th:first-child,td:first-child{text-align:left}details{margin:.5rem 0}.member{color:#064}.service{color:#345}
pre{white-space:pre-wrap;margin:.3rem 0}"""


def page(title: str, result: Figures, runs: list[Ran]) -> str:
    """The whole report."""
    shares = (
        ("sensitivity (cases, all forms)", result.sensitivity), ("sensitivity (forms)", result.sensitivity_by_form),
        ("very-urgent told (cases)", result.very_urgent), ("specificity (cases, all forms)", result.specificity),
        ("under-triage (forms)", result.under), ("over-triage (forms)", result.over),
    )  # fmt: skip
    categories = [(name, pair[0]) for name, pair in result.by_category.items() if pair[0].m]
    failed = [run for run in runs if _failed(run)]
    return "".join((
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{len(runs)} cases, {sum(len(run.talks) for run in runs)} conversations. ",
        f"Hazardous under-triage: {len(result.hazardous)}{_names(result.hazardous)}.</p>",
        _bars(shares), "<h2>Levels told</h2>", _confusion(result),
        "<h2>Emergencies by category</h2>", _bars(categories),
        f"<h2>Cases that failed ({len(failed)})</h2>", *map(_transcripts, failed), "</html>",
    ))  # fmt: skip


def _names(ids: tuple[str, ...]) -> str:
    return f" ({escape(', '.join(ids))})" if ids else ""


def _failed(run: Ran) -> bool:
    if run.case.gold in TOLD:
        return not all(run.told())
    return any(run.told())


def _bars(shares: object) -> str:
    """One bar for each share, its exact interval as a line across its end."""
    rows = []
    entries: list[tuple[str, Share]] = list(shares)  # type: ignore[call-overload]
    for at, (name, share) in enumerate(entries):
        y, value = at * 26, 0.0 if not share.m else share.value
        rows.append(
            f'<text x="0" y="{y + 16}" font-size="13">{escape(name)}</text><rect x="260" y="{y + 4}" height="15" '
            f'width="{500 * value:.1f}" fill="#4a7"/>'
            f'<line x1="{260 + 500 * share.lower:.1f}" x2="{260 + 500 * share.upper:.1f}" '
            f'y1="{y + 11.5}" y2="{y + 11.5}" stroke="#123" stroke-width="2"/>'
            f'<text x="770" y="{y + 16}" font-size="13">'
            f"{value:.3f} ({share.n}/{share.m}; {share.lower:.3f} to {share.upper:.3f})</text>"
        )
    return f'<svg role="img" width="1000" height="{len(entries) * 26 + 4}">{"".join(rows)}</svg>'


def _confusion(result: Figures) -> str:
    told = ("administrative", *LEVELS)
    head = "".join(f"<th>{name}" for name in told)
    most = max(result.confusion.values(), default=1)
    rows = "".join(
        f"<tr><th>{gold}" + "".join(_cell(result.confusion[gold, level], most) for level in told)
        for gold in GOLD
        if any(result.confusion[gold, level] for level in told)
    )
    return f"<table><tr><th>gold \\ told{head}{rows}</table>"


def _cell(count: int, most: int) -> str:
    return f'<td style="background:rgba(70,160,110,{0.85 * count / most:.2f})">{count or ""}'


def _transcripts(run: Ran) -> str:
    forms = "".join(f"<h4>{form}: {talk.level}</h4>{_lines(talk)}" for form, talk in run.talks.items())
    head = f"{escape(run.case.id)} ({escape(run.case.category)}), gold {run.case.gold}"
    return f"<details><summary>{head}</summary>{forms}</details>"


def _lines(talk: Talk) -> str:
    return "".join(f"<pre class={who}>{who}: {escape(text)}</pre>" for who, text in talk.transcript)
