"""Carries out a request that is answered later: all of its pages into NDJSON files, one type each. https://hl7.org/fhir/R4/async.html"""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from fhir_server.bulk.export import Exported, Progress
from fhir_server.bulk.files import File
from fhir_server.dispatch import Server, Settings, perform
from fhir_server.exchange import FhirRequest
from fhir_server.receive import pairs
from fhir_server.store import ResourceStore
from mappings.r4 import Json, parse, serialize
from smart_auth.scopes import Access

_PAGE = 500
ERRORS = "OperationOutcome"


def run_answer(
    conninfo: str, order: dict[str, Any], access: Access, base: str, folder: Path, now: int, progress: Progress
) -> Exported:
    """Writes the files into an empty folder. Raises FhirError, OSError, and what `progress` raises."""
    return asyncio.run(_pages(conninfo, order, access, base, folder, now, progress))


async def _pages(
    conninfo: str, order: dict[str, Any], access: Access, base: str, folder: Path, now: int, progress: Progress
) -> Exported:
    store = ResourceStore(conninfo, base, connections=1)
    server = Server(store, base, store.now, Settings(default_count=_PAGE, max_count=_PAGE))
    request = first(order, access, base)
    try:
        with ExitStack() as stack:
            files = _Files(folder, stack)
            following: str | None = ""
            while following is not None:
                response = await perform(server, request)
                bundle = parse(response.body or b"")
                for entry in bundle.get("entry", ()):
                    files.write(entry)
                progress(files.written, 0)
                links = (link["url"] for link in bundle.get("link", ()) if link["relation"] == "next")
                following = next(links, None)
                if following is not None:
                    query = pairs(urlsplit(following).query)
                    request = FhirRequest("GET", request.path, query, request.headers, access, base=base)
            files.save()
    finally:
        store.close()
    error = [file for file in files.told if file.type == ERRORS]
    return Exported(now, [file for file in files.told if file.type != ERRORS], [], error)


def first(order: dict[str, Any], access: Access, base: str) -> FhirRequest:
    """The request of a job's order. How long a page is, is our matter: all of them are fetched."""
    query = [(name, value) for name, value in order["query"] if name != "_count"]
    body = order["body"]
    return FhirRequest(
        order["method"],
        tuple(order["path"]),
        query,
        order["headers"],
        access,
        None if body is None else body.encode(),
        base=base,
    )


class _Files:
    """A file for each type, every resource in it once."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._open: dict[str, tuple[BinaryIO, int]] = {}
        self._brought: set[str] = set()
        self.written = 0

    def write(self, entry: dict[str, Json]) -> None:
        """Adds the resource of an entry; one that several pages bring along only once."""
        resource = entry["resource"]
        kind: str = resource["resourceType"]
        if entry["search"]["mode"] == "include":
            name = f"{kind}/{resource['id']}"
            if name in self._brought:
                return
            self._brought.add(name)
        if kind not in self._open:
            path = self._folder / _name(kind)
            self._open[kind] = self._stack.enter_context(path.open("wb", buffering=2**18)), 0
        file, count = self._open[kind]
        file.write(serialize(resource) + b"\n")
        self._open[kind] = file, count + 1
        self.written += 1

    def save(self) -> None:
        """Brings all of it to the disk."""
        for file, _ in self._open.values():
            file.flush()
            os.fsync(file.fileno())

    @property
    def told(self) -> list[File]:
        """The files written."""
        return [File(kind, _name(kind), count) for kind, (_, count) in sorted(self._open.items())]


def _name(kind: str) -> str:
    return f"{kind}.1.ndjson"
