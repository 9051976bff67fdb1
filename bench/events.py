"""Events under 200 writes a second, while RabbitMQ is stopped and started and those who take events are killed.

    python -m bench.events [--rate 200] [--seconds 30] [--without]

Each patient is written to after the answer to the last write alone, so the order of its events is known. Compared at
the end: versions in the record, the ledger, effects, and the order of effects for each patient. --without: no broker.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg
import uvloop

from bench import figures
from bench.writes import observation, request
from fhir_server.app import App
from fhir_server.resource_types import TYPE_ID
from hub.compose import application
from hub.embedded import Embedded
from hub.migrate import upgrade
from hub.settings import Settings
from tests.hub.events.recording import SERVICES, TABLE
from tests.rabbitmq import RabbitMQ

PATIENTS = 50
QUIET = 0.25
"""Part of the time before anything is stopped."""
TARGET_SECONDS = 120
"""In which everything has to be done with at the end."""

_VERSIONS = f"""
select count(*) from (select from resource where type_id = {TYPE_ID["Observation"]} and version > 0
  union all select from resource_version v join resource r using (rid)
  where r.type_id = {TYPE_ID["Observation"]}) x"""


def taker(url: str, base: str, broker: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process that takes events."""
    command = [sys.executable, "-m", "tests.hub.events.recording", url, base, *broker]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


async def write(
    app: App, patient: str, rate: float, end: float, told: list[str], took: list[tuple[float, float]]
) -> None:
    """Creates and updates of one patient's Observations, one after the other; told: references, took: (when, s)."""
    chance, there, due = random.Random(patient), list[str](), time.monotonic()
    while (due := due + chance.expovariate(rate)) < end:
        await asyncio.sleep(due - time.monotonic())
        body: dict[str, Any] = observation(patient, len(told), "2026-01-31T12:00:00Z")
        began = time.monotonic()
        if there and chance.random() < 0.5:
            id = chance.choice(there)
            status, sent = await request(app, "PUT", f"Observation/{id}", orjson.dumps(body | {"id": id}))
        else:
            status, sent = await request(app, "POST", "Observation", orjson.dumps(body))
        if status not in (200, 201):
            raise RuntimeError(f"answered {status}")
        took.append((began, time.monotonic() - began))
        stored = orjson.loads(sent)
        if status == 201:
            there.append(stored["id"])
        told.append(f"Observation/{stored['id']}/_history/{stored['meta']['versionId']}")


async def disturbed(
    node: RabbitMQ | None, takers: list[subprocess.Popen[bytes]], again: Any, seconds: float, said: list[str]
) -> None:
    """Stops, kills and starts; said: what happened when."""
    began = time.monotonic()

    def happened(what: str) -> None:
        said.append(f"{time.monotonic() - began:5.1f} s  {what}")

    async def kill() -> None:
        first = takers.pop(0)
        first.send_signal(signal.SIGKILL)
        first.wait()
        takers.append(again())
        happened("kill -9 of the process that publishes and consumes; another takes over")

    await asyncio.sleep(seconds * QUIET)
    if node is not None:
        await asyncio.to_thread(node.stop)
        happened("RabbitMQ is stopped")
        await asyncio.sleep(seconds * 0.1)
        await asyncio.to_thread(node.start)
        happened("RabbitMQ is started")
    await asyncio.sleep(max(0.0, began + seconds * 0.75 - time.monotonic()))
    await kill()


async def run(url: str, node: RabbitMQ | None, arguments: argparse.Namespace) -> int:
    """Measures; the exit code."""
    facts = figures.facts(f"python -m bench.events --rate {arguments.rate:.0f} --seconds {arguments.seconds:.0f}")
    settings = Settings(log_level="warning")
    broker = [] if node is None else [node.url]

    def again() -> subprocess.Popen[bytes]:
        return taker(url, settings.base, broker)

    app = application(settings, url, "benchmark", care=SERVICES).app.app
    await app._startup()
    takers = [again(), again()]
    most, stop = 0, asyncio.Event()

    async def look() -> None:
        nonlocal most
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                row = await (await connection.execute("select count(*) from event")).fetchone()
                most = max(most, row[0] if row else 0)
                await asyncio.sleep(0.25)

    try:
        patients = []
        for number in range(PATIENTS):
            body = {"resourceType": "Patient", "name": [{"family": f"Example{number}"}]}
            patients.append(orjson.loads((await request(app, "POST", "Patient", orjson.dumps(body)))[1])["id"])
        told: dict[str, list[str]] = {f"Patient/{one}": [] for one in patients}
        took: list[tuple[float, float]] = []
        # Those who take events have begun once a first one is done.
        first = told[f"Patient/{patients[0]}"]
        while not first:
            await write(app, patients[0], 10, time.monotonic() + 0.2, first, took)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while (await (await connection.execute("select from effect limit 1")).fetchone()) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        looking = asyncio.create_task(look())
        began = time.monotonic()
        end = began + arguments.seconds
        said: list[str] = []
        await asyncio.gather(
            *(write(app, one, arguments.rate / PATIENTS, end, told[f"Patient/{one}"], took) for one in patients),
            disturbed(node, takers, again, arguments.seconds, said),
        )
        written = sum(map(len, told.values()))
        finished = time.monotonic()
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            waiting = (
                "select (select count(*) from outbox), (select count(*) from event), (select count(*) from effect)"
            )
            while time.monotonic() - finished < TARGET_SECONDS:
                row = await (await connection.execute(waiting)).fetchone()
                if row is not None and (row[:2] == (0, 0) and row[2] >= written):
                    break
                await asyncio.sleep(0.1)
        caught = time.monotonic() - finished
        stop.set()
        await looking
    finally:
        for one in takers:
            one.kill()
            one.wait()
        await app._shutdown()
    waits = sorted(1000 * seconds for _, seconds in took)
    said.append(f"writes: {written} in {arguments.seconds:.0f} s, {written / arguments.seconds:.0f} a second")
    said.append(f"answered: p50 {statistics.median(waits):.1f} ms, p95 {waits[int(len(waits) * 0.95)]:.1f} ms")
    said.append(f"most events that waited in the database: {most}; all done {caught:.1f} s after the last write")
    code = compare(url, told, arguments.seconds * (QUIET - 0.05), said)
    print("\n".join(said))
    if node is not None:
        figures.write("events", {"facts": facts, "said": said})
    return code


def compare(url: str, told: dict[str, list[str]], first_seconds: float, said: list[str]) -> int:
    """1 where anything is lost, doubled or out of order; said: is told what was found."""
    with psycopg.connect(url) as connection:

        def one(statement: str) -> int:
            row = connection.execute(statement.encode()).fetchone()
            return 0 if row is None else int(row[0])

        done: dict[str, list[str]] = defaultdict(list)
        for key, reference in connection.execute("select order_key, reference from effect order by number"):
            done[key].append(reference)
        again, dead = (one(f"select number from event_count where name = '{name}'") for name in ("redelivered", "dead"))
        said.append(
            f"versions in the record: {one(_VERSIONS)}; in the ledger: {one('select count(*) from event_done')}"
        )
        said.append(f"came or tried again: {again}; dead: {dead}")
        for words, first in (("while all is well", first_seconds), ("in all", 10**6)):
            row = connection.execute(_LATENCY.encode(), [first * 1000]).fetchone()
            if row is not None and row[0] is not None:
                said.append(f"from commit to effect, {words}: p50 {row[0]:.0f} ms, p95 {row[1]:.0f} ms")
    effects = [reference for references in done.values() for reference in references]
    lost = {one for versions in told.values() for one in versions} - set(effects)
    doubled = len(effects) - len(set(effects))
    disordered = sum(done[key] != versions for key, versions in told.items() if versions)
    said.append(f"lost: {len(lost)}; with two effects: {doubled}; patients out of order: {disordered}")
    return int(bool(lost or doubled or disordered))


_LATENCY = f"""
with of as (
  select coalesce(v.last_updated, r.last_updated) / 1000.0 as happened, extract(epoch from e.at) * 1000 as at
  from effect e join resource r on r.type_id = {TYPE_ID["Observation"]} and r.fhir_id = split_part(e.reference, '/', 2)
    left join resource_version v on v.rid = r.rid and v.version = split_part(e.reference, '/', 4)::int)
select percentile_disc(0.5) within group (order by at - happened),
  percentile_disc(0.95) within group (order by at - happened)
from of where happened < (select min(happened) from of where happened > (select min(at) from of)) + %s"""


def paragraphs(found: Mapping[str, Any]) -> list[str]:
    """The section of RESULTS.md."""
    return [
        "## Events, with the broker stopped and started",
        figures.bullets(found),
        "Writes of Observations go on while RabbitMQ is stopped and started, and the process that publishes and "
        "consumes is killed. Each version must have one effect, in the order of its patient.",
        "\n".join(f"- {line.strip()}" for line in found["said"]),
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=float, default=200, help="writes a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--without", action="store_true", help="no broker")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        os.chmod(folder, 0o755)
        database = Embedded(folder / "postgres")
        url = database.start()
        node = None if arguments.without else RabbitMQ(folder / "rabbitmq")
        try:
            upgrade(url)
            with psycopg.connect(url) as connection:
                connection.execute(TABLE)
            if node is not None:
                node.start()
            return uvloop.run(run(url, node, arguments))
        finally:
            if node is not None:
                node.end()
            database.release()


if __name__ == "__main__":
    sys.exit(main())
