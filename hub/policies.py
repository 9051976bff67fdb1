"""`hub policy`: what roles may do. For security officers: whoever may run this has the database."""

from __future__ import annotations

import argparse
import getpass
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import psycopg

from fhir_server.access.policies import SHIPPED, Policies, UnusablePolicy, document, read


def list_(url: str, chosen: argparse.Namespace) -> int:
    """Prints the versions, newest first."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select version, changed, author from policy order by version desc").fetchall()
    for version, changed, author in found:
        print(f"{version}  {datetime.fromtimestamp(changed / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}  {author}")
    print("0  as shipped")
    return 0


def show(url: str, chosen: argparse.Namespace) -> int:
    """Prints the rows of a version, or of the newest. Raises UnusablePolicy."""
    print(document(_version(url, chosen.version)))
    return 0


def set_(url: str, chosen: argparse.Namespace) -> int:
    """Puts the rows of a file in force. Raises UnusablePolicy, OSError."""
    rows = read(chosen.file.read_bytes(), 0)
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "insert into policy (changed, author, document) values (%s, %s, %s) returning version",
            [time.time_ns() // 1000, getpass.getuser(), document(rows)],
        ).fetchone()
    assert found is not None
    print(f"In force: version {found[0]}, {len(rows.of(rows.by_role))} rows of {len(rows.by_role)} roles")
    return 0


def _version(url: str, wanted: int | None) -> Policies:
    with psycopg.connect(url) as connection:
        newest = "select version, document from policy where %s::bigint is null or version = %s order by 1 desc limit 1"
        found = connection.execute(newest, [wanted, wanted]).fetchone()
    if found is None and wanted not in (None, 0):
        raise UnusablePolicy("there is no such version")
    return read(found[1], found[0]) if found else SHIPPED


COMMANDS: Mapping[str, Callable[[str, argparse.Namespace], int]] = {"list": list_, "show": show, "set": set_}
