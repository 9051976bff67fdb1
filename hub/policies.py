"""`hub policy`: what roles may do. For security officers: whoever may run this has the database."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import text

from fhir_server.access.policies import document, read
from hub import policy_versions
from hub.authorization import tables
from hub.security_events import by_operator, operator
from hub.settings import Settings
from smart_auth.happened import POLICY_CHANGED


def list_(settings: Settings, url: str, chosen: argparse.Namespace) -> None:
    """Prints the versions, newest first."""
    with tables(url) as connection:
        versions = connection.execute(text("select version, changed, author from policy order by version desc")).all()
    for version, changed, author in versions:
        print(f"{version}  {datetime.fromtimestamp(changed / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}  {author}")
    print("0  as shipped")


def show(settings: Settings, url: str, chosen: argparse.Namespace) -> None:
    """Prints the rows of a version, or of the newest. Raises UnusablePolicy."""
    with tables(url) as connection:
        print(document(policy_versions.found(connection, chosen.version)))


def set_(settings: Settings, url: str, chosen: argparse.Namespace) -> None:
    """Puts the rows of a file in force. Raises UnusablePolicy, OSError."""
    rows = read(chosen.file.read_bytes(), 0)
    with tables(url) as connection:
        version = policy_versions.put(connection, rows, operator())
        by_operator(settings, connection, POLICY_CHANGED, "AccessPolicy")
    print(f"In force: version {version}, {len(rows.of(rows.by_role))} rows of {len(rows.by_role)} roles")


COMMANDS: Mapping[str, Callable[[Settings, str, argparse.Namespace], None]] = {
    "list": list_, "show": show, "set": set_,
}  # fmt: skip
