"""docs/attacks.md: each of the 80 attacks has a row, and each test it names is there and carries the number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_requirement_tables import names_in

PAGE = Path(__file__).parent.parent / "docs" / "attacks.md"
ROW = re.compile(r"\| (\d+) \| .+ \| .+ \| (.+) \|")
PROOF = re.compile(r"`(\w+\.py)::(\w+)`")
NUMBERS = range(1, 81)


def rows() -> dict[int, list[tuple[str, str]]]:
    """number -> file and name of its tests."""
    found = [row for line in PAGE.read_text().splitlines() if (row := ROW.fullmatch(line))]
    assert [int(row[1]) for row in found] == list(NUMBERS)
    return {int(row[1]): PROOF.findall(row[2]) for row in found}


@pytest.mark.parametrize("number", NUMBERS)
def test_every_attack_has_a_test_of_its_number(number: int) -> None:
    proofs = rows()[number]
    assert proofs
    for file, name in proofs:
        assert name.startswith(f"test_{number}_")
        assert name in names_in(f"tests/attacks/{file}"), f"{number}: {file}::{name}"
