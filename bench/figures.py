"""Measured figures on file: figures/<section>.json -> a section of RESULTS.md, so that each can be measured alone.

python -m bench.figures        writes RESULTS.md anew from what was measured
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

FOLDER = Path(__file__).parent / "figures"
RESULTS = Path(__file__).parent / "RESULTS.md"


def machine() -> str:
    """Processor, cores, memory, system."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{model}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB, {platform.system()}"


def commit() -> str:
    """Short hash, with a plus where the working tree differs in more than the results themselves."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False).stdout.strip()

    own = (":!*RESULTS.md", ":!*figures/*.json")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", *own)
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def facts(command: str, **more: str) -> dict[str, str]:
    """Where, when and of what figures are. Ask before measuring: others may commit meanwhile."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "commit": commit(),
        "command": command,
        **more,
    }


def write(section: str, figures: Mapping[str, Any]) -> None:
    """Keeps the figures of a section (with "facts" among them) and brings RESULTS.md up to date."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{section}.json").write_text(json.dumps(figures, indent=1) + "\n")
    render()


def read(section: str) -> dict[str, Any] | None:
    """The figures of a section, None where it was never measured."""
    path = FOLDER / f"{section}.json"
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def render() -> None:
    """RESULTS.md from all figures on file."""
    from bench import results  # which reads them by way of this module

    RESULTS.write_text(results.document())


def bullets(figures: Mapping[str, Any]) -> str:
    """The facts as a list."""
    return "\n".join(f"- {name}: {value}" for name, value in figures["facts"].items())


if __name__ == "__main__":
    render()
    sys.exit(0)
