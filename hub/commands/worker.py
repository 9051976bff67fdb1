"""`hub worker`: the process that asks partners, apart from `hub serve`."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import described, told
from hub.settings import SettingError, Settings

DESCRIPTION = """\
Works on the durable queue and asks Tasy (HUB_TASY_URL), until Ctrl-C. `hub serve` keeps one beside itself; this is for
another machine, to take over where that one ends: of several, one works at a time.
"""


def parser(commands: Any) -> None:
    """The command line."""
    command = described(commands, "worker", help="ask partners, beside `hub serve`", description=DESCRIPTION)
    command.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub import own_clients, worker
    from hub.migrate import prepared

    if settings.tasy_url is None:
        return told(SettingError("HUB_TASY_URL", "is not set: there is nobody to ask"), 2)
    with prepared(settings) as found:
        own_clients.make_sure(settings, found.url)
        worker.run(settings, found.url)
    return 0
