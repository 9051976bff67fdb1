"""A server with a folder for bulk files, a few patients in it, and a worker for its jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server.bulk.tasks import tasks
from fhir_server.dispatch import Settings
from fhir_server.job_work import Worker
from mappings.r4 import parse
from tests.fhir_server.conftest import BASE, serving

DAY = 86_400_000_000


def now() -> int:
    return time.time_ns() // 1000


def nobody(url: str, path: Path) -> None:
    raise AssertionError("nothing is fetched here")


@dataclass
class Bulk:
    """A client, and the worker that does what it asks for."""

    client: httpx2.AsyncClient
    url: str
    files: Path

    async def work(self, clock: Callable[[], int] = now, **more: Any) -> bool:
        """Lets the worker do one job; whether there was one."""

        def run() -> bool:
            with psycopg.connect(self.url, autocommit=True) as connection:
                made = tasks(self.url, BASE, more.get("bring", nobody), 1)
                worker = Worker(connection, self.files, made, clock, DAY)
                worker.sweep()
                return worker.work()

        return await asyncio.to_thread(run)

    async def kick_off(self, path: str, **options: Any) -> str:
        """Asks for an export; the URL of its status."""
        method = options.pop("method", "GET")
        answer = await self.client.request(method, path, headers={"prefer": "respond-async"}, **options)
        assert answer.status_code == 202, answer.text
        return str(answer.headers["content-location"])

    async def manifest(self, path: str, **options: Any) -> dict[str, Any]:
        """The manifest of an export carried out."""
        status = await self.kick_off(path, **options)
        assert await self.work()
        answer = await self.client.get(status, headers={"accept": "application/json"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def lines(self, item: dict[str, Any]) -> list[Any]:
        """The resources of a file of the manifest."""
        answer = await self.client.get(item["url"], headers={"accept": "application/fhir+ndjson"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/fhir+ndjson"
        assert answer.content.endswith(b"\n")
        found = [parse(line) for line in answer.content.splitlines()]
        assert len(found) == item["count"]
        return found

    async def exported(self, path: str, **options: Any) -> set[str]:
        """Type/id of everything an export holds."""
        manifest = await self.manifest(path, **options)
        return {f"{one['resourceType']}/{one['id']}" for item in manifest["output"] for one in await self.lines(item)}


def observation(id: str, patient: str, code: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
    }  # fmt: skip


RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Organization", "id": "o", "name": "Ward"},
    *({"resourceType": "Patient", "id": id, "gender": "female", "birthDate": "1970-01-31"} for id in "abc"),
    observation("a1", "a", "8867-4"),
    observation("a2", "a", "8310-5"),
    observation("b1", "b", "8867-4"),
    {"resourceType": "Device", "id": "d", "patient": {"reference": "Patient/a"}},
    {"resourceType": "Provenance", "id": "pa", "recorded": "2024-01-01T00:00:00Z",
     "target": [{"reference": "Observation/a1"}], "agent": [{"who": {"reference": "Organization/o"}}]},
    {"resourceType": "Provenance", "id": "po", "recorded": "2024-01-01T00:00:00Z",
     "target": [{"reference": "Organization/o"}], "agent": [{"who": {"reference": "Organization/o"}}]},
    {"resourceType": "Group", "id": "g", "type": "person", "actual": True,
     "member": [{"entity": {"reference": "Patient/a"}}, {"entity": {"reference": "Patient/b"}, "inactive": True},
                {"entity": {"reference": "Patient/c"}}]},
]  # fmt: skip


@pytest.fixture
async def bulk(database: str, tmp_path: Path) -> AsyncIterator[Bulk]:
    async with serving(database, Settings(bulk_files=tmp_path)) as client:
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in RESOURCES
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = await client.post("", json=bundle, headers={"content-type": "application/fhir+json"})
        assert answer.status_code == 200, answer.text
        yield Bulk(client, database, tmp_path)
