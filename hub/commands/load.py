"""`hub load`: files of FHIR data."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Loads transaction and batch Bundles, collections, NDJSON and plain resources, from files and
folders, also packed (.gz .bz2 .xz). Every entry goes through the same checks as by HTTP.

A Bundle of type transaction is stored whole or not at all. Other resources keep their id.
What is refused is reported with file, line and reason. A run that was broken off goes on
where it stopped when it is started again; what is stored is not loaded twice.

  hub load patients/                          straight into the database
  hub load --url http://127.0.0.1:8080/fhir Patient.ndjson.gz     through a running hub
"""


def parser(commands: Any) -> None:
    """The command line."""
    load = described(commands, "load", help="load files of FHIR data", description=DESCRIPTION)
    load.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
    load.add_argument("--url", help="FHIR base URL of a running server; without it, straight into the database")
    load.add_argument(
        "--processes", type=int, default=min(os.cpu_count() or 1, 8), help="files loaded side by side (%(default)s)"
    )
    load.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.load.command import Target, load
    from hub.load.files import UnreadableFile
    from hub.load.sinks import TargetLost
    from hub.migrate import prepared

    try:
        if chosen.url is not None:
            totals = load(Target(settings, None, chosen.url), chosen.paths, processes=chosen.processes)
        else:
            with prepared(settings) as found:
                totals = load(Target(settings, found.url), chosen.paths, processes=chosen.processes)
    except UnreadableFile as error:
        return told(error, 2)
    except TargetLost as error:
        print("hub: start the same command again: it goes on where it stopped.", file=sys.stderr)
        return told(error, 1)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 1 if totals.refused else 0
