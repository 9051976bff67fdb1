"""`hub token`: a bearer token, for scripts."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import described
from hub.settings import Settings

DESCRIPTION = """\
Prints a bearer token without asking the token endpoint: whoever may run this has the database and the key.

  curl -H "Authorization: Bearer $(hub token --demo)" http://127.0.0.1:8080/fhir/Patient
"""


def parser(commands: Any) -> None:
    """The command line."""
    token = described(commands, "token", help="print a bearer token of a client, for scripts", description=DESCRIPTION)
    who = token.add_mutually_exclusive_group(required=True)
    who.add_argument("--client", metavar="ID", help="a client registered with `hub client add`")
    who.add_argument("--demo", action="store_true", help="the demo client, made if need be: system/*.cruds")
    token.add_argument("--scope", help="scopes, separated by spaces; all the client has, if not given")
    token.add_argument("--minutes", type=int, default=5, choices=range(1, 61), metavar="1-60", help="life (5)")
    token.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.commands.operator import carry_out
    from hub.tokens import token

    return carry_out(token, settings, chosen)
