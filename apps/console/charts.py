"""Rates as small drawings: SVG, made here, so that a page needs no script to be looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, GAP = 240, 44, 1
COLOURS = {"received": "#3b6ea5", "applied": "#2e8b57", "dead": "#c0392b"}
"""Series -> colour; those later in the table are drawn over the earlier ones."""


def bars(series: Mapping[str, Sequence[int]], title: str) -> str:
    """Bars of counts per minute, oldest first, all on one scale; the title says what is seen to those who cannot.

    >>> "max 3" in bars({"received": [1, 3]}, "messages")
    True
    """
    shown = [name for name in COLOURS if any(series.get(name, ()))]
    most = max((max(series[name]) for name in shown), default=0)
    parts = [
        f'<svg class="bars" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" preserveAspectRatio="none">',
        f"<title>{escape(title)}, max {most} a minute</title>",
        f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT - 0.5}" y2="{HEIGHT - 0.5}" stroke="#b9c0c5"/>',
    ]
    for name in shown:
        step = WIDTH / len(series[name])
        for place, count in enumerate(series[name]):
            if count:
                high = max(2.0, count / most * (HEIGHT - 4))
                parts.append(
                    f'<rect x="{place * step:.1f}" y="{HEIGHT - high:.1f}" width="{max(step - GAP, 0.5):.1f}"'
                    f' height="{high:.1f}" fill="{COLOURS[name]}"/>'
                )
    return "".join([*parts, "</svg>"])
