"""Whoever works on jobs: claims one, carries it out, says what came of it. Synchronous, for a process of its own.

A job is held by a session advisory lock, which the database lets go when the process dies; then the next one begins it
again. Its state changes only while it is held, and to `done` only after its files are safe on disk.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psycopg

from fhir_server.encryption.texts import hidden
from fhir_server.jobs import DONE, FAILED, REINDEX, RUNNING, WAITING, Job, job_of
from fhir_server.outcome import FhirError, Issue, operation_outcome

MOST_ATTEMPTS = 5
LOCKS = 1_752_457_818
"""First key of the advisory locks of jobs; a hash of the id is the second, or of the kind where there may be only one
of it under way: a reindex."""
_TOLD_EVERY = 0.5
"""Seconds between two notes of progress."""

Progress = Callable[[int, int], None]
Task = Callable[[Job, Path, Progress], dict[str, Any]]
"""(job, its folder, progress) -> result. Raises FhirError for what the client is to be told."""


class Cancelled(Exception):
    """The job is not wanted any more."""


@dataclass
class Worker:
    """Works on the jobs of one database. Its files stand in a folder of each job's id below `files`."""

    connection: psycopg.Connection[Any]
    """Autocommit; the locks are its own."""
    files: Path
    tasks: Mapping[str, Task]
    now: Callable[[], int]
    keep: int
    """Microseconds for which a result is kept."""
    report: Callable[[Job, BaseException], None] = field(default=lambda job, error: None)
    """Told of faults that are not the client's."""

    def work(self) -> bool:
        """Carries one job out, if there is one to do. Raises psycopg.Error when the database is lost."""
        waiting = self.connection.execute(
            "select id, kind from job where state = any(%s) order by created, id", [[WAITING, RUNNING]]
        ).fetchall()
        for id, kind in waiting:
            lock = REINDEX if kind == REINDEX else id
            if self._value("select pg_try_advisory_lock(%s, hashtext(%s))", LOCKS, lock):
                try:
                    if self._begin(id):
                        return True
                finally:
                    self.connection.execute("select pg_advisory_unlock(%s, hashtext(%s))", [LOCKS, lock])
        return False

    def sweep(self) -> None:
        """Removes jobs that are over, and their files."""
        gone = self.connection.execute("delete from job where expires <= %s returning id", [self.now()]).fetchall()
        for (id,) in gone:
            shutil.rmtree(self.files / id, ignore_errors=True)

    def _begin(self, id: str) -> bool:
        row = self._value(
            "update job set state = %s, attempts = attempts + 1 where id = %s and state = any(%s)"
            " returning row_to_json(job)::text", RUNNING, id, [WAITING, RUNNING],
        )  # fmt: skip
        if row is None:
            return False  # somebody else was quicker
        job = job_of(row)
        if job.attempts > MOST_ATTEMPTS:
            self._end(job, FAILED, _outcome("exception", "the job was interrupted too often"))
            return True
        folder = self.files / id
        folder.mkdir(parents=True, exist_ok=True)
        try:
            result = self.tasks[job.kind](job, folder, self._progress(job))
        except Cancelled:
            shutil.rmtree(folder, ignore_errors=True)
        except FhirError as error:
            self._end(job, FAILED, operation_outcome(error.issues))
        except Exception as error:  # noqa: BLE001 - one job's fault; the next goes on
            self.report(job, error)
            self._end(job, FAILED, _outcome("exception", "an error of this server ended the job"))
        else:
            self._end(job, DONE, result)
        return True

    def _end(self, job: Job, state: str, result: dict[str, Any]) -> None:
        now, told = self.now(), hidden(orjson.dumps(result).decode(), f"job:{job.id}")
        done = self._value(
            "update job set state = %s, result = %s, finished = %s, expires = %s where id = %s and state = %s"
            " returning id", state, told, now, now + self.keep, job.id, RUNNING,
        )  # fmt: skip
        if done is None or state == FAILED:
            shutil.rmtree(self.files / job.id, ignore_errors=True)

    def _progress(self, job: Job) -> Progress:
        told = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal told
            if time.monotonic() - told < _TOLD_EVERY:
                return
            told = time.monotonic()
            wanted = self._value(
                "update job set done = %s, total = %s where id = %s and state = %s returning id",
                done, total, job.id, RUNNING,
            )  # fmt: skip
            if wanted is None:
                raise Cancelled

        return progress

    def _value(self, statement: str, *values: Any) -> Any:
        row = self.connection.execute(statement.encode(), values).fetchone()
        return None if row is None else row[0]


def _outcome(code: str, diagnostics: str) -> dict[str, Any]:
    return operation_outcome([Issue(code, diagnostics, severity="fatal")])
