"""`hub client`: apps and services that may ask for tokens."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub.commands.command import described
from hub.settings import Settings

DESCRIPTION = """\
A backend service proves itself by keys and gets scopes of the level system:

  hub client add lab --scope 'system/Observation.cruds' --jwks lab-public-keys.json

An app is opened by people and has redirect URIs; it gets what each person allows it:

  hub client add chart --name 'Chart' --scope 'launch launch/patient openid fhirUser offline_access patient/*.rs' \\
    --redirect-uri https://chart.example.org/back
"""


def parser(commands: Any) -> None:
    """The command line."""
    client = described(
        commands,
        "client",
        help="apps and services that may ask for tokens: list, add, switch off",
        description=DESCRIPTION,
    )
    doing = client.add_subparsers(dest="do", metavar="DO", required=True)
    doing.add_parser("list", help="all clients")
    add = doing.add_parser("add", help="register an app or a backend service, or change one")
    add.add_argument("id", help="its client_id")
    add.add_argument("--name", help="for people to read; the id, if not given")
    add.add_argument("--scope", required=True, help="what it may be granted at most, such as 'system/*.rs'")
    add.add_argument(
        "--redirect-uri", action="append", default=[], dest="redirect_uris", metavar="URL",
        help="of an app that people sign in to: where answers go, to the letter; may be repeated",
    )  # fmt: skip
    add.add_argument(
        "--secret", choices=("basic", "post"),
        help="an app that proves itself by a secret, which is printed this once; without it and without keys: public",
    )  # fmt: skip
    keys = add.add_mutually_exclusive_group()
    keys.add_argument("--jwks", type=Path, metavar="FILE", help="its public keys, a JWK set")
    keys.add_argument("--jwks-uri", metavar="URL", help="where it keeps them")
    add.add_argument("--introspect", action="store_true", help="it may ask about tokens of others")
    invite = doing.add_parser("invite", help="print an initial access token: apps register by it, at {issuer}/register")
    invite.add_argument("--scope", help="what such apps may be granted at most; what patients' apps need, if not given")
    invite.add_argument("--uses", type=int, default=1, choices=range(1, 1001), metavar="1-1000", help="apps (1)")
    invite.add_argument("--days", type=int, default=7, choices=range(1, 367), metavar="1-366", help="life (7)")
    approve = doing.add_parser("approve", help="let an app be used that registered by itself")
    approve.add_argument("id", help="its client_id")
    off = doing.add_parser("off", help="no new tokens for it, and those it has no longer hold")
    off.add_argument("id", help="its client_id")
    client.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.commands.operator import carry_out
    from hub.tokens import client

    return carry_out(client, settings, chosen)
