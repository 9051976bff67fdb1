"""`hub doctor`: looks at everything the hub needs, and says of each fault what to do."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from hub import database
from hub.embedded import Embedded, EmbeddedError
from hub.migrate import MIGRATIONS, newest
from hub.settings import SettingError, Settings, read_settings

OK, WARNING, FAULT = "ok", "warning", "fault"
LEAST_FREE = 1 * 2**30
COMFORTABLE = 5 * 2**30
CLOCK_SECONDS = 2.0
EXTENSIONS: Mapping[str, str] = {
    "pg_trgm": "needed for quick :contains searches on large records",
    "btree_gin": "needed for quick :contains searches on large records",
    "pg_stat_statements": "shows which statements cost most",
}
MARKS = {OK: "ok     ", WARNING: "warning", FAULT: "FAULT  "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    level: str
    subject: str
    words: str
    advice: str = ""


def doctor(environment: Mapping[str, str], say: Callable[[str], None] = print) -> int:
    """Prints every finding; the exit code: 1 if something must be mended before the hub can run."""
    worst = OK
    for finding in examine(environment):
        say(f"{MARKS[finding.level]}  {finding.subject}: {finding.words}")
        if finding.advice:
            say(f"         -> {finding.advice}")
        if finding.level == FAULT or worst == OK:
            worst = finding.level
    say({OK: "All is well.", WARNING: "The hub runs; see the warnings.", FAULT: "Mend the faults first."}[worst])
    return 1 if worst == FAULT else 0


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Everything looked at, one after the other."""
    yield _python()
    try:
        settings = read_settings(environment)
    except SettingError as error:
        yield Finding(FAULT, "configuration", str(error), "correct or unset this environment variable")
        return
    yield Finding(OK, "configuration", f"HUB_ENV={settings.env}, FHIR base {settings.base}")
    yield _port(settings)
    yield _disk(settings.data)
    if settings.database_url is None:
        yield from _embedded(settings)
    try:
        with database.opened(settings) as found:
            yield Finding(OK, "database", found.words)
            yield from _inside(found.url)
    except (database.DatabaseUnusable, EmbeddedError) as error:
        yield Finding(
            FAULT, "database", str(error), "check HUB_DATABASE_URL, or unset it to use the embedded PostgreSQL"
        )


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(OK, "python", version)


def _port(settings: Settings) -> Finding:
    subject = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.settimeout(1)
        if probe.connect_ex((settings.host, settings.port)) == 0:
            return Finding(WARNING, subject, "something listens there already", "a running hub? else choose HUB_PORT")
    return Finding(OK, subject, "free")


def _disk(folder: Path) -> Finding:
    existing = next(part for part in [folder.resolve(), *folder.resolve().parents] if part.exists())
    free = shutil.disk_usage(existing).free
    words = f"{free / 2**30:.1f} GiB free at {existing}"
    if free < LEAST_FREE:
        return Finding(FAULT, "disk", words, "free some space, or set HUB_DATA to a folder on a larger disk")
    if free < COMFORTABLE:
        return Finding(WARNING, "disk", words, "a million resources take about 3.5 GB")
    return Finding(OK, "disk", words)


def _embedded(settings: Settings) -> Iterator[Finding]:
    folder = settings.data / "postgres"
    yield Finding(OK, "embedded mode", "for one machine and one person; set HUB_DATABASE_URL for anything more")
    password = folder / "password"
    if password.exists() and stat.S_IMODE(password.stat().st_mode) & 0o077:
        yield Finding(FAULT, "embedded mode", "others can read the password", f"chmod 600 {password}")
    if folder.exists():
        try:
            data = Embedded(folder).data
        except EmbeddedError as error:
            yield Finding(FAULT, "embedded mode", str(error))
            return
        if data.exists() and stat.S_IMODE(data.stat().st_mode) & 0o077:
            yield Finding(FAULT, "embedded mode", "others can enter the data folder", f"chmod 700 {data}")
        if os.geteuid() == 0:
            yield Finding(
                WARNING, "embedded mode", f"started by root; runs as the user {data.parent.owner()}, data in {data}",
                "run the hub as an ordinary user",
            )  # fmt: skip


def _inside(url: str) -> Iterator[Finding]:
    with psycopg.connect(url, autocommit=True) as connection:

        def one(statement: str) -> str:
            row = connection.execute(statement).fetchone()
            return "" if row is None or row[0] is None else str(row[0])

        before = time.time()
        theirs = float(one("select extract(epoch from clock_timestamp())"))
        apart = abs(theirs - (before + time.time()) / 2)
        if apart > CLOCK_SECONDS:
            yield Finding(FAULT, "clock", f"the database's clock is {apart:.1f} s apart", "let both keep time by NTP")
        else:
            yield Finding(OK, "clock", f"{apart * 1000:.0f} ms between hub and database")
        for migrations, table in MIGRATIONS.items():
            yield _schema(migrations, table, one)
        available = {str(row[0]) for row in connection.execute("select name from pg_available_extensions")}
        for name, use in EXTENSIONS.items():
            if name in available:
                yield Finding(OK, "extension", f"{name} is available")
            else:
                yield Finding(WARNING, "extension", f"{name} is not available; {use}", "install postgresql-contrib")
        if one("show fsync") != "on":
            yield Finding(FAULT, "durability", "fsync is off: a crash may destroy the record", "set fsync = on")
        if one("show synchronous_commit") == "off":
            yield Finding(WARNING, "durability", "synchronous_commit is off: a crash may lose the last writes")
        spare = int(one("show max_connections")) - int(one("select count(*) from pg_stat_activity"))
        if spare < 24:
            yield Finding(WARNING, "connections", f"{spare} free", "raise max_connections or lower HUB_CONNECTIONS")
        size = one("select pg_size_pretty(pg_database_size(current_database()))")
        yield Finding(OK, "size", f"the database takes {size}")


def _schema(migrations: str, table: str, one: Callable[[str], str]) -> Finding:
    wanted = newest(migrations)
    have = one(f"select version_num from {table}") if one(f"select to_regclass('{table}')") else ""
    room = migrations.partition(":")[0]
    if have == wanted:
        return Finding(OK, "schema", f"{room} up to date ({have})")
    return Finding(WARNING, "schema", f"{room} at {have or 'nothing'}, the code wants {wanted}", "run `hub migrate`")
