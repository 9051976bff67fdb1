"""The command `hub`: its subcommands, one module of hub/commands/ each, and the settings they run with."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields

from hub import VERSION
from hub.commands import (
    audit,
    client,
    evaluate,
    events,
    export,
    imports,
    keys,
    load,
    mapping,
    migrate,
    policy,
    reindex,
    scheduler,
    serve,
    simulate,
    sync,
    token,
    triage,
    user,
    whatsapp,
    worker,
)
from hub.commands.command import told
from hub.garbage import collect_seldom
from hub.settings import SettingError, Settings, read_settings

DESCRIPTION = """\
A FHIR R4 server on PostgreSQL.

  hub serve              start it; http://127.0.0.1:8080 then tells what can be done
  hub load PATH...       fill it
  hub doctor             what is wrong, and what to do

Without HUB_DATABASE_URL the hub starts a PostgreSQL of its own, with its data in .hub/.
"""

COMMANDS = (
    serve,
    migrate,
    load,
    export,
    imports,
    reindex,
    client,
    user,
    keys,
    token,
    policy,
    audit,
    mapping,
    sync,
    simulate,
    worker,
    events,
    triage,
    evaluate,
    whatsapp,
    scheduler,
)
"""As `hub --help` lists them."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="hub", description=DESCRIPTION, epilog=_variables(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root.add_argument("--version", action="version", version=f"hub {VERSION}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)

    for one in COMMANDS:
        one.parser(commands)
    commands.add_parser("doctor", help="check database, disk, clock and configuration")
    return root


def _variables() -> str:
    names = ", ".join(f"HUB_{field.name.upper()}" for field in fields(Settings))
    return f"Environment variables: {names}. README.md says what each does."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit code. 2: it was asked for wrongly."""
    collect_seldom()
    chosen = parser().parse_args(arguments)
    if chosen.command == "doctor":
        from hub.doctor import doctor

        return doctor(os.environ)
    try:
        settings = read_settings(dict(os.environ) | _overrides(chosen))
    except SettingError as error:
        return told(error, 2)
    # Each command imports what it needs: `hub --help` should not wait for the whole server.
    from fhir_server.encryption.keys import KeyMissing
    from hub.database import DatabaseUnusable
    from hub.embedded import EmbeddedError
    from hub.encryption import EncryptionKeyUnusable

    try:
        code: int = chosen.run(settings, chosen)
        return code
    except (DatabaseUnusable, EmbeddedError, EncryptionKeyUnusable, KeyMissing) as error:
        return told(error, 1)
    except KeyboardInterrupt:
        return 130


def _overrides(chosen: argparse.Namespace) -> dict[str, str]:
    """Options of the command line, as the variables they stand for: the same checks hold."""
    options = {name: getattr(chosen, name, None) for name in ("host", "port", "workers")}
    return {f"HUB_{name.upper()}": value for name, value in options.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
