"""Each advisory lock has a number of its own: two that share one would wait for each other for ever."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
NUMBER = re.compile(r"^\w*LOCK = ([\d_]+)$", re.MULTILINE)


def test_no_number_twice() -> None:
    sources = [path for room in ("fhir_server", "hub", "smart_auth") for path in (ROOT / room).rglob("*.py")]
    numbers = Counter(int(text) for path in sources for text in NUMBER.findall(path.read_text()))
    assert len(numbers) >= 5
    assert [number for number, times in numbers.items() if times > 1] == []
