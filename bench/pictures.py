"""Figures -> small SVG pictures in docs/pictures, which RESULTS.md shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
_STYLE: Any = {
    "svg.hashsalt": "bench",  # the same figures make the same file
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
    "axes.axisbelow": True, "legend.frameon": False,
}  # fmt: skip


def bars(name: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str) -> None:
    """Groups of horizontal bars on a logarithmic scale, each with its value."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.5, 0.55 * len(labels) + 1), layout="constrained")
        axes = figure.subplots()
        height = 0.8 / len(series)
        for number, (words, values) in enumerate(series.items()):
            places = [row + (number - (len(series) - 1) / 2) * height for row in range(len(labels))]
            drawn = axes.barh(places, values, height, label=words)
            axes.bar_label(drawn, [f"{value:,.0f}" for value in values], padding=2, fontsize=8)
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.margins(x=0.15)
        axes.set_xlabel(unit)
        axes.legend(loc="lower right")
        _save(figure, name)


def lines(name: str, panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], across: str) -> None:
    """One panel below another, by what its axis says: lines of (x, y)."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.5, 1.8 * len(panels)), layout="constrained")
        for axes, (words, drawn) in zip(
            figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0], panels.items(), strict=True
        ):
            for label, points in drawn.items():
                axes.plot([x for x, _ in points], [y for _, y in points], label=label, linewidth=1.2)
            axes.set_ylabel(words)
            axes.set_ylim(bottom=0)
            if len(drawn) > 1:
                axes.legend(loc="upper right", ncols=len(drawn), fontsize=8)
        axes.set_xlabel(across)
        _save(figure, name)


def _save(figure: Figure, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / f"{name}.svg", format="svg", metadata={"Date": None})
