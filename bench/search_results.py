"""The section of the search families: latencies, growth with the data, plans. From figures/searches.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from bench.families import FAMILIES, MANY, REASON, VALUES
from bench.figures import bullets

GROWTH = 1.25
"""Most that the median may grow from the smallest to the largest scale."""
_CLIENTS = ("1", "8")


def _growth(scales: Mapping[str, Any], name: str) -> float | None:
    """Median at the largest scale over that at the smallest, one client."""
    sizes = sorted(scales, key=int)
    medians = [scales[size]["families"][name]["1"]["p50"] for size in sizes if name in scales[size]["families"]]
    return medians[-1] / medians[0] if len(medians) == len(sizes) > 1 and medians[0] else None


def latencies(scales: Mapping[str, Any]) -> Iterable[str]:
    """Lines of the table of latencies."""
    sizes = sorted(scales, key=int)
    head = [
        "family", *(f"{size}x p50, p99" for size in sizes), "growth of p50",
        f"{sizes[0]}x, 8 clients: p50, p99", "CPU µs",
        f"{sizes[-1]}x, 8 clients: p99", "CPU µs", "",
    ]  # fmt: skip
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for family in FAMILIES:
        rows = [scales[size]["families"].get(family.name) for size in sizes]
        if None in rows:
            continue
        growth = _growth(scales, family.name)
        first, last = rows[0], rows[-1]
        faults = []
        if growth is not None and growth > GROWTH:
            faults.append(f"grows: {family.grows}" if family.grows else "**grows**")
        if family.p99 is not None and last["8"]["p99"] > family.p99:
            faults.append(f"**p99 over {family.p99:.0f} ms**")
        if any(row[clients]["errors"] for row in rows for clients in _CLIENTS if clients in row):
            faults.append("**errors**")
        cells = [
            family.name,
            *(f"{row['1']['p50']:.2f}, {row['1']['p99']:.2f}" for row in rows),
            "" if growth is None else f"{growth:.2f}",
            f"{first['8']['p50']:.2f}, {first['8']['p99']:.2f}",
            f"{first['8']['cpu']['server']} + {first['8']['cpu']['db']}",
            f"{last['8']['p99']:.2f}",
            f"{last['8']['cpu']['server']} + {last['8']['cpu']['db']}",
            "; ".join(faults),
        ]
        yield f"| {' | '.join(cells)} |"


def plans(scales: Mapping[str, Any]) -> Iterable[str]:
    """Lines of the table of plans, at the largest scale."""
    rows = scales[max(scales, key=int)]["families"]
    yield "| family | returned | read | rows read from each index, in loops | |"
    yield "|---|---|---|---|---|"
    for family in FAMILIES:
        row = rows.get(family.name)
        if row is None or "plan" not in row:
            continue
        over = row["read"] > MANY * row["returned"] + REASON
        words = (family.reads or family.grows or "**too many**") if over else ""
        yield f"| {family.name} | {row['returned']} | {row['read']} | {row['plan']} | {words} |"


def picture(scales: Mapping[str, Any]) -> str:
    """A small SVG: growth of each family, the fastest growing first, and how much is allowed."""
    grown = {family.name: growth for family in FAMILIES if (growth := _growth(scales, family.name)) is not None}
    left, unit, line = 190, 120, 13
    height = line * (len(grown) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + 5 * unit}" height="{height}" '
        'font-family="sans-serif" font-size="10">',
        f'<rect width="100%" height="100%" fill="white"/><text x="{left}" y="{line - 2}">median at '
        f"{max(scales, key=int)}x the data : median at {min(scales, key=int)}x</text>",
    ]
    for row, (name, growth) in enumerate(sorted(grown.items(), key=lambda one: -one[1]), 1):
        width = min(growth, 4.5) * unit
        colour = "#3a7" if growth <= GROWTH else "#c63"
        parts.append(
            f'<text x="{left - 5}" y="{line * (row + 1) - 3}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left}" y="{line * row + 2}" width="{width:.0f}" height="{line - 3}" fill="{colour}"/>'
            f'<text x="{left + width + 4:.0f}" y="{line * (row + 1) - 3}">{growth:.2f}</text>'
        )
    allowed = left + GROWTH * unit
    parts.append(f'<line x1="{allowed}" y1="{line}" x2="{allowed}" y2="{height}" stroke="black"/></svg>')
    return "\n".join(parts) + "\n"


def paragraphs(figures: Mapping[str, Any]) -> Iterable[str]:
    """The section."""
    scales = figures["scales"]
    sizes = sorted(scales, key=int)
    yield "## Searches, and how they grow"
    yield bullets(figures)
    told = ", ".join(
        f"{size}x: {scales[size]['resources']} resources of {scales[size]['bytes']} bytes on disk" for size in sizes
    )
    yield (
        f"Milliseconds, {told}. The data are synthea-617 by `hub import`, then the same again about other people in "
        f"other places (born in other years, with other names and identifiers): imported as they are, everybody would "
        f"be found several times. All scales are served at the same time and take turns, one client, then eight; the "
        f"quietest of two to six runs of each. Each family asks for up to {VALUES} different values, the same at all "
        f"scales, and with answers as large at each. CPU µs per request: application + database. The median may grow "
        f"by {GROWTH} at most."
    )
    yield "\n".join(latencies(scales))
    if len(sizes) > 1:
        yield "![Growth of the medians](../docs/pictures/search-growth.svg)"
    yield "### Plans"
    yield (
        f"Of eight values the plan that reads most, {sizes[-1]}x the data. Reading more than {MANY} rows for each row "
        f"returned and {REASON} beside needs a reason."
    )
    yield "\n".join(plans(scales))
