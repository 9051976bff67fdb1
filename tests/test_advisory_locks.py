"""Each advisory lock has a number of its own: two that share one would wait for each other for ever."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
NUMBER = re.compile(r"^\w*LOCK = ([\d_]+)$", re.MULTILINE)


def test_no_number_twice() -> None:
    rooms = ("fhir_server", "hub", "smart_auth", "messages", "batch")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    numbers = Counter(int(text) for path in sources for text in NUMBER.findall(path.read_text()))
    assert len(numbers) >= 5
    assert [number for number, times in numbers.items() if times > 1] == []
