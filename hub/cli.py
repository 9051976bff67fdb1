"""The command `hub`: its subcommands, and faults told in a line instead of a traceback."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hub import VERSION, people_parser
from hub.settings import SettingError, Settings, read_settings

DESCRIPTION = """\
A FHIR R4 server on PostgreSQL.

  hub serve              start it; http://127.0.0.1:8080 then tells what can be done
  hub load PATH...       fill it
  hub doctor             what is wrong, and what to do

Without HUB_DATABASE_URL the hub starts a PostgreSQL of its own, with its data in .hub/.
"""

LOAD = """\
Loads transaction and batch Bundles, collections, NDJSON and plain resources, from files and
folders, also packed (.gz .bz2 .xz). Every entry goes through the same checks as by HTTP.

A Bundle of type transaction is stored whole or not at all. Other resources keep their id.
What is refused is reported with file, line and reason. A run that was broken off goes on
where it stopped when it is started again; what is stored is not loaded twice.

  hub load patients/                          straight into the database
  hub load --url http://127.0.0.1:8080/fhir Patient.ndjson.gz     through a running hub
"""


EXPORT = """\
Writes every resource, in its current version, to DIR/Type.1.ndjson and so on, and DIR/manifest.json
when all of it is there. What it writes is the record at one moment, whoever writes meanwhile.
"""


TOKEN = """\
Prints a bearer token without asking the token endpoint: whoever may run this has the database and the key.

  curl -H "Authorization: Bearer $(hub token --demo)" http://127.0.0.1:8080/fhir/Patient
"""


CLIENT = """\
A backend service proves itself by keys and gets scopes of the level system:

  hub client add lab --scope 'system/Observation.cruds' --jwks lab-public-keys.json

An app is opened by people and has redirect URIs; it gets what each person allows it:

  hub client add chart --name 'Chart' --scope 'launch launch/patient openid fhirUser offline_access patient/*.rs' \\
    --redirect-uri https://chart.example.org/back
"""


IMPORT = """\
Reads NDJSON files, packed ones too (.gz .bz2 .xz): those of a folder, or those a manifest names.
Every resource keeps its id; one that is there already becomes a new version if it says something else.

Much quicker than `hub load`, and it takes files in any order: what is referred to may come later, or
not at all, which is told at the end. A run that was broken off goes on where it stopped.
"""


POLICY = """\
What the `user/` scopes of a role open: rows of role, types, interactions ("cruds"), and of criteria (a search
string, with %user, %organization, %patient), relation ("own", "ward", "care"), hidden and read_only elements, purposes.

  hub policy show > rows.json      then change the file
  hub policy set rows.json         every version is kept, with who set it
"""


REINDEX = """\
Compares the search rows of every resource with what they should be, writes what is missing and removes
what is too much, while others read and write. What it has done is counted and checked at the end.

Without TYPE it also indexes the search parameters that wait for it. A run that was broken off goes on
where it stopped. Exit code 1: the rows are not what they should be, and the message says where.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="hub", description=DESCRIPTION, epilog=_variables(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root.add_argument("--version", action="version", version=f"hub {VERSION}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)

    serve = commands.add_parser("serve", help="serve the FHIR API until Ctrl-C")
    serve.add_argument("--host", help="loopback address to listen on (HUB_HOST, 127.0.0.1)")
    serve.add_argument("--port", help="port to listen on (HUB_PORT, 8080)")
    serve.add_argument("--workers", help="server processes (HUB_WORKERS, 1)")
    serve.add_argument(
        "--sample-data", action="store_true", help="first load the shipped patients into an empty record"
    )
    serve.add_argument(
        "--demo", action="store_true",
        help="with HUB_ACCESS=smart: first make people to try it with, where there is nobody; never in production",
    )  # fmt: skip

    commands.add_parser("migrate", help="bring the database's tables up to date (serve and load do it too)")

    load = commands.add_parser(
        "load", help="load files of FHIR data", description=LOAD,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    load.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
    load.add_argument("--url", help="FHIR base URL of a running server; without it, straight into the database")
    load.add_argument(
        "--processes", type=int, default=min(os.cpu_count() or 1, 8), help="files loaded side by side (%(default)s)"
    )

    export = commands.add_parser(
        "export", help="write the record as NDJSON or Parquet files", description=EXPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    export.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet, or is empty")
    export.add_argument("--format", choices=("ndjson", "parquet"), default="ndjson", help="of the files (%(default)s)")
    export.add_argument("--type", action="append", default=[], help="resource types, separated by commas")
    export.add_argument("--since", help="only what changed after this instant; also tells what was deleted")
    export.add_argument("--until", help="only what changed before this instant")

    bring = commands.add_parser(
        "import", help="read NDJSON files into the record", description=IMPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    bring.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="NDJSON file, folder, or manifest.json")
    bring.add_argument(
        "--processes", type=int, default=min(os.cpu_count() or 1, 8), help="processes side by side (%(default)s)"
    )

    reindex = commands.add_parser(
        "reindex", help="compare and mend the search rows of stored resources", description=REINDEX,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    reindex.add_argument("types", nargs="*", metavar="TYPE", help="resource types; none: all that have resources")
    reindex.add_argument("--parameter", metavar="URL", help="only the rows of this search parameter")

    _client_parser(commands)
    people_parser.parsers(commands)
    keys = commands.add_parser("keys", help="keys that sign tokens: list them, change them")
    keys.add_argument(
        "do", choices=("list", "rotate", "new-seal"),
        help="list; rotate: the next key signs from now on; new-seal: print a new key for HUB_KEY",
    )  # fmt: skip
    keys.add_argument("--alg", choices=("ES256", "RS256"), default="ES256", help="of access or of id tokens (ES256)")

    token = commands.add_parser(
        "token", help="print a bearer token of a client, for scripts", description=TOKEN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    who = token.add_mutually_exclusive_group(required=True)
    who.add_argument("--client", metavar="ID", help="a client registered with `hub client add`")
    who.add_argument("--demo", action="store_true", help="the demo client, made if need be: system/*.cruds")
    token.add_argument("--scope", help="scopes, separated by spaces; all the client has, if not given")
    token.add_argument("--minutes", type=int, default=5, choices=range(1, 61), metavar="1-60", help="life (5)")

    policy = commands.add_parser(
        "policy", help="what roles may do: versions, rows, a new version", description=POLICY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    doing = policy.add_subparsers(dest="do", metavar="DO", required=True)
    doing.add_parser("list", help="versions, newest first")
    show = doing.add_parser("show", help="the rows in force, or of a version, as JSON")
    show.add_argument("version", nargs="?", type=int, help="as `list` names it; 0: those shipped")
    setting = doing.add_parser("set", help="put the rows of a file in force, in all workers within 5 seconds")
    setting.add_argument("file", type=Path, metavar="FILE", help="JSON as `show` prints it")

    audit = commands.add_parser("audit", help="look for tampering with the audit trail, or end its oldest part")
    doing = audit.add_subparsers(dest="do", metavar="DO", required=True)
    verify = doing.add_parser("verify", help="recompute the chain; exit code 1 where something was changed")
    verify.add_argument(
        "--expect",
        metavar="EVENT:TAG",
        action="append",
        default=[],
        help="a tag noted earlier: the log has one a day",
    )
    expire = doing.add_parser("expire", help="remove what is older than it has to be kept")
    expire.add_argument("--years", type=int, required=True, choices=range(5, 101), metavar="5-100", help="5 or more")

    commands.add_parser("doctor", help="check database, disk, clock and configuration")
    return root


def _client_parser(commands: Any) -> None:
    client = commands.add_parser(
        "client", help="apps and services that may ask for tokens: list, add, switch off", description=CLIENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
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


def _variables() -> str:
    names = ", ".join(f"HUB_{field.name.upper()}" for field in fields(Settings))
    return f"Environment variables: {names}. README.md says what each does."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit code. 2: it was asked for wrongly."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "doctor":
        from hub.doctor import doctor

        return doctor(os.environ)
    try:
        settings = read_settings(dict(os.environ) | _overrides(chosen))
    except SettingError as error:
        return _told(error, 2)
    # Each command imports what it needs: `hub --help` should not wait for the whole server.
    from hub.database import DatabaseUnusable
    from hub.embedded import EmbeddedError

    try:
        return COMMANDS[chosen.command](settings, chosen)
    except (DatabaseUnusable, EmbeddedError) as error:
        return _told(error, 1)
    except KeyboardInterrupt:
        return 130


def _overrides(chosen: argparse.Namespace) -> dict[str, str]:
    """Options of the command line, as the variables they stand for: the same checks hold."""
    options = {name: getattr(chosen, name, None) for name in ("host", "port", "workers")}
    return {f"HUB_{name.upper()}": value for name, value in options.items() if value is not None}


def _told(error: Exception, code: int) -> int:
    print(f"hub: {error}", file=sys.stderr)
    return code


def _serve(settings: Settings, chosen: argparse.Namespace) -> int:
    from hub.apps import PartsMissing
    from hub.sealing_key import KeyUnusable
    from hub.serve import CannotListen, serve

    if chosen.demo and settings.env == "production":
        return _told(ValueError("--demo: not with HUB_ENV=production"), 2)
    try:
        return serve(settings, sample_data=chosen.sample_data, demo=chosen.demo)
    except (CannotListen, KeyUnusable, PartsMissing) as error:
        return _told(error, 1)


def _migrate(settings: Settings, chosen: argparse.Namespace) -> int:
    from hub import database
    from hub.migrate import upgrade

    with database.opened(settings) as found:
        upgrade(found.url)
        print(f"Up to date: {found.words}.")
    return 0


def _load(settings: Settings, chosen: argparse.Namespace) -> int:
    from hub import database
    from hub.load.command import Target, load
    from hub.load.files import UnreadableFile
    from hub.load.sinks import TargetLost
    from hub.migrate import upgrade

    try:
        if chosen.url is not None:
            totals = load(Target(settings, None, chosen.url), chosen.paths, processes=chosen.processes)
        else:
            with database.opened(settings) as found:
                upgrade(found.url)
                totals = load(Target(settings, found.url), chosen.paths, processes=chosen.processes)
    except UnreadableFile as error:
        return _told(error, 2)
    except TargetLost as error:
        print("hub: start the same command again: it goes on where it stopped.", file=sys.stderr)
        return _told(error, 1)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 1 if totals.refused else 0


def _export(settings: Settings, chosen: argparse.Namespace) -> int:
    from hub import database
    from hub.export import ExportRefused, export
    from hub.migrate import upgrade

    asked = [("_outputFormat", chosen.format), *(("_type", one) for one in chosen.type)]
    asked += [(name, value) for name, value in (("_since", chosen.since), ("_until", chosen.until)) if value]
    try:
        with database.opened(settings) as found:
            upgrade(found.url)
            export(settings, found.url, chosen.folder, asked)
    except ExportRefused as error:
        return _told(error, 2)
    return 0


def _import(settings: Settings, chosen: argparse.Namespace) -> int:
    from concurrent.futures.process import BrokenProcessPool

    from hub import database
    from hub.imports import ImportRefused, import_files
    from hub.migrate import upgrade

    try:
        with database.opened(settings) as found:
            upgrade(found.url)
            imported = import_files(settings, found.url, chosen.paths, max(chosen.processes, 1))
    except ImportRefused as error:
        return _told(error, 2)
    except BrokenProcessPool:
        return _told(RuntimeError("a process was ended from outside; the same command goes on where it stopped"), 1)
    return 1 if imported.refused else 0


def _reindex(settings: Settings, chosen: argparse.Namespace) -> int:
    from hub import database
    from hub.migrate import upgrade
    from hub.reindex import AskedWrongly, ReindexFailed, reindex

    try:
        with database.opened(settings) as found:
            upgrade(found.url)
            reindex(settings, found.url, chosen.types, chosen.parameter)
    except AskedWrongly as error:
        return _told(error, 2)
    except ReindexFailed as error:
        return _told(error, 1)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _audit(settings: Settings, chosen: argparse.Namespace) -> int:
    from hub import database
    from hub.audit import COMMANDS, NotATag
    from hub.migrate import upgrade

    try:
        with database.opened(settings) as found:
            upgrade(found.url)
            return COMMANDS[chosen.do](found.url, chosen)
    except NotATag as error:
        return _told(error, 2)


def _policy(settings: Settings, chosen: argparse.Namespace) -> int:
    from fhir_server.access.policies import UnusablePolicy
    from hub import database
    from hub.migrate import upgrade
    from hub.policies import COMMANDS

    try:
        with database.opened(settings) as found:
            upgrade(found.url)
            return COMMANDS[chosen.do](found.url, chosen)
    except (UnusablePolicy, OSError) as error:
        return _told(error, 2)


def _auth(settings: Settings, chosen: argparse.Namespace) -> int:
    from hub import database
    from hub.migrate import upgrade
    from hub.people import user
    from hub.sealing_key import KeyUnusable
    from hub.tokens import COMMANDS, Refused

    commands = {**COMMANDS, "user": user}

    try:
        with database.opened(settings) as found:
            upgrade(found.url)
            commands[chosen.command](settings, found.url, chosen)
    except (KeyUnusable, Refused) as error:
        return _told(error, 2)
    return 0


COMMANDS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {
    "serve": _serve,
    "migrate": _migrate,
    "load": _load,
    "export": _export,
    "import": _import,
    "reindex": _reindex,
    "audit": _audit,
    "policy": _policy,
    "client": _auth,
    "keys": _auth,
    "token": _auth,
    "user": _auth,
}

if __name__ == "__main__":
    sys.exit(main())
