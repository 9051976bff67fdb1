"""`hub keys`: those that sign tokens."""

from __future__ import annotations

import argparse
from typing import Any

from hub.settings import Settings


def parser(commands: Any) -> None:
    """The command line."""
    keys = commands.add_parser("keys", help="keys that sign tokens: list them, change them")
    keys.add_argument(
        "do", choices=("list", "rotate", "new-seal"),
        help="list; rotate: the next key signs from now on; new-seal: print a new key for HUB_KEY",
    )  # fmt: skip
    keys.add_argument("--alg", choices=("ES256", "RS256"), default="ES256", help="of access or of id tokens (ES256)")
    keys.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.commands.operator import carry_out
    from hub.tokens import show_keys

    return carry_out(show_keys, settings, chosen)
