"""`hub user`: people who sign in."""

from __future__ import annotations

import argparse
from typing import Any

from hub.commands.command import described
from hub.settings import Settings
from smart_auth.roles import ROLES

DESCRIPTION = f"""\
People who sign in, on the page of the authorization server.

  hub user add ana --name 'Ana Souza' --role member --patient PATIENT_ID
  hub user add dr.lima --name 'Dr. Lima' --role physician --fhir-user Practitioner/1 --organization Organization/1
  hub user password ana                  asks for it; --generate makes one and prints it this once
  hub user change ana --role member --role guardian --patient PATIENT_ID --patient CHILD_ID
  hub user totp dr.lima                  a second factor: its key and recovery codes, printed this once
  hub user no-factor dr.lima             the phone is lost: a new one is set up at the next sign-in
  hub user off ana                       signed out everywhere; tokens end within 5 seconds
  hub user on ana

Roles: {", ".join(ROLES)}.
A member sees the record of --patient, a guardian those of the children. Passwords have 12 characters or
more and are none of the common ones. Staff, which is everybody else, sign in with a second factor as well.
What is changed here ends whatever the person had open.
"""


def parser(commands: Any) -> None:
    """The command line."""
    user = described(
        commands, "user", help="people who sign in: list, add, password, totp, change, off, on", description=DESCRIPTION
    )
    doing = user.add_subparsers(dest="do", metavar="DO", required=True)
    doing.add_parser("list", help="everybody: login, roles, whom they may act for")
    for name, text in (("add", "somebody new; then give a password"), ("change", "say anew who somebody is")):
        one = doing.add_parser(name, help=text)
        one.add_argument("login", help="what they type to sign in")
        if name == "add":
            one.add_argument("--name", required=True, help="shown on pages")
        one.add_argument("--role", action="append", required=True, choices=ROLES, metavar="ROLE", dest="roles",
                         help="one or more of those above")  # fmt: skip
        one.add_argument("--fhir-user", metavar="TYPE/ID", help="their own resource, such as Practitioner/1")
        one.add_argument("--organization", metavar="Organization/ID", help="where they work")
        one.add_argument("--patient", action="append", default=[], dest="patients", metavar="ID",
                         help="a patient they act for: themselves, a child")  # fmt: skip
    password = doing.add_parser("password", help="a new password; it ends their sessions and tokens")
    password.add_argument("login")
    password.add_argument("--generate", action="store_true", help="make one, and print it this once")
    for name, text in (
        ("totp", "make a second factor (a key for an authenticator app) and print it this once"),
        ("no-factor", "remove the second factor; staff set up a new one when they sign in next"),
        ("off", "no longer let in; all they had open ends"),
        ("on", "let in again"),
    ):
        doing.add_parser(name, help=text).add_argument("login")
    user.set_defaults(run=run)


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Runs it; the exit code."""
    from hub.commands.operator import carry_out
    from hub.people import user

    return carry_out(user, settings, chosen)
