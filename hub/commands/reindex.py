"""`hub reindex`: search rows as they should be."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Compares the search rows of every resource with what they should be, writes what is missing and removes
what is too much, while others read and write. What it has done is counted and checked at the end.

Without TYPE it also indexes the search parameters that wait for it. A run that was broken off goes on
where it stopped. Exit code 1: the rows are not what they should be, and the message says where.
"""


def parser(commands: Any) -> None:
    """The command line."""
    reindex = described(
        commands, "reindex", help="compare and mend the search rows of stored resources", description=DESCRIPTION
    )
    reindex.add_argument("types", nargs="*", metavar="TYPE", help="resource types; none: all that have resources")
    reindex.add_argument("--parameter", metavar="URL", help="only the rows of this search parameter")
    reindex.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.migrate import prepared
    from hub.reindex import AskedWrongly, ReindexFailed, reindex

    try:
        with prepared(settings) as found:
            reindex(settings, found.url, chosen.types, chosen.parameter)
    except AskedWrongly as error:
        return told(error, 2)
    except ReindexFailed as error:
        return told(error, 1)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0
