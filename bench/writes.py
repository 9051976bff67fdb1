"""CPU time of a create and of an update, from ASGI to a real PostgreSQL and back, without HTTP and its clients.

    python -m bench.writes [--rounds 8] [--count 2000] [--only create] [--events]

Both are measured in short rounds of which the cheapest counts, so that it can be repeated beside noisy neighbours: for
comparing two versions of the code, run in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import tempfile
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.processes import cpu
from fhir_server.app import App
from hub.compose import application
from hub.embedded import Embedded
from hub.migrate import upgrade
from hub.settings import Settings
from tests.hub.events.recording import SERVICES

CLIENTS = 32
PATIENTS = 100
POOL = 400
"""Resources that are updated in turn."""
HEADERS = [
    (b"host", b"127.0.0.1:8080"),
    (b"accept", b"application/fhir+json"),
    (b"content-type", b"application/fhir+json"),
]


def observation(patient: str, value: float, when: str) -> dict[str, Any]:
    """A heart rate, as bedside monitors send it."""
    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": category, "code": "vital-signs", "display": "Vital Signs"}]}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}],
            "text": "Heart rate",
        },
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }


async def request(app: App, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """Status and body of one request."""
    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": f"/fhir/{path}", "query_string": b"",
        "headers": [*HEADERS, (b"content-length", b"%d" % len(body))],
    }  # fmt: skip
    status, sent, received = 0, b"", False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal received
        if received:
            await asyncio.Event().wait()  # the client stays until it is answered
        received = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, sent
        status = message.get("status", status)
        sent = message.get("body", sent)

    await app(scope, receive, send)
    return status, sent


async def cost(app: App, requests: Iterator[tuple[str, str, bytes]], count: int, database: int) -> tuple[float, float]:
    """CPU-µs per request of this process and of the database, with all clients at work."""
    left = count

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            status, _ = await request(app, *next(requests))
            if status not in (200, 201):
                raise RuntimeError(f"answered {status}")

    began = time.process_time_ns(), cpu(database)
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return (time.process_time_ns() - began[0]) / 1000 / count, (cpu(database) - began[1]) * 1e6 / count


async def measure(app: App, rounds: int, count: int, database: int, only: str | None) -> None:
    """Prints the figures."""
    draw = random.Random(1)
    patients = []
    for number in range(PATIENTS):
        patient = {"resourceType": "Patient", "name": [{"family": f"Example{number}"}]}
        patients.append(orjson.loads((await request(app, "POST", "Patient", orjson.dumps(patient)))[1])["id"])

    def when() -> str:
        return f"20{draw.randint(10, 19)}-0{draw.randint(1, 9)}-{draw.randint(10, 28)}T12:{draw.randint(10, 59)}:00Z"

    def creates() -> Iterator[tuple[str, str, bytes]]:
        pool = [orjson.dumps(observation(draw.choice(patients), draw.randint(50, 120), when())) for _ in range(2000)]
        while True:
            for body in pool:
                yield "POST", "Observation", body

    pool = []
    for _ in range(POOL):
        new = observation(draw.choice(patients), 60, when())
        pool.append(orjson.loads((await request(app, "POST", "Observation", orjson.dumps(new)))[1]))

    def updates() -> Iterator[tuple[str, str, bytes]]:
        value = 50.0
        while True:
            value += 0.5
            for resource in pool:
                resource["valueQuantity"]["value"] = value
                yield "PUT", f"Observation/{resource['id']}", orjson.dumps(resource)

    for name, requests in (("create", creates()), ("update", updates())):
        if only not in (None, name):
            continue
        await cost(app, requests, count, database)
        figures = [await cost(app, requests, count, database) for _ in range(rounds)]
        application_cpu, database_cpu = (min(column) for column in zip(*figures, strict=True))
        print(f"{name}: {application_cpu:.1f} + {database_cpu:.0f} µs", flush=True)


async def run(url: str, database: int, arguments: argparse.Namespace) -> None:
    """Starts the application, measures, stops it."""
    care = SERVICES if arguments.events else None
    app = application(Settings(log_level="info"), url, "benchmark", care=care).app.app
    await app._startup()
    try:
        await measure(app, arguments.rounds, arguments.count, database, arguments.only)
    finally:
        await app._shutdown()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--count", type=int, default=2000, help="requests of a round")
    parser.add_argument("--only", choices=("create", "update"))
    parser.add_argument("--events", action="store_true", help="a service listens to what is written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        os.chmod(folder, 0o755)
        database = Embedded(folder / "postgres")
        url = database.start()
        postmaster = database.running()
        assert postmaster is not None
        try:
            upgrade(url)
            gc.freeze()
            gc.set_threshold(100_000, 50, 1000)
            uvloop.run(run(url, postmaster, arguments))
        finally:
            database.release()


if __name__ == "__main__":
    main()
