"""What `hub client`, `keys`, `token` and `user` share: tables that are up to date, and refusals told in a line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from hub.commands.command import told
from hub.migrate import prepared
from hub.sealing_key import KeyUnusable
from hub.settings import Settings
from hub.tokens import Refused


def carry_out(
    command: Callable[[Settings, str, argparse.Namespace], None], settings: Settings, chosen: argparse.Namespace
) -> int:
    """Runs a command of the operator; the exit code."""
    try:
        with prepared(settings) as found:
            command(settings, found.url, chosen)
    except (KeyUnusable, Refused) as error:
        return told(error, 2)
    return 0
