"""The process beside `hub serve` that works on jobs, so that requests are not held up; light until there is one."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import psycopg

from hub import encryption
from hub.logs import configure_logs
from hub.settings import Settings

SIDE_BY_SIDE = 2
"""Jobs worked on at the same time: a long import does not hold up an export."""
WAIT_SECONDS = 5.0
"""A job is announced by NOTIFY; this often somebody looks anyway."""
INDEX_SECONDS = 0.25
"""Between two looks for what is due to be indexed for full text."""
AGAIN_SECONDS = 1.0
"""Before another try after the database was lost."""

_log = logging.getLogger("hub.jobs")


def run(settings: Settings, url: str) -> None:
    """Works on jobs until SIGTERM; where the process is killed, whoever is started next begins its jobs again."""
    configure_logs(settings.log_level)
    encryption.begin(settings, url)
    loops = [
        threading.Thread(target=_loop, args=(settings, url), name=f"jobs-{number}", daemon=True)
        for number in range(SIDE_BY_SIDE)
    ]
    if settings.full_text:
        loops.append(threading.Thread(target=_index, args=(url,), name="full-text", daemon=True))
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()


def _loop(settings: Settings, url: str) -> None:
    while True:
        try:
            with psycopg.connect(url, autocommit=True, application_name="hub-jobs") as connection:
                connection.execute("listen job")
                while True:
                    work_all(settings, url, connection)
                    for _ in connection.notifies(timeout=WAIT_SECONDS, stop_after=1):
                        pass
        except psycopg.Error as error:
            _log.warning("the database is lost: %s", type(error).__name__)
            time.sleep(AGAIN_SECONDS)


def _index(url: str) -> None:
    """Indexes words of what was written, as long as the process runs."""
    from fhir_server.full_text.indexing import index_all
    from fhir_server.trouble import places

    while True:
        try:
            with psycopg.connect(url, autocommit=True, application_name="hub-full-text") as connection:
                while True:
                    index_all(connection)
                    time.sleep(INDEX_SECONDS)
        except psycopg.OperationalError as error:
            _log.warning("the database is lost: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - outermost loop of the thread: what is due stays due
            _log.error("words cannot be indexed: %s", {"trace": places(error)})
        time.sleep(AGAIN_SECONDS)


def work_all(settings: Settings, url: str, connection: psycopg.Connection[Any]) -> None:
    """Carries out what there is to do, and removes what is over."""
    now = time.time_ns() // 1000
    found = connection.execute(
        "select exists (select from job where state in ('waiting', 'running')),"
        " exists (select from job where expires <= %s)", [now],
    ).fetchone()  # fmt: skip
    if found is None or not any(found):
        return
    # Imported only now: without jobs this process needs a tenth of the memory.
    from fhir_server.bulk.tasks import tasks
    from fhir_server.job_work import Worker
    from fhir_server.jobs import Job
    from fhir_server.trouble import places
    from hub.door import door

    def report(job: Job, error: BaseException) -> None:
        _log.error("a job failed: %s", {"kind": job.kind, "trace": places(error)})

    carried_out = tasks(url, settings.base, door(settings.import_sources), settings.import_processes)
    worker = Worker(
        connection, settings.bulk_files, carried_out, lambda: time.time_ns() // 1000,
        settings.job_hours * 3_600_000_000, report,
    )  # fmt: skip
    worker.sweep()
    while worker.work():
        pass
