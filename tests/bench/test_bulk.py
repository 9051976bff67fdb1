"""The bulk workloads: their rows held against what is aimed at."""

from __future__ import annotations

from typing import Any

from bench import bulk


def a_job(resources: int, seconds: float, resident: float) -> dict[str, Any]:
    row = {"resources": resources, "seconds": seconds, "resident": resident, "noise": 0.1}
    return {**row, "server": seconds, "database": seconds / 2}


def test_what_was_measured_is_told_and_judged() -> None:
    found = {"facts": {"data": "1 bundle"}, "export": a_job(90_000, 3, 299), "import": a_job(70_000, 10, 350)}
    imported, exported, resident = bulk.targets(found)
    assert imported.endswith("| 7000 resources/s | **missed** |")
    assert exported.endswith("| 30000 resources/s | met |")
    assert resident.endswith("| 299 MB | met |")
    assert "| `$import` | 70000 | 10.0 | **7000** | 143 + 71 | 350 | 0.10 |" in "\n".join(bulk.paragraphs(found))
