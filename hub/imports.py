"""`hub import`: NDJSON files, or those an export's manifest names, into the record, with a progress bar."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from fhir_server.bulk.importing import Imported, Source, forget, run_import
from fhir_server.resource_types import TYPE_ID
from hub.export import MANIFEST
from hub.load.files import NDJSON, opened, suffixes
from hub.settings import Settings

REPORT = "import-refused.ndjson"
SHOWN = 20


class ImportRefused(ValueError):
    """It was asked for wrongly; the text says why."""


def import_files(
    settings: Settings, url: str, paths: list[Path], processes: int, say: Callable[[str], None] = print
) -> Imported:
    """Imports what the paths name. Started again after it was broken off, it goes on there. Raises ImportRefused."""
    files = _files(paths)
    sources = [_source(path, type) for path, type in files]
    console = Console(stderr=True)
    begun = time.monotonic()
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("imported", total=None)

        def moved(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        run = _name(files)
        imported = run_import(url, settings.base, run, sources, processes, moved)
        forget(url, run)
    _tell(imported, settings.data / REPORT, time.monotonic() - begun, say)
    return imported


def _files(paths: list[Path]) -> list[tuple[Path, str | None]]:
    """Files and the type of their resources, if the name or a manifest says it."""
    found: list[tuple[Path, str | None]] = []
    for path in paths:
        if path.is_dir():
            manifest = path / MANIFEST
            inside = sorted(one for one in path.iterdir() if one.is_file() and suffixes(one)[0] in NDJSON)
            found += _of_manifest(manifest) if manifest.exists() else [(one, _type(one)) for one in inside]
        elif not path.is_file():
            raise ImportRefused(f"{path}: there is no such file or folder")
        elif suffixes(path)[0] in NDJSON:
            found.append((path, _type(path)))
        elif suffixes(path)[0] == ".json":
            found += _of_manifest(path)
        else:
            raise ImportRefused(f"{path}: neither NDJSON nor a manifest")
    if not found:
        raise ImportRefused("there is no NDJSON file")
    return found


def _type(path: Path) -> str | None:
    name = path.name.partition(".")[0]
    return name if name in TYPE_ID else None


def _of_manifest(path: Path) -> list[tuple[Path, str | None]]:
    try:
        output = json.loads(path.read_bytes())["output"]
        found: list[tuple[Path, str | None]] = [(path.parent / str(item["url"]), str(item["type"])) for item in output]
    except (ValueError, KeyError, TypeError):
        raise ImportRefused(f"{path}: not the manifest of an export") from None
    for file, type in found:
        if "://" in str(file) or not file.is_file() or type not in TYPE_ID:
            raise ImportRefused(f"{path}: names what is no file beside it, or no resource type")
        if suffixes(file)[0] not in NDJSON:
            raise ImportRefused(f"{path}: names files that are not NDJSON, and only that is read")
    return found


def _source(path: Path, type: str | None) -> Source:
    return Source(str(path), type, lambda: cast(BinaryIO, opened(path)))


def _name(files: list[tuple[Path, str | None]]) -> str:
    """The same for the same files, as long as nobody changes them."""
    marks = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path, _ in files]
    return hashlib.sha256(json.dumps(marks).encode()).hexdigest()


def _tell(imported: Imported, report: Path, seconds: float, say: Callable[[str], None]) -> None:
    count = sum(imported.stored.values())
    lines = {(file, line) for file, line, _, _ in imported.refused}
    say(
        f"{count:,} resources in {seconds:.1f} s, {imported.unchanged:,} of them there before;"
        f" {len(lines):,} lines refused."
    )
    for text in imported.dangling:
        say(f"  {text}")
    report.unlink(missing_ok=True)
    if imported.refused:
        report.parent.mkdir(parents=True, exist_ok=True)
        with report.open("w") as file:
            for name, line, reason, where in imported.refused:
                file.write(json.dumps({"file": name, "line": line, "reason": reason, "expression": where}) + "\n")
        for name, line, reason, where in imported.refused[:SHOWN]:
            say(f"  {name}:{line}: {', '.join((*where, reason))}")
        say(f"All of them, with file, line and reason: {report}")
