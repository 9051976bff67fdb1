"""Work that outlives its request: its row in the table `job`, written and read by requests. https://hl7.org/fhir/R4/async.html

Whoever works on a job (`job_work.py`) holds an advisory lock of it. A running job that nobody holds was left behind by
a process that died, and is begun again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from fhir_server.encryption.texts import hidden, shown
from fhir_server.outcome import FhirError
from fhir_server.statement import Parameters, Statement
from fhir_server.store import ResourceStore
from smart_auth.scopes import Access, access_of, access_text

EXPORT, IMPORT, ANSWER, REINDEX, PORTABILITY = "export", "import", "answer", "reindex", "portability"
WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"

MOST_UNFINISHED = 50
"""Jobs waiting or running; more are refused."""


class TooManyJobs(FhirError):
    """429: as many jobs wait as may wait."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "throttled"


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table."""

    id: str
    kind: str
    state: str
    request: str
    """URL it was asked for by."""
    order: dict[str, Any]
    access: Access
    created: int
    finished: int | None
    expires: int | None
    done: int
    total: int
    attempts: int
    result: dict[str, Any] | None


def job_of(row: bytes | str) -> Job:
    """The job of a row as JSON."""
    members = orjson.loads(row)
    order, access, result = (members.pop(name) for name in ("job_order", "access", "result"))
    name = f"job:{members['id']}"
    order, members["request"] = shown(order, name), shown(members["request"], name)
    result = result and shown(result, name)
    return Job(
        **members,
        order=orjson.loads(order),
        access=access_of(access),
        result=None if result is None else orjson.loads(result),
    )


def new_job_id() -> str:
    """An id nobody can guess."""
    return secrets.token_hex(16)


async def create(
    store: ResourceStore, kind: str, request: str, order: dict[str, Any], access: Access, now: int, id: str
) -> None:
    """Puts a job in. Raises TooManyJobs."""
    parameters = Parameters()
    asked = [hidden(text, f"job:{id}") for text in (request, orjson.dumps(order).decode())]
    texts = (id, kind, WAITING, *asked, access_text(access))
    values = ", ".join(parameters.add(text, "text") for text in texts)
    statement = parameters.statement(
        f"insert into job (id, kind, state, request, job_order, access, created)"
        f" select {values}, {parameters.add(now, 'bigint')}"
        f" where (select count(*) from job where state in ('{WAITING}', '{RUNNING}')) < {MOST_UNFINISHED} returning id"
    )
    async with store.transaction(access) as unit:
        rows = await unit.select(statement)
        await unit.run([Statement("notify job")])
    if not rows:
        raise TooManyJobs("too many jobs are waiting; try again later")


async def find(store: ResourceStore, access: Access, id: str) -> Job | None:
    """A job of the same subject and client, and for the same patient, unless it was cancelled."""
    parameters = Parameters()
    statement = parameters.statement(
        f"select row_to_json(j)::text from job j where id = {parameters.add(id, 'text')} and state <> '{CANCELLED}'"
    )
    for (row,) in await store.select(statement):
        job = job_of(row or b"")
        same = (job.access.subject, job.access.client) == (access.subject, access.client)
        return job if same and job.access.patient in (None, access.patient) else None
    return None


async def cancel(store: ResourceStore, access: Access, id: str) -> None:
    """Marks a job as no longer wanted: whoever works on it stops, and its files are removed."""
    parameters = Parameters()
    statement = parameters.statement(
        f"update job set state = '{CANCELLED}', expires = 0 where id = {parameters.add(id, 'text')}"
    )
    async with store.transaction(access) as unit:
        await unit.run([statement, Statement("notify job")])
