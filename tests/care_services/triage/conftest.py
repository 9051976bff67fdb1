"""Rules with something wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from care_services.triage.rule_set import RULES, BadRules, read

Refused = Callable[[str, Callable[[str], str]], str]
"""(file, what becomes of its text) -> the faults, a line each."""


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Changes a file of the shipped rules, which are refused then."""

    def why(file: str, changed: Callable[[str], str]) -> str:
        folder = tmp_path / "rules"
        shutil.copytree(RULES, folder)
        place = folder / file
        place.write_text(changed(place.read_text()))
        with pytest.raises(BadRules) as refusal:
            read(folder)
        return str(refusal.value)

    return why
