"""A person's own record to take along: a job, its files, and who may fetch them. LGPD, art. 18, II and V.

The record is read as that person, page by page, by the operation $everything; what tells who recorded it comes with it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_server import jobs
from fhir_server.access import sees
from fhir_server.access.interactions import readable
from fhir_server.access.relations import array, rid_of
from fhir_server.access.wall import own_patient
from fhir_server.bulk.answer import run_answer
from fhir_server.bulk.export import Exported, Progress
from fhir_server.bulk.files import File
from fhir_server.compression import decompress
from fhir_server.consent.verdict import reviewed
from fhir_server.outcome import Forbidden, NotFound
from fhir_server.privacy.queue import TooManyRequests
from fhir_server.privacy.subject import SERVICE, patient_rid, speaker
from fhir_server.privacy.summary import name_of, summary
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import shipped
from fhir_server.statement import Parameters, Statement
from fhir_server.store import ResourceStore
from fhir_server.version import instant
from mappings.r4 import parse
from smart_auth.scopes import Access, Scopes

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

SUMMARY = "Resumo.1.txt"
MOST_KEPT = 3
"""Exports of one person that stand at a time."""


async def standing(server: Server, access: Access, patient: str) -> str | None:
    """Id of a job of the same person and app for this patient that is not done yet.

    Raises TooManyRequests where as many stand as may stand.
    """
    parameters = Parameters()
    whose = (
        f"kind = '{jobs.PORTABILITY}' and access::jsonb->>'subject' = {parameters.add(access.subject, 'text')}"
        f" and access::jsonb->>'client' = {parameters.add(access.client, 'text')}"
        f" and job_order::jsonb->>'patient' = {parameters.add(patient, 'text')} and state <> '{jobs.CANCELLED}'"
        f" and (expires is null or expires > {parameters.add(server.now(), 'bigint')})"
    )
    rows = await server.store.select(parameters.statement(f"select id, state from job where {whose}"))
    for id, state in rows:
        if state.decode() in (jobs.WAITING, jobs.RUNNING):
            return str(id.decode())
    if len(rows) >= MOST_KEPT:
        raise TooManyRequests("exports of this record stand already: fetch them, or remove one with DELETE")
    return None


def order(patient: str) -> dict[str, Any]:
    """What the job keeps."""
    path = ["Patient", patient, "$everything"]
    return {"patient": patient, "method": "GET", "path": path, "query": [], "headers": {}, "body": None}


async def may_fetch(server: Server, access: Access, job: jobs.Job) -> int:
    """rid of the patient, if whoever asked for the export may still see them, with as many scopes as then.

    Raises NotFound, Forbidden.
    """
    patient = job.order["patient"]
    if own_patient(access) != patient and speaker(access, patient) != SERVICE:
        raise NotFound("there is no such job, or not any more")
    rid = await patient_rid(server.store, access, patient)
    if not access.unrestricted and not Scopes(access.scopes).covers(Scopes(job.access.scopes)):
        raise Forbidden("the scopes of the token do not reach as far as those the export was asked for with")
    return rid


def withdrawn(patient: str) -> Statement:
    """Ends the exports of a patient, whoever asked for them: their files go with the next look at jobs."""
    parameters = Parameters()
    return parameters.statement(
        f"update job set state = '{jobs.CANCELLED}', expires = 0 where kind = '{jobs.PORTABILITY}'"
        f" and job_order::jsonb->>'patient' = {parameters.add(patient, 'text')}"
    )


def run_portability(conninfo: str, job: jobs.Job, base: str, folder: Path, now: int, progress: Progress) -> Exported:
    """Writes the files of the job into an empty folder. Raises FhirError, OSError, and what `progress` raises."""
    exported = run_answer(conninfo, job.order, job.access, base, folder, now, progress)
    known = {one["id"] for one in _resources(folder, exported.output) if one["resourceType"] == "Provenance"}
    told = asyncio.run(_recorded(conninfo, job.access, base, job.order["patient"]))
    lines = [line for id, line in told if id not in known]
    if lines:
        number = 1 + any(file.type == "Provenance" for file in exported.output)
        exported.output.append(File("Provenance", f"Provenance.{number}.ndjson", len(lines)))
        _write(folder / exported.output[-1].name, b"".join(line + b"\n" for line in lines))
    resources = list(_resources(folder, exported.output))
    whose = next((name_of(one) for one in resources if one["resourceType"] == "Patient"), "")
    _write(folder / SUMMARY, summary(whose, instant(now)[:10], resources).encode())
    return exported


async def _recorded(conninfo: str, access: Access, base: str, patient: str) -> list[tuple[str, bytes]]:
    """id and body of each Provenance that tells of nothing but what the person may see of their record.

    Of most of them the compartment says nothing: they name what they tell of, and not the patient.
    """
    access = access.using("r")
    if not readable(access, "Provenance"):
        return []
    parameters = Parameters()
    target = array(shipped("Provenance")["target"].param_ids)
    whole = rid_of("Patient", patient, parameters)
    seen = sees(access, "t.target_rid", None, parameters) or "true"
    text = (
        "select distinct r.fhir_id, r.rid, r.body from reference m join reference f on f.target_rid = m.rid"
        f" and f.param_id = any({target}) join resource r on r.rid = f.rid where m.target_rid = {whole}"
        f" and r.type_id = {TYPE_ID['Provenance']} and r.body is not null"
        f" and not exists (select from reference t where t.rid = r.rid and t.param_id = any({target}) and not ({seen}))"
        f" and {reviewed('r.rid', parameters)}"
        " order by r.rid"
    )
    store = ResourceStore(conninfo, base, connections=1)
    try:
        await store.learn()
        rows = await store.select(parameters.statement(text))
    finally:
        store.close()
    return [(id.decode(), decompress(body)) for id, _, body in rows]


def _resources(folder: Path, files: list[File]) -> Iterator[dict[str, Any]]:
    for file in files:
        with (folder / file.name).open("rb") as lines:
            for line in lines:
                yield parse(line)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
