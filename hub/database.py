"""Which database the hub works on: the one it was given, or the embedded one for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from hub.embedded import Embedded
from hub.settings import Settings

OLDEST = 150_000
"""server_version_num of PostgreSQL 15."""


class DatabaseUnusable(RuntimeError):
    """The database cannot be reached or is too old; the text says what to do, and holds no password."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database that answers."""

    url: str
    words: str
    """What it is, for people: no password in it."""


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, answering; the embedded one is started if need be, and stopped when its last user leaves.

    Raises DatabaseUnusable, EmbeddedError.
    """
    if settings.database_url is not None:
        yield check(settings.database_url, "PostgreSQL {version} from HUB_DATABASE_URL")
        return
    embedded = Embedded(settings.data / "postgres")
    url = embedded.start()
    try:
        yield check(url, f"embedded PostgreSQL {{version}}, data in {embedded.data}")
    finally:
        embedded.release()


def check(url: str, words: str) -> Database:
    """The database, if it can be used. Raises DatabaseUnusable."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            info = connection.info
            number, version = info.server_version, info.parameter_status("server_version") or ""
            encoding = info.parameter_status("server_encoding")
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise DatabaseUnusable(f"HUB_DATABASE_URL: the database does not let us in: {reason}") from None
    if number < OLDEST:
        raise DatabaseUnusable(f"HUB_DATABASE_URL: PostgreSQL {version} is too old; 15 or newer is needed")
    if encoding != "UTF8":
        raise DatabaseUnusable(f"HUB_DATABASE_URL: the database's encoding is {encoding}; it must be UTF8")
    return Database(url, words.format(version=version.split()[0]))
