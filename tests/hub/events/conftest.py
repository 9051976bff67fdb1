"""RabbitMQ for the tests of events, one for the session; processes that take events; a record that is written to."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import rabbitmq
from tests.fhir_server.conftest import BASE
from tests.fhir_server.subscriptions.conftest import Relaying, relaying
from tests.hub.events.recording import LISTENED, TABLE
from tests.rabbitmq import RabbitMQ

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    if not rabbitmq.found():
        pytest.skip("rabbitmq-server is not installed")
    node = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    node.start()
    yield node
    node.end()


@pytest.fixture
async def relay(database: str) -> AsyncIterator[Relaying]:
    """A record whose versions of Observations become events."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLE)
    async with relaying(database, listened=LISTENED) as relay:
        yield relay


class Takers:
    """Processes that take events, started and killed."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.hub.events.recording", *self._arguments]
        self._running.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))

    def kill(self) -> None:
        """The one that was started first, as by kill -9."""
        process = self._running.pop(0)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        while self._running:
            self.kill()


class Written:
    """Versions that were answered, of each patient in their order: each is written after the answer to the last."""

    def __init__(self, relay: Relaying, patients: int) -> None:
        self._relay, self._patients = relay, patients
        self.versions: dict[str, list[str]] = {}

    async def write(self, rate: float, seconds: float) -> None:
        """About so many a second, as long: creates, updates and deletions of some patients' Observations."""
        for number in range(self._patients):
            await self._relay.client.put(f"Patient/p{number}", json={"resourceType": "Patient", "id": f"p{number}"})
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._of(f"p{n}", rate / self._patients, end) for n in range(self._patients)))

    async def _of(self, patient: str, rate: float, end: float) -> None:
        chance, told, there = random.Random(patient), self.versions.setdefault(f"Patient/{patient}", []), list[str]()
        while time.monotonic() < end:
            body: Any = {
                "resourceType": "Observation", "status": "final", "code": {"text": "x"},
                "subject": {"reference": f"Patient/{patient}"}, "valueInteger": len(told),
            }  # fmt: skip
            if there and chance.random() < 0.5:
                id = chance.choice(there)
                if chance.random() < 0.2:
                    there.remove(id)
                    response = await self._relay.client.delete(f"Observation/{id}")
                    told.append(f"Observation/{id}/_history/{response.headers['etag'][3:-1]}")
                else:
                    stored = await self._relay.written("PUT", f"Observation/{id}", body | {"id": id})
                    told.append(f"Observation/{id}/_history/{stored['meta']['versionId']}")
            else:
                stored = await self._relay.written("POST", "Observation", body)
                there.append(stored["id"])
                told.append(f"Observation/{stored['id']}/_history/1")
            await asyncio.sleep(chance.expovariate(rate))


@pytest.fixture
def takers(database: str) -> Iterator[Callable[..., Takers]]:
    """Makes `Takers` of this test's database."""
    made: list[Takers] = []

    def make(*broker: str) -> Takers:
        made.append(Takers(database, BASE, *broker))
        return made[-1]

    yield make
    for one in made:
        one.end()
