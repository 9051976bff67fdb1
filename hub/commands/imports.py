"""`hub import`: NDJSON files into the record."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Reads NDJSON files, packed ones too (.gz .bz2 .xz): those of a folder, or those a manifest names.
Every resource keeps its id; one that is there already becomes a new version if it says something else.

Much quicker than `hub load`, and it takes files in any order: what is referred to may come later, or
not at all, which is told at the end. A run that was broken off goes on where it stopped.
"""


def parser(commands: Any) -> None:
    """The command line."""
    bring = described(commands, "import", help="read NDJSON files into the record", description=DESCRIPTION)
    bring.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="NDJSON file, folder, or manifest.json")
    bring.add_argument(
        "--processes", type=int, default=min(os.cpu_count() or 1, 8), help="processes side by side (%(default)s)"
    )
    bring.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from concurrent.futures.process import BrokenProcessPool

    from hub.imports import ImportRefused, import_files
    from hub.migrate import prepared

    try:
        with prepared(settings) as found:
            imported = import_files(settings, found.url, chosen.paths, max(chosen.processes, 1))
    except ImportRefused as error:
        return told(error, 2)
    except BrokenProcessPool:
        return told(RuntimeError("a process was ended from outside; the same command goes on where it stopped"), 1)
    return 1 if imported.refused else 0
