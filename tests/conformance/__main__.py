"""All conformance parts, one table at the end. https://hl7.org/fhir/R4/downloads.html

    python -m tests.conformance ../shared/data [part ...]

Parts: roundtrip and search run against a hub of their own on a fresh embedded database; definitions, fhirpath and patch
are programs of their own beside this one. Exits 1 when one stays below its threshold.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hub.embedded import Embedded
from tests.conformance import roundtrip, search
from tests.hub_process import ROOT, HubProcess

HERE = Path(__file__).parent
SERVED = ("roundtrip", "search")
PROGRAMS = ("fhirpath", "patch", "definitions", "us_core")


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    part: str
    passed: bool
    counts: str
    seconds: float


def served(data: Path, parts: list[str]) -> list[Line]:
    """The parts that speak HTTP to a hub."""
    lines = []
    with tempfile.TemporaryDirectory(prefix="hub-conformance-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        database = Embedded(folder / "postgres", {"fsync": "off", "full_page_writes": "off"})
        url = database.start()
        # Examples refer to resources that are not among them.
        settings = {"database_url": url, "referential_integrity": "false"}
        try:
            with HubProcess(folder / "hub", settings) as hub:
                began = time.monotonic()
                stored = roundtrip.run(hub.client, data)
                print("Round trip of the official examples:")
                roundtrip.report(stored)
                counts = f"{len(stored.same)} of {stored.total} examples come back exactly"
                if stored.refused:
                    counts += f", {len(stored.refused)} refused"
                lines.append(Line("round trip", stored.passed, counts, time.monotonic() - began))
                if "search" in parts:
                    began = time.monotonic()
                    result = search.run(hub.client, stored.same)
                    print("Search parameters:")
                    search.report(result)
                    share = 100 * result.found / max(result.total, 1)
                    counts = (
                        f"{result.found} of {result.total} (type, parameter) pairs found ({share:.1f} %), "
                        f"{len(result.present)} of them by presence; {sum(result.tried.values())} searches by value"
                    )
                    lines.append(Line("search", result.passed, counts, time.monotonic() - began))
        finally:
            database.release()
    return lines


def program(part: str, data: Path) -> Line:
    """A program of its own: its last line of output tells the counts, its exit code whether it passed."""
    began = time.monotonic()
    command = [sys.executable, "-m", f"tests.conformance.{part}", str(data)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"{part}:")
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="")
    last = done.stdout.strip().rpartition("\n")[2]
    return Line(part, done.returncode == 0, last.removeprefix(f"{part}: "), time.monotonic() - began)


def main(arguments: list[str]) -> int:
    """Exit code."""
    if not arguments:
        print(__doc__)
        return 2
    data = Path(arguments[0]).resolve()
    parts = arguments[1:] or [*SERVED, *PROGRAMS]
    lines = served(data, parts) if set(parts) & set(SERVED) else []
    for part in PROGRAMS:
        if part in parts:
            lines.append(program(part, data))
    print()
    for line in lines:
        print(f"{'pass' if line.passed else 'FAIL'}  {line.part:12} {line.counts}  [{line.seconds:.0f} s]")
    return 0 if all(line.passed for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
