"""`hub scheduler`: the process that looks for sets of the ERP's files by the calendar, apart from `hub serve`."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import described, told
from hub.settings import SettingError, Settings

DESCRIPTION = """\
Looks for sets of the ERP's files (HUB_TASY_SFTP) when they are due, and applies them, until Ctrl-C. `hub serve` keeps
one beside itself; this is for another machine, to take over where that one ends: of several, one works at a time.
`hub sync status` tells when it looked last.
"""


def parser(commands: Any) -> None:
    """The command line."""
    help = "look for sets of files by the calendar, beside `hub serve`"
    command = described(commands, "scheduler", help=help, description=DESCRIPTION)
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub import own_clients, scheduler
    from hub.migrate import prepared

    if settings.tasy_sftp is None:
        return told(SettingError("HUB_TASY_SFTP", "is not set: there is no server with sets"), 2)
    with prepared(settings) as found:
        own_clients.make_sure(settings, found.url)
        scheduler.run(settings, found.url)
    return 0
