"""Some lines of NDJSON as one transaction: checked, stored, indexed, and noted as done. For worker processes."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import connection

import orjson

from fhir_server import store_reads
from fhir_server.body import well_formed
from fhir_server.encryption.keys import Given
from fhir_server.encryption.keys import begin as encrypt_by
from fhir_server.outcome import FhirError, Invalid, Issue
from fhir_server.prepare import Resource, checked, prepare_update
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Parameters, Statement
from fhir_server.store import ResourceStore
from fhir_server.store_errors import RetryTransaction, VersionConflict
from fhir_server.version import Change, Version
from smart_auth.scopes import UNRESTRICTED

ATTEMPTS = 10

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of one file."""

    run: str
    file: str
    line: int
    """Number of the first line, from 1."""
    type: str | None
    """The only type that may be in it."""
    lines: tuple[bytes, ...]


@dataclass(slots=True)
class Done:
    """What became of a chunk."""

    file: str
    line: int
    stored: int = 0
    unchanged: int = 0
    refused: list[tuple[int, str, tuple[str, ...]]] = field(default_factory=list)
    """Line, reason, expressions."""


class Lost(Exception):
    """Others keep writing the same resources."""


async def store_chunk(store: ResourceStore, chunk: Chunk) -> Done:
    """Stores what can be stored of a chunk; the rest is named line by line.

    Raises Lost, ConnectionLost, DatabaseError.
    """
    done = Done(chunk.file, chunk.line)
    resources = _resources(chunk, done)
    for attempt in range(ATTEMPTS):
        try:
            await _store(store, chunk, resources, done)
            return done
        except (VersionConflict, RetryTransaction):
            await asyncio.sleep(0.05 * attempt)
    raise Lost("the resources of an import keep changing")


def _resources(chunk: Chunk, done: Done) -> dict[Key, Resource]:
    """The resources that may be stored; what may not be goes to `done.refused`."""
    found: dict[Key, Resource] = {}
    for number, line in enumerate(chunk.lines, chunk.line):
        if not line.strip():
            continue
        try:
            key, resource = _resource(line, chunk.type)
            if key in found:
                raise Invalid("a line shortly before has the same id", code="duplicate")
            found[key] = resource
        except FhirError as error:
            done.refused += [(number, issue.diagnostics, issue.expression) for issue in _errors(error)]
    return found


def _resource(line: bytes, only: str | None) -> tuple[Key, Resource]:
    found = well_formed(line)
    name = found.get("resourceType") if isinstance(found, dict) else None
    if not isinstance(name, str) or name not in TYPE_ID:
        raise Invalid("no resource of R4", code="structure")
    if only is not None and name != only:
        raise Invalid("a resource of another type than the file", code="structure")
    resource, _ = checked(found, name)
    id = resource.get("id")
    if not isinstance(id, str):
        raise Invalid("an imported resource needs an id", code="required", expression=(f"{name}.id",))
    return (name, id), resource


def _errors(error: FhirError) -> list[Issue]:
    return [issue for issue in error.issues if issue.severity in ("error", "fatal")]


async def _store(store: ResourceStore, chunk: Chunk, resources: dict[Key, Resource], done: Done) -> None:
    async with store.transaction(UNRESTRICTED) as unit:
        changes: list[Change] = []
        if resources:
            keys = list(resources)
            rows = await unit.select(store_reads.current(UNRESTRICTED, keys, placeholders=True))
            previous: dict[Key, Version] = {keys[n]: one for n, one in store_reads.current_versions(keys, rows)}
            for key, resource in resources.items():
                change = prepare_update(resource, *key, previous.get(key))
                if change is not None:
                    changes.append(change)
        if changes:
            await unit.write(changes)
        done.stored, done.unchanged = len(changes), len(resources) - len(changes)
        await unit.run([_note(chunk, done)])


def _note(chunk: Chunk, done: Done) -> Statement:
    parameters = Parameters()
    texts = ", ".join(parameters.add(text, "text") for text in (chunk.run, chunk.file))
    numbers = ", ".join(parameters.add(number, "bigint") for number in (chunk.line, done.stored, done.unchanged))
    refused = parameters.add(orjson.dumps(done.refused).decode(), "text")
    return parameters.statement(
        f"insert into import_chunk (run, file, line, stored, unchanged, refused) values ({texts}, {numbers}, {refused})"
    )


class Process:
    """What a process that imports holds: a loop and a store."""

    def __init__(self, conninfo: str, base: str) -> None:
        self._runner = asyncio.Runner()
        # What is referred to may stand in a later line: it gets a placeholder meanwhile.
        # A crash of the database may undo the last chunks, and then their notes as well.
        self._store = ResourceStore(conninfo, base, referential_integrity=False, connections=2, at_once=False)

    def store(self, chunk: Chunk) -> Done:
        """Stores a chunk."""
        return self._runner.run(store_chunk(self._store, chunk))


_process: Process | None = None


def begin(conninfo: str, base: str, encrypting: Given | None) -> None:
    """Makes this process ready to import; it ends when the one that started it is gone."""
    global _process
    encrypt_by(encrypting)
    gc.set_threshold(200_000, 20, 50)  # what is made here lives for one chunk, and has no cycles: a quarter of the time
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _process = Process(conninfo, base)


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def ready() -> None:
    """Returns when a process has begun."""


def store(chunk: Chunk) -> Done:
    """Stores a chunk in this process."""
    assert _process is not None
    return _process.store(chunk)


def done_chunks(rows: Sequence[tuple[str, int, int, int, str]]) -> dict[tuple[str, int], Done]:
    """What earlier attempts noted, by file and line."""
    return {
        (file, line): Done(
            file, line, stored, unchanged, [(n, why, tuple(where)) for n, why, where in orjson.loads(text)]
        )
        for file, line, stored, unchanged, text in rows
    }
