"""A server, search parameters to be defined in it, and the worker that indexes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from fhir_server.bulk.tasks import tasks
from fhir_server.dispatch import Settings
from fhir_server.job_work import Worker
from fhir_server.search import parameters
from tests.fhir_server.conftest import BASE, serving

FHIR = {"content-type": "application/fhir+json"}


def parameter(code: str, kind: str, base: str, expression: str, **more: Any) -> dict[str, Any]:
    """A SearchParameter; its id is the code."""
    return {
        "resourceType": "SearchParameter", "id": code, "url": f"http://example.org/SearchParameter/{code}",
        "name": "Own", "status": "active", "description": "for a test", "code": code, "base": base.split(","),
        "type": kind, "expression": expression, **more,
    }  # fmt: skip


def nobody(url: str, path: Path) -> None:
    raise AssertionError("nothing is fetched here")


@dataclass
class Own:
    """A client, and the worker that does what it asks for."""

    client: httpx2.AsyncClient
    database: str
    files: Path

    async def put(self, resource: dict[str, Any], status: tuple[int, ...] = (200, 201)) -> httpx2.Response:
        answer = await self.client.put(f"{resource['resourceType']}/{resource['id']}", json=resource, headers=FHIR)
        assert answer.status_code in status, answer.text
        return answer

    async def work(self) -> bool:
        """Lets the worker do all there is to do; whether there was anything."""

        def run() -> bool:
            with psycopg.connect(self.database, autocommit=True) as connection:
                worker = Worker(connection, self.files, tasks(self.database, BASE, nobody, 1), now, 10**12, failed)
                worked = False
                while worker.work():
                    worked = True
                return worked

        return await asyncio.to_thread(run)

    async def ids(self, query: str, **headers: str) -> list[str]:
        """Ids found, in alphabetic order."""
        answer = await self.client.get(query, headers=headers)
        assert answer.status_code == 200, answer.text
        return sorted(
            one["resource"]["id"]
            for one in answer.json().get("entry", ())
            if one["resource"]["resourceType"] != "OperationOutcome"
        )

    async def refused(self, query: str) -> str:
        """Why a search is refused."""
        answer = await self.client.get(query)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["issue"][0]["diagnostics"])

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []


def now() -> int:
    return time.time_ns() // 1000


def failed(job: Any, error: BaseException) -> None:
    raise error


@pytest.fixture
async def own(database: str, tmp_path: Path) -> AsyncIterator[Own]:
    async with serving(database, Settings(bulk_files=tmp_path)) as client:
        yield Own(client, database, tmp_path)


@pytest.fixture(autouse=True)
def only_here() -> Iterator[None]:
    """What a test defines holds in this process until another record's parameters are read."""
    yield
    parameters.use(parameters.Table())
