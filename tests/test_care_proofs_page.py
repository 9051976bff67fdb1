"""docs/care-proofs.md: each invariant and each item of section 12 has a row, and each test it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_requirement_tables import names_in

PAGE = (Path(__file__).parent.parent / "docs" / "care-proofs.md").read_text(encoding="utf-8")
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ITEMS = (
    "every red flag", "every pair", "floors", "random orders of findings", "every provider code", "the ladder",
    "keyword matches and near misses", "phone variants", "length limits", "duplicates and permutations",
    "any model output", "journey: symptom", "journey: chest pain", "journey: opt-out", "journey: refusal",
    "journey: authorization", "journey: erasure", "journey: failover",
)  # fmt: skip
"""Of section 12, as each row begins."""


def rows(title: str) -> list[list[str]]:
    """Cells of the rows of a chapter."""
    chapter = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in chapter.splitlines() if line.startswith("| ")][1:]
    return [line.strip("| ").split(" | ") for line in lines]


def proofs(cell: str) -> list[tuple[str, str]]:
    found = PROOF.findall(cell)
    for path, name in found:
        assert name in names_in(path), f"{path}::{name}"
    return found


def test_every_invariant_has_a_proof() -> None:
    found = rows("Invariants")
    assert [int(row[0]) for row in found] == list(range(1, 11))
    assert all(proofs(row[2]) for row in found)


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_of_section_12_has_a_proof(item: str) -> None:
    [cell] = [row[1] for row in rows("Section 12") if row[0].startswith(item)]
    assert proofs(cell)


def test_there_are_no_other_rows() -> None:
    assert len(rows("Section 12")) == len(ITEMS)
