"""What workers do for jobs of each kind, and what the client is told at the end."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from fhir_server.bulk.answer import run_answer
from fhir_server.bulk.covered import covered
from fhir_server.bulk.export import Exported, GroupGone, run_export
from fhir_server.bulk.files import File
from fhir_server.bulk.import_kick_off import UPLOAD
from fhir_server.bulk.importing import Imported, Source, forget, run_import, words
from fhir_server.bulk.order import order_of
from fhir_server.job_work import Progress, Task
from fhir_server.jobs import ANSWER, EXPORT, IMPORT, PORTABILITY, REINDEX, Job
from fhir_server.outcome import Gone
from fhir_server.privacy.portability import SUMMARY, run_portability
from fhir_server.reindex.run import run_reindex
from fhir_server.store import ResourceStore
from fhir_server.version import instant
from mappings.r4 import serialize

SUMMARY_MEMBER = "urn:fhir-hub:summary"
"""Under `extension` of the manifest: the URL of a record in words."""
Bring = Callable[[str, Path], None]
"""(url, path) -> the file of the URL is at the path, whole. Raises FhirError, OSError."""


def tasks(conninfo: str, base: str, bring: Bring, processes: int) -> Mapping[str, Task]:
    """Kind of job -> how it is carried out."""

    def export(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        # Of an attempt that was broken off nothing can be kept: its snapshot is gone.
        shutil.rmtree(folder)
        folder.mkdir()
        asyncio.run(_learn(conninfo, base))
        order, access = covered(order_of(job.order), job.access)
        now = time.time_ns() // 1000
        try:
            exported = run_export(conninfo, order, access, base, folder, now, progress)
        except GroupGone:
            raise Gone("the Group was deleted") from None
        return manifest(exported, job, base)

    def answer(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        shutil.rmtree(folder)
        folder.mkdir()
        now = time.time_ns() // 1000
        return manifest(run_answer(conninfo, job.order, job.access, base, folder, now, progress), job, base)

    def portability(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        shutil.rmtree(folder)
        folder.mkdir()
        exported = run_portability(conninfo, job, base, folder, time.time_ns() // 1000, progress)
        return manifest(exported, job, base) | {"extension": {SUMMARY_MEMBER: f"{base}/_jobs/{job.id}/{SUMMARY}"}}

    def import_(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        sources = _sources(job, folder, bring)
        imported = run_import(conninfo, base, job.id, sources, processes, progress)
        forget(conninfo, job.id)
        for path in folder.iterdir():
            path.unlink()
        return _told(imported, job, base, folder)

    def reindex(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        return run_reindex(conninfo, base, job.id, job.order, progress).resource()

    return {EXPORT: export, ANSWER: answer, IMPORT: import_, REINDEX: reindex, PORTABILITY: portability}


async def _learn(conninfo: str, base: str) -> None:
    """Puts the policies in force that count now: they may be others than when the job was asked for."""
    store = ResourceStore(conninfo, base, connections=1)
    try:
        await store.learn()
    finally:
        store.close()


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _sources(job: Job, folder: Path, bring: Bring) -> list[Source]:
    """The files of an import, fetched unless an earlier attempt did."""
    if not job.order["inputs"]:
        return [Source(UPLOAD, None, partial(_open, folder / UPLOAD))]
    found = []
    for number, one in enumerate(job.order["inputs"], 1):
        path = folder / f"input-{number}.ndjson"
        if not path.exists():
            bring(one["url"], path)
        found.append(Source(one["url"], one["type"], partial(_open, path)))
    return found


def _told(imported: Imported, job: Job, base: str, folder: Path) -> dict[str, Any]:
    """What an import answers at the end; its issues stand in a file of OperationOutcomes."""
    types = {one["url"]: one["type"] for one in job.order["inputs"]}
    issues = words(imported)
    error = []
    if issues:
        with (folder / "errors.1.ndjson").open("wb") as file:
            for issue in issues:
                file.write(serialize({"resourceType": "OperationOutcome", "issue": [issue]}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        url = f"{base}/_jobs/{job.id}/errors.1.ndjson"
        error = [{"type": "OperationOutcome", "url": url, "count": len(issues)}]
    return {
        "transactionTime": instant(time.time_ns() // 1000),
        "request": job.request,
        "requiresAccessToken": not job.access.unrestricted,
        "output": [
            {**({"type": types[url], "inputUrl": url} if url in types else {}), "count": count}
            for url, count in imported.stored.items()
        ],
        "error": error,
    }


def manifest(exported: Exported, job: Job, base: str) -> dict[str, Any]:
    """The completion manifest. https://hl7.org/fhir/uv/bulkdata/export.html#response---complete-status"""

    def items(files: list[File]) -> list[dict[str, Any]]:
        return [{"type": file.type, "url": f"{base}/_jobs/{job.id}/{file.name}", "count": file.count} for file in files]

    return {
        "transactionTime": instant(exported.transaction_time),
        "request": job.request,
        "requiresAccessToken": not job.access.unrestricted,
        "output": items(exported.output),
        "deleted": items(exported.deleted),
        "error": items(exported.error),
    }
