"""The Synthea bundles, unpacked, and the load driver that works on them (../shared/tools/fhir_load.py)."""

from __future__ import annotations

import bz2
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCENARIOS = (
    "read", "search_vitals", "search_code_sort", "search_patient", "search_include", "everything", "create", "update",
)  # fmt: skip
FIRST = ("hospitalInformation", "practitionerInformation")
"""Bundles that others refer to."""


@dataclass(frozen=True)
class Driver:
    """fhir_load.py with what stays the same between its runs."""

    program: Path
    base: str
    server: int
    """Process id of the hub; those below it count too."""
    database: int
    """Process id of PostgreSQL's postmaster."""
    folder: Path

    def run(self, name: str, arguments: Sequence[str]) -> dict[str, Any]:
        """Its JSON document. Raises RuntimeError with the end of its output."""
        out = self.folder / f"{name}.json"
        command = [
            sys.executable, str(self.program), "--base", self.base, "--out", str(out), *arguments,
            "--cpu-group", f"server=pid:{self.server}", "--cpu-group", f"db=pid:{self.database}",
        ]  # fmt: skip
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"fhir_load.py failed:\n{done.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(out.read_text())
        return result


def unpack(source: Path, target: Path, most: int | None) -> tuple[list[Path], list[Path]]:
    """Plain JSON files of the first `most` bundles: those others refer to, and the patients'."""
    first, patients = target / "first", target / "patients"
    for folder in (first, patients):
        folder.mkdir(parents=True)
    for packed in sorted(source.glob("*.json.bz2"))[: most if most is None else most + len(FIRST)]:
        if not packed.name.startswith(FIRST):
            (patients / packed.name.removesuffix(".bz2")).write_bytes(bz2.decompress(packed.read_bytes()))
    for name in FIRST:
        for packed in source.glob(f"{name}*.json.bz2"):
            (first / packed.name.removesuffix(".bz2")).write_bytes(bz2.decompress(packed.read_bytes()))
    return sorted(first.iterdir()), sorted(patients.iterdir())
