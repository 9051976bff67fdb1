"""`hub export`: the record as files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Writes every resource, in its current version, to DIR/Type.1.ndjson and so on, and DIR/manifest.json
when all of it is there. What it writes is the record at one moment, whoever writes meanwhile.
"""


def parser(commands: Any) -> None:
    """The command line."""
    export = described(commands, "export", help="write the record as NDJSON or Parquet files", description=DESCRIPTION)
    export.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet, or is empty")
    export.add_argument("--format", choices=("ndjson", "parquet"), default="ndjson", help="of the files (%(default)s)")
    export.add_argument("--type", action="append", default=[], help="resource types, separated by commas")
    export.add_argument("--since", help="only what changed after this instant; also tells what was deleted")
    export.add_argument("--until", help="only what changed before this instant")
    export.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.export import ExportRefused, export
    from hub.migrate import prepared

    asked = [("_outputFormat", chosen.format), *(("_type", one) for one in chosen.type)]
    asked += [(name, value) for name, value in (("_since", chosen.since), ("_until", chosen.until)) if value]
    try:
        with prepared(settings) as found:
            export(settings, found.url, chosen.folder, asked)
    except ExportRefused as error:
        return told(error, 2)
    return 0
