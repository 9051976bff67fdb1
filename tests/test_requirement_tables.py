"""docs/conformance: each test that a table of requirements names is there, and its figures are those of its rows."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLES = sorted((ROOT / "docs" / "conformance").glob("*.md"))
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`|(tests/[\w/]+\.py)::(\w+)")
STATES = ("met", "not applicable", "no")


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    found = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in found if name.startswith("test_"))


def rows(table: Path) -> list[list[str]]:
    """Cells of the rows of requirements."""
    lines = [line for line in table.read_text().splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ", 4)] for line in lines]


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_named_tests_are_there(table: Path) -> None:
    found = rows(table)
    assert len(found) > 50
    for ids, _, _, state, proof in found:
        assert state in STATES, ids
        named = [(one[0] or one[2], one[1] or one[3]) for one in PROOF.findall(proof)]
        assert (state == "met") == bool(named), ids
        for path, name in named:
            assert name in names_in(path), f"{table.name}, {ids}: {path}::{name}"


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_figures_are_those_of_the_rows(table: Path) -> None:
    seen: list[str] = []
    counts: Counter[tuple[str, str]] = Counter()
    for ids, level, _, state, _ in rows(table):
        seen += ids.split(", ")
        counts[level, state] += len(ids.split(", "))
    assert len(seen) == len(set(seen))
    for level in ("SHALL", "SHOULD"):
        each = [counts[level, state] for state in STATES]
        line = f"| {level} | {sum(each)} | {' | '.join(map(str, each))} |"
        assert line in table.read_text()
    applicable = counts["SHALL", "met"] + counts["SHALL", "no"]
    assert counts["SHALL", "met"] >= 0.98 * applicable
