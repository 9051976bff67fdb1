"""One PostgreSQL for the test session, and a fresh migrated database for each test that asks for one."""

from __future__ import annotations

import fcntl
import gc
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO

import hypothesis
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.embedded import Embedded
from hub.garbage import collect_seldom
from hub.migrate import upgrade
from tests.alone import turn
from tests.hub_process import ROOT
from tests.session_folder import FOLDER, begin, place, sweep

TEMPLATE, SAMPLES = "hub_template", "hub_samples"
LOCK = pytest.StashKey[IO[str]]()
QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum": "off",
    "max_connections": "400",
}
"""Tests may lose their data in a crash of the machine; all workers and all the hubs they start share the server."""


# How fast a machine is just now says nothing of what is tested. Some thousand examples in all keep the suite short.
hypothesis.settings.register_profile(
    "hub", deadline=None, max_examples=40, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # fmt: skip
hypothesis.settings.load_profile("hub")


def pytest_configure(config: pytest.Config) -> None:
    """The session's folder; xdist's workers inherit it from the controller."""
    if not hasattr(config, "workerinput"):
        where = place()
        sweep(where)
        folder, config.stash[LOCK] = begin(where)
        os.environ[FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of which every test is marked `alone` come last: until then all workers are busy."""
    beside = {item.path for item in items if item.get_closest_marker("alone") is None}
    items.sort(key=lambda item: item.path not in beside)


def pytest_collection_finish() -> None:
    """Ten thousand tests and all modules stay to the end: they are not looked through for garbage again and again."""
    gc.collect()
    collect_seldom()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Where tests run beside each other, one marked `alone` waits for the others, and they for it."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with turn(Path(os.environ[FOLDER]), item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true nothing may be skipped: there, what a test needs is there."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though CI=true: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL in which databases may be made: `HUB_TEST_DATABASE_URL`, or an embedded one."""
    given = os.environ.get("HUB_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = Embedded(Path(os.environ[FOLDER]) / "postgres", QUICK)
    yield server.start()
    server.release()


def url_of(server: str, database: str) -> str:
    """The URL of another database on the same server."""
    parts = conninfo_to_dict(server)
    password = f":{parts['password']}" if parts.get("password") else ""
    host, port = parts.get("host", ""), parts.get("port")
    if str(host).startswith("/"):
        return f"postgresql://{parts['user']}{password}@/{database}?host={host}"
    return f"postgresql://{parts['user']}{password}@{host}{f':{port}' if port else ''}/{database}"


def administer(server: str, command: str) -> None:
    """One command outside a transaction, such as `create database`."""
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as connection:
        connection.execute(command)


def made_once(postgres: str, name: str, command: str, fill: Callable[[str], object]) -> str:
    """Name of a database made by `create database` with the rest of the command and filled, once for all workers."""
    with (Path(os.environ[FOLDER]) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = Path(os.environ[FOLDER]) / f"{name}.done"
        if not done.exists():
            administer(postgres, f"drop database if exists {name}")
            administer(postgres, f"create database {name} {command}")
            fill(url_of(postgres, name))
            done.touch()
    return name


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """Name of a database with the current schema and nothing in it."""
    return made_once(postgres, TEMPLATE, "", upgrade)


@pytest.fixture(scope="session")
def samples(postgres: str, template: str) -> str:
    """Name of a database with the sample patients, as `hub load` puts them there."""

    def load(url: str) -> None:
        command = [sys.executable, "-m", "hub.cli", "load", str(ROOT / "hub" / "sample_data")]
        found = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
        found |= {"HUB_DATA": os.environ[FOLDER], "HUB_DATABASE_URL": url}
        subprocess.run(command, cwd=ROOT, env=found, check=True, capture_output=True)

    return made_once(postgres, SAMPLES, f"template {template} strategy file_copy", load)


def fresh(postgres: str, command: str) -> Iterator[str]:
    """URL of a database made by `create database` with the rest of the command; dropped at the end."""
    name = f"t_{secrets.token_hex(8)}"
    administer(postgres, f"create database {name} {command}")
    yield url_of(postgres, name)
    administer(postgres, f"drop database if exists {name} with (force)")


@pytest.fixture
def database(postgres: str, template: str) -> Iterator[str]:
    """URL of an empty migrated database of this test alone."""
    yield from fresh(postgres, f"template {template} strategy file_copy")


@pytest.fixture(scope="module")
def module_database(postgres: str, template: str) -> Iterator[str]:
    """The same for all tests of a module, for tests that only add to it."""
    yield from fresh(postgres, f"template {template} strategy file_copy")


@pytest.fixture(scope="session")
def session_database(postgres: str, template: str) -> Iterator[str]:
    """The same for all tests that share one served hub, each with data of its own."""
    yield from fresh(postgres, f"template {template} strategy file_copy")


@pytest.fixture(scope="module")
def sample_database(postgres: str, samples: str) -> Iterator[str]:
    """As `module_database`, with the sample patients."""
    yield from fresh(postgres, f"template {samples} strategy file_copy")


@pytest.fixture
def bare_database(postgres: str) -> Iterator[str]:
    """URL of a database without any table."""
    yield from fresh(postgres, "")
