"""`hub events`: how events stand, and the process that takes them to services."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import described, told
from hub.settings import Settings

DESCRIPTION = """\
Versions that somebody listens to, on their way there.

  hub events status              what waits, what failed, what was counted
  hub events resubmit --reason   all dead letters begin anew, those of a patient in order
  hub events run                 take events to services, apart from `hub serve`, until Ctrl-C

`hub serve` keeps one such process beside itself where anybody listens; of several, another takes over where one ends.
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "events", help="events: how they stand, resubmit, run", description=DESCRIPTION)
    what = command.add_subparsers(dest="what", metavar="WHAT", required=True)
    what.add_parser("status", help="how events stand; exit code 1: there are dead letters")
    resubmit = what.add_parser("resubmit", help="all dead letters begin anew")
    resubmit.add_argument("--reason", required=True, help="why it will go well now; it is kept with each")
    what.add_parser("run", help="take events to services")
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.events import standing
    from hub.migrate import prepared

    with prepared(settings) as found:
        if chosen.what == "status":
            return standing.status(found.url)
        if chosen.what == "resubmit":
            return standing.resubmit(found.url, chosen.reason)
        from hub.events.run import run as take
        from hub.services import listened

        if not listened(settings):
            return told(ValueError("nobody listens: no service is on, and HUB_AMQP_URL is not set"), 2)
        take(settings, found.url)
    return 0
