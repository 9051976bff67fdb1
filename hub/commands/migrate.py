"""`hub migrate`: the database's tables, brought up to date."""

from __future__ import annotations

import argparse
from typing import Any

from hub.settings import Settings


def parser(commands: Any) -> None:
    """The command line."""
    migrate = commands.add_parser("migrate", help="bring the database's tables up to date (serve and load do it too)")
    migrate.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.migrate import prepared

    with prepared(settings) as found:
        print(f"Up to date: {found.words}.")
    return 0
