"""Imports NDJSON files: chunks of lines, side by side in several processes; goes on where it was broken off.

Files go in an order that suits their references. What is referred to and not there yet gets a placeholder row; what is
still one at the end is told. Every chunk is a transaction with all its search rows, so that what is stored is found.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, BinaryIO

import psycopg

from fhir_server.bulk import chunk as chunks
from fhir_server.bulk.chunk import Chunk, Done
from fhir_server.bulk.vacuum import left_alone, vacuum_all
from fhir_server.encryption import keys
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID

LINES = 500
"""Lines of a chunk."""
WORTH_ANALYSING = 500

FIRST = ("Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole", "Patient",
         "RelatedPerson", "Coverage", "Medication", "Device", "Encounter")  # fmt: skip
LAST = ("Claim", "DiagnosticReport", "ExplanationOfBenefit", "Group", "Composition", "Provenance", "AuditEvent")
"""Types others refer to, and types that refer to others. It saves placeholders, nothing depends on it."""

_DANGLING = """
select s.type_id, t.type_id, count(distinct f.rid)
from resource t join reference f on f.target_rid = t.rid join resource s on s.rid = f.rid
where t.version = 0 group by 1, 2 order by 1, 2"""


@dataclass(frozen=True, slots=True)
class Source:
    """One file."""

    name: str
    """Names it in reports, and among the files of one import."""
    type: str | None
    """The type of all its resources, if that is known."""
    open: Callable[[], BinaryIO]


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    stored: dict[str, int] = field(default_factory=dict)
    """Resources by file, those that were there already included."""
    unchanged: int = 0
    """Of them, those that were there already."""
    refused: list[tuple[str, int, str, tuple[str, ...]]] = field(default_factory=list)
    """File, line, reason, expressions."""
    dangling: list[str] = field(default_factory=list)
    """In words: what refers to resources that do not exist."""


def run_import(
    conninfo: str, base: str, run: str, sources: Sequence[Source], processes: int, progress: Callable[[int, int], None]
) -> Imported:
    """Imports the files. Raises OSError, psycopg.Error, BrokenProcessPool, and what `progress` raises.

    run: names this import; another call with the same name goes on where the last one stopped.
    """
    imported = Imported({source.name: 0 for source in sources})
    with psycopg.connect(conninfo, autocommit=True, application_name="hub-import") as connection:
        known = chunks.done_chunks(
            connection.execute(
                "select file, line, stored, unchanged, refused from import_chunk where run = %s", [run]
            ).fetchall()
        )
        done = 0
        with _pool(conninfo, base, processes) as pool, closing(left_alone(conninfo)):
            total = sum(_count(source) for source in sources)  # meanwhile the processes start
            for _, stage in groupby(sorted(sources, key=_stage), _stage):
                for found, lines in _carry_out(pool, _chunks(run, stage), known, 2 * processes):
                    imported.stored[found.file] += found.stored + found.unchanged
                    imported.unchanged += found.unchanged
                    imported.refused += [(found.file, *one) for one in found.refused]
                    done += lines
                    progress(done, total)
        if sum(imported.stored.values()) >= WORTH_ANALYSING:
            vacuum_all(conninfo, processes)
        for source_type, target_type, count in connection.execute(_DANGLING).fetchall():
            source_name, target_name = RESOURCE_TYPES[source_type - 1], RESOURCE_TYPES[target_type - 1]
            imported.dangling.append(f"{count} {source_name} refer to a {target_name} that does not exist")
    imported.refused.sort()
    return imported


def forget(conninfo: str, run: str) -> None:
    """Removes the notes of an import that is over."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("delete from import_chunk where run = %s", [run])


@contextmanager
def _pool(conninfo: str, base: str, processes: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, chunks.begin, (conninfo, base, keys.given()))
    try:
        for _ in range(processes):
            pool.submit(chunks.ready)
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _stage(source: Source) -> int:
    if source.type in FIRST:
        return FIRST.index(source.type)
    return len(FIRST) + (LAST.index(source.type) + 1 if source.type in LAST else 0)


def _count(source: Source) -> int:
    with source.open() as file:
        return sum(1 for _ in file)


def _chunks(run: str, sources: Iterable[Source]) -> Iterator[Chunk]:
    for source in sources:
        only = source.type if source.type in TYPE_ID else None
        with source.open() as file:
            number = 1
            while lines := tuple(islice(file, LINES)):
                yield Chunk(run, source.name, number, only, lines)
                number += len(lines)


def _carry_out(
    pool: ProcessPoolExecutor, todo: Iterator[Chunk], known: dict[tuple[str, int], Done], most: int
) -> Iterator[tuple[Done, int]]:
    """What becomes of the chunks and how many lines each has; at most some in memory at a time."""
    waiting: dict[Future[Done], int] = {}
    while True:
        while len(waiting) < most and (one := next(todo, None)) is not None:
            if (one.file, one.line) in known:
                yield known[one.file, one.line], len(one.lines)
            else:
                waiting[pool.submit(chunks.store, one)] = len(one.lines)
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield future.result(), waiting.pop(future)


def words(imported: Imported) -> list[dict[str, Any]]:
    """Issues of what went wrong, as parts of OperationOutcomes, one for each line or finding."""
    found: list[dict[str, Any]] = []
    for file, line, reason, where in imported.refused:
        issue: dict[str, Any] = {
            "severity": "error",
            "code": "invalid",
            "diagnostics": f"{file}, line {line}: {reason}",
        }
        found.append({**issue, "expression": list(where)} if where else issue)
    found += [{"severity": "warning", "code": "not-found", "diagnostics": text} for text in imported.dangling]
    return found
