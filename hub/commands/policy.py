"""`hub policy`: what roles may do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
What the `user/` scopes of a role open: rows of role, types, interactions ("cruds"), and of criteria (a search
string, with %user, %organization, %patient), relation ("own", "ward", "care"), hidden and read_only elements, purposes.

  hub policy show > rows.json      then change the file
  hub policy set rows.json         every version is kept, with who set it
"""


def parser(commands: Any) -> None:
    """The command line."""
    policy = described(
        commands, "policy", help="what roles may do: versions, rows, a new version", description=DESCRIPTION
    )
    doing = policy.add_subparsers(dest="do", metavar="DO", required=True)
    doing.add_parser("list", help="versions, newest first")
    show = doing.add_parser("show", help="the rows in force, or of a version, as JSON")
    show.add_argument("version", nargs="?", type=int, help="as `list` names it; 0: those shipped")
    setting = doing.add_parser("set", help="put the rows of a file in force, in all workers within 5 seconds")
    setting.add_argument("file", type=Path, metavar="FILE", help="JSON as `show` prints it")
    policy.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from fhir_server.access.policies import UnusablePolicy
    from hub.migrate import prepared
    from hub.policies import COMMANDS

    try:
        with prepared(settings) as found:
            COMMANDS[chosen.do](settings, found.url, chosen)
    except (UnusablePolicy, OSError) as error:
        return told(error, 2)
    return 0
