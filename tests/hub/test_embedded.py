"""The embedded PostgreSQL, for real: shared, stopped by the last, up again after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub.embedded import Embedded
from hub.embedded.tuning import tuning

QUICK = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="hub-embedded-"))
    path.chmod(0o755)
    yield path / "postgres"
    server = Embedded(path / "postgres")
    number = server.running()
    if number is not None:
        os.kill(number, signal.SIGKILL)
    shutil.rmtree(path, ignore_errors=True)


def value(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
        assert row is not None
        return row[0]


def test_life(folder: Path) -> None:
    first, second = Embedded(folder, QUICK), Embedded(folder, QUICK)
    url = first.start()
    number = first.running()
    assert number is not None
    assert value(url, "select current_database()") == "hub"
    assert value(url, "show listen_addresses") == ""
    assert value(url, "show jit") == "off"
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select 42 as answer")

    # A second one shares it; the first one to leave does not take it away.
    assert second.start() == url
    assert second.running() == number
    first.release()
    assert value(url, "select answer from kept") == 42

    # Nobody gets in without the password, and nobody else reads it or the data.
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url.replace(url.split("@")[0], "postgresql://hub:guess"))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url.replace(url.split("@")[0], "postgresql://hub"))
    for path in (folder / "password", first.data, first.data / "hub.conf", first.data.parent / "server.log"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077

    # Killed without warning, it starts again with what was committed.
    os.kill(number, signal.SIGKILL)
    second.release()
    assert value(second.start(), "select answer from kept") == 42
    second.release()
    assert second.running() is None

    # A process id left behind may belong to somebody else by now.
    (second.data / "postmaster.pid").write_text(f"{os.getpid()}\n{second.data}\n0\n5432\n\n\n\n")
    assert value(second.start(), "select answer from kept") == 42
    second.release()


def test_start_that_was_killed_midway_is_begun_anew(folder: Path) -> None:
    server = Embedded(folder, QUICK)
    server.folder.mkdir(parents=True)
    server.data.mkdir()
    (server.data / "base").mkdir()
    server.start()
    server.release()


def test_log_holds_no_record(folder: Path) -> None:
    server = Embedded(folder, QUICK)
    url = server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table person (name text primary key)")
        connection.execute("insert into person values ('Confidential')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into person values (%s)", ["Confidential"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("select 'Confidential'::int")
    server.release()
    log = (server.data.parent / "server.log").read_text()
    assert "ready to accept connections" in log
    assert "Confidential" not in log


def test_tuning_fits_small_and_large_machines() -> None:
    assert tuning(512 * 2**20)["shared_buffers"] == "128MB"
    assert tuning(64 * 2**30)["shared_buffers"] == "1024MB"
