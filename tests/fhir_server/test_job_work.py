"""Jobs and those who work on them: one at a time, begun again after a death, never reported done too early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from fhir_server.job_work import MOST_ATTEMPTS, Progress, Task, Worker
from fhir_server.jobs import EXPORT, Job
from fhir_server.outcome import Gone


@pytest.fixture
def connection(database: str) -> Any:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def insert(connection: psycopg.Connection[Any], id: str, state: str = "waiting") -> None:
    connection.execute(
        "insert into job (id, kind, state, request, job_order, access, created)"
        """ values (%s, 'export', %s, 'http://x', '{}', '{"subject": "local", "unrestricted": true}', 1)""",
        [id, state],
    )


def state(connection: psycopg.Connection[Any], id: str) -> Any:
    return connection.execute("select state, done, total, attempts from job where id = %s", [id]).fetchone()


def worker(connection: psycopg.Connection[Any], files: Path, task: Task, **more: Any) -> Worker:
    return Worker(connection, files, {EXPORT: task}, lambda: 1000, 50, **more)


def test_done(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    def task(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        (folder / "file").write_text("x")
        progress(1, 2)
        return {"done": job.id}

    insert(connection, "j")
    mine = worker(connection, tmp_path, task)
    assert mine.work()
    assert state(connection, "j") == ("done", 1, 2, 1)
    assert (tmp_path / "j" / "file").exists()
    assert not mine.work()
    mine.now = lambda: 1050
    mine.sweep()
    assert state(connection, "j") is None
    assert not (tmp_path / "j").exists()


@pytest.mark.parametrize(("error", "status"), [(Gone("away"), "deleted"), (ValueError("secret"), "exception")])
def test_failed(connection: psycopg.Connection[Any], tmp_path: Path, error: Exception, status: str) -> None:
    def task(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        raise error

    faults: list[BaseException] = []
    insert(connection, "j")
    assert worker(connection, tmp_path, task, report=lambda job, fault: faults.append(fault)).work()
    assert state(connection, "j")[0] == "failed"
    [(result,)] = connection.execute("select result from job").fetchall()
    assert status in result
    assert "secret" not in result
    assert len(faults) == (status == "exception")
    assert not (tmp_path / "j").exists()


def test_held_by_one_and_begun_again_when_it_died(
    connection: psycopg.Connection[Any], database: str, tmp_path: Path
) -> None:
    done: list[str] = []

    def nothing(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        done.append(job.id)
        return {}

    def task(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        with psycopg.connect(database, autocommit=True) as other:
            assert not worker(other, tmp_path, nothing).work()
        raise KeyboardInterrupt  # as abrupt as a death

    insert(connection, "j")
    with psycopg.connect(database, autocommit=True) as mortal, pytest.raises(KeyboardInterrupt):
        worker(mortal, tmp_path, task).work()
    assert state(connection, "j")[0] == "running"
    assert worker(connection, tmp_path, nothing).work()
    assert done == ["j"]
    assert state(connection, "j") == ("done", 0, 0, 2)


def test_given_up_after_some_attempts(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    def task(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        raise AssertionError

    insert(connection, "j", "running")
    connection.execute("update job set attempts = %s", [MOST_ATTEMPTS])
    assert worker(connection, tmp_path, task).work()
    assert state(connection, "j")[0] == "failed"


def test_cancelled_amid_work(connection: psycopg.Connection[Any], database: str, tmp_path: Path) -> None:
    def task(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("update job set state = 'cancelled', expires = 0")
        progress(1, 2)
        raise AssertionError

    insert(connection, "j")
    mine = worker(connection, tmp_path, task)
    assert mine.work()
    assert state(connection, "j")[0] == "cancelled"
    assert not (tmp_path / "j").exists()
    mine.sweep()
    assert state(connection, "j") is None
