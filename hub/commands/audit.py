"""`hub audit`: the audit trail, looked through or ended."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import told
from hub.settings import Settings


def parser(commands: Any) -> None:
    """The command line."""
    audit = commands.add_parser("audit", help="look for tampering with the audit trail, or end its oldest part")
    doing = audit.add_subparsers(dest="do", metavar="DO", required=True)
    verify = doing.add_parser("verify", help="recompute the chain; exit code 1 where something was changed")
    verify.add_argument(
        "--expect",
        metavar="EVENT:TAG",
        action="append",
        default=[],
        help="a tag noted earlier: the log has one a day",
    )
    expire = doing.add_parser("expire", help="remove what is older than it has to be kept")
    expire.add_argument("--years", type=int, required=True, choices=range(5, 101), metavar="5-100", help="5 or more")
    audit.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.audit import COMMANDS, NotATag
    from hub.migrate import prepared

    try:
        with prepared(settings) as found:
            return COMMANDS[chosen.do](found.url, chosen)
    except NotATag as error:
        return told(error, 2)
