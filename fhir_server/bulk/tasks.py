"""What workers do for jobs of each kind, and what the client is told at the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fhir_server.bulk.answer import run_answer
from fhir_server.bulk.export import Exported, File, GroupGone, run_export
from fhir_server.bulk.order import order_of
from fhir_server.job_work import Progress, Task
from fhir_server.jobs import ANSWER, EXPORT, Job
from fhir_server.outcome import Gone
from fhir_server.version import instant


def tasks(conninfo: str, base: str) -> Mapping[str, Task]:
    """Kind of job -> how it is carried out."""

    def export(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        # Of an attempt that was broken off nothing can be kept: its snapshot is gone.
        shutil.rmtree(folder)
        folder.mkdir()
        now = time.time_ns() // 1000
        try:
            exported = run_export(conninfo, order_of(job.order), job.access, base, folder, now, progress)
        except GroupGone:
            raise Gone("the Group was deleted") from None
        return manifest(exported, job, base)

    def answer(job: Job, folder: Path, progress: Progress) -> dict[str, Any]:
        shutil.rmtree(folder)
        folder.mkdir()
        now = time.time_ns() // 1000
        return manifest(run_answer(conninfo, job.order, job.access, base, folder, now, progress), job, base)

    return {EXPORT: export, ANSWER: answer}


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
