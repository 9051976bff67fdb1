"""CPU time of the pure steps of a write, resource by resource: parse, validate, index, serialize.

    python -m bench.micro [--seconds 0.3]

Takes its resources from the shipped sample data, so it needs nothing beside the project.
"""

from __future__ import annotations

import argparse
import bz2
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhir_server.search.index import index_rows
from fhir_server.validation import validate
from mappings.r4 import parse, serialize

SAMPLES = Path(__file__).resolve().parents[1] / "hub" / "sample_data"
TYPES = ("Observation", "Patient", "Encounter", "Condition", "Claim", "ExplanationOfBenefit", "DiagnosticReport")
MOST = 50
"""Resources of a type that take turns."""
BASE = "http://127.0.0.1:8080/fhir"


@dataclass(frozen=True)
class Steps:
    """Microseconds per resource."""

    type: str
    bytes: int
    parse: float
    validate: float
    index: float
    serialize: float


def samples() -> dict[str, list[dict[str, Any]]]:
    """Resources by type, references as they stand in a stored resource."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in TYPES}
    for packed in sorted(SAMPLES.glob("[0-9a-f]*-*-*-*-*.json.bz2")):
        raw = bz2.decompress(packed.read_bytes())
        bundle = json.loads(raw)
        text = raw.decode()
        for entry in bundle["entry"]:
            text = text.replace(entry["fullUrl"], f"{entry['resource']['resourceType']}/{entry['resource']['id']}")
        for entry in parse(text.encode())["entry"]:
            kept = found.get(entry["resource"]["resourceType"], [])
            if len(kept) < MOST:
                kept.append(entry["resource"])
    return {name: rows for name, rows in found.items() if rows}


def cost(act: Callable[[Any], object], rows: list[Any], seconds: float) -> float:
    """Microseconds of CPU per call: the best of several passes, so that neighbours do not count."""
    for row in rows:
        act(row)
    best, end = float("inf"), time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.process_time_ns()
        for row in rows:
            act(row)
        best = min(best, (time.process_time_ns() - began) / 1000 / len(rows))
    return best


def measure(seconds: float) -> Iterable[Steps]:
    for name, resources in samples().items():
        raws = [serialize(row) for row in resources]
        yield Steps(
            name,
            sum(map(len, raws)) // len(raws),
            cost(parse, raws, seconds),
            cost(validate, resources, seconds),
            cost(lambda row: index_rows(row, BASE), resources, seconds),
            cost(serialize, resources, seconds),
        )


def table(rows: Iterable[Steps]) -> str:
    """Markdown."""
    lines = ["| resource | bytes | parse | validate | index | serialize |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.type} | {row.bytes} | {row.parse:.0f} | {row.validate:.0f} | {row.index:.0f} | {row.serialize:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--seconds", type=float, default=0.3, help="per step and type")
    print(table(measure(arguments.parse_args().seconds)))
