"""`hub export`: the record, or part of it, as NDJSON or Parquet files in a folder, with a progress bar."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeElapsedColumn

from fhir_server.bulk.export import run_export
from fhir_server.bulk.files import File
from fhir_server.bulk.order import SYSTEM, read_order
from fhir_server.outcome import FhirError
from fhir_server.version import instant
from hub.settings import Settings
from smart_auth.scopes import UNRESTRICTED

MANIFEST = "manifest.json"


class ExportRefused(ValueError):
    """It was asked for wrongly; the text says why."""


def export(
    settings: Settings, url: str, folder: Path, asked: list[tuple[str, str]], say: Callable[[str], None] = print
) -> int:
    """Writes files and, when all of them are safe on disk, the manifest; the number of resources.

    asked: parameters of $export. Raises ExportRefused.
    """
    try:
        order, _ = read_order(SYSTEM, None, asked, lenient=False)
    except FhirError as error:
        raise ExportRefused(str(error)) from None
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportRefused(f"{folder}: must be a folder that does not exist yet, or is empty")
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    begun = time.monotonic()
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("exported", total=None)

        def moved(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        done = run_export(url, order, UNRESTRICTED, settings.base, folder, time.time_ns() // 1000, moved)
    count = sum(file.count for file in done.output)
    manifest = {
        "transactionTime": instant(done.transaction_time),
        "output": [_item(file) for file in done.output],
        "deleted": [_item(file) for file in done.deleted],
        "error": [_item(file) for file in done.error],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    seconds = time.monotonic() - begun
    say(f"{count:,} resources in {seconds:.1f} s: {folder / MANIFEST}")
    for file in done.error:
        say(f"{file.count:,} could not be read: {folder / file.name}")
    return count


def _item(file: File) -> dict[str, object]:
    return {"type": file.type, "url": file.name, "count": file.count}
