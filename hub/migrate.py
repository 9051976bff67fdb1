"""Brings the database's schema up to date: Alembic's migrations of each room that has tables, without an ini file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import psycopg
import sqlalchemy

from fhir_server.judging import Progress, judge
from hub import encryption
from hub.database import Database, opened
from hub.settings import Settings

MIGRATIONS = {
    "fhir_server:migrations": "alembic_version",
    "smart_auth:migrations": "auth.alembic_version",
    "messages:migrations": "messages.alembic_version",
    "batch:migrations": "batch.alembic_version",
}
"""Where they are, and the table that says how far they got."""
TELL_SECONDS = 5.0
LOCK = 4_611_686_018_427_387_847
"""Advisory lock of a migration, so that two starts at once do not both migrate."""


def sqlalchemy_url(url: str) -> sqlalchemy.URL:
    """SQLAlchemy's form of a `postgresql://` URL, spoken by psycopg."""
    return sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")


@contextmanager
def prepared(settings: Settings) -> Iterator[Database]:
    """The database, its schema up to date, its keys there where identifiers are encrypted, and what it holds judged.

    Raises DatabaseUnusable, EmbeddedError, EncryptionKeyUnusable, KeyMissing.
    """
    with opened(settings) as found:
        upgrade(found.url)
        encryption.begin(settings, found.url)
        encryption.establish(found.url)
        judge(found.url, settings.base, _told())
        yield found


def _told() -> Progress:
    """Says every few seconds how far what takes long has come."""
    said = time.monotonic()

    def progress(last: int, high: int) -> None:
        nonlocal said
        if time.monotonic() - said >= TELL_SECONDS:
            said = time.monotonic()
            print(f"Labels, consents and owners of what is stored: {100 * last // high} %", file=sys.stderr)

    return progress


def upgrade(url: str) -> None:
    """Applies the migrations that are missing; waits while another process does the same."""
    if up_to_date(url):
        return
    engine = sqlalchemy.create_engine(sqlalchemy_url(url), poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as guard:
            guard.execute(sqlalchemy.text("select pg_advisory_lock(:key)"), {"key": LOCK})
            guard.commit()
            with engine.begin() as connection:
                _apply(connection)
            guard.execute(sqlalchemy.text("select pg_advisory_unlock(:key)"), {"key": LOCK})
            guard.commit()
    finally:
        engine.dispose()


def up_to_date(url: str) -> bool:
    """Whether every room's table says its newest migration: then Alembic need not be loaded, a sixth of a start."""
    with psycopg.connect(url) as connection:
        for migrations, table in MIGRATIONS.items():
            there = connection.execute("select to_regclass(%s)", [table]).fetchone() != (None,)
            found = connection.execute(f"select version_num from {table}".encode()).fetchall() if there else []
            if found != [(newest(migrations),)]:
                return False
    return True


def newest(migrations: str) -> str:
    """The migration of a room that comes last; a file's name begins with its number."""
    room, folder = migrations.split(":")
    return max(path.name for path in (files(room) / folder / "versions").iterdir() if path.name.endswith(".py"))[:4]


def _apply(connection: sqlalchemy.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    for migrations in MIGRATIONS:
        configuration = Config()
        configuration.set_main_option("script_location", migrations)
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
