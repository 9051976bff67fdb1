"""Ten minutes of twice what the machine can do: what is refused, how long the admitted wait, memory, recovery.

python -m bench.overload [../shared/data] [--seconds 600] [--workers 1]

First 32 clients that never pause find out how many requests of the mix a second are answered; then requests come at
twice that rate, whether or not earlier ones were answered, while dawdling clients hold connections. Exit code 1:
something that must not happen did.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import uvloop

from bench import figures
from bench.overload import report
from bench.overload.arrivals import Load
from bench.overload.mix import endless, prepare
from bench.overload.slow import SlowClients
from bench.processes import cpu, resident
from bench.workload import Driver, unpack
from hub.embedded import Embedded
from tests.hub_process import ROOT, HubProcess

BUNDLES, BIG = 60, 12
"""Bundles loaded first; as many more are posted while it is busy."""
CLIENTS, WARM_SECONDS, CAPACITY_SECONDS = 32, 8, 20
QUICK = 0.05
"""Seconds within which a request is answered when nothing is wrong."""
IN_A_ROW = 20


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


async def watch(process: int, load: Load, memory: list[tuple[float, float]]) -> None:
    """Memory, once a second, and a line every half minute."""
    told = 0
    while True:
        memory.append((load.now(), resident(process)))
        if len(memory) % 30 == 0:
            fresh = Counter(one.status for one in load.answered[told:])
            told = len(load.answered)
            say(f"{load.now():.0f} s, {memory[-1][1]:.0f} MB, {load.open} connections, {dict(sorted(fresh.items()))}")
        await asyncio.sleep(1)


async def recovered(base: str, limit: float = 60) -> float:
    """Seconds until `IN_A_ROW` requests in a row, of two kinds in turn, are answered quickly."""
    began, good = time.perf_counter(), 0
    async with httpx2.AsyncClient(base_url=base + "/", timeout=30) as client:
        while good < IN_A_ROW and time.perf_counter() - began < limit:
            asked = time.perf_counter()
            answer = await client.get("Observation?code=8867-4&_count=5" if good % 2 else "Patient?_count=1")
            quick = answer.status_code == 200 and time.perf_counter() - asked < QUICK
            good = good + 1 if quick else 0
            if quick and good == 1:
                first = asked
    return first - began if good == IN_A_ROW else limit


async def measure(hub: HubProcess, big: list[Path], seconds: int) -> dict[str, Any]:
    """Capacity, overload, recovery."""
    assert hub.process is not None
    rng = random.Random(1)
    prepared = prepare(hub.client, rng)
    whole = max((one for one in prepared if one.kind == "everything"), key=lambda one: one.raw)
    requests = endless(hub.client, prepared, [], rng, 1)
    closed = Load("127.0.0.1", hub.client.port, requests)
    await closed.keep_asking(CLIENTS, WARM_SECONDS)
    await closed.finished(10)
    capacity = await closed.keep_asking(CLIENTS, CAPACITY_SECONDS)
    await closed.finished(10)
    say(f"{capacity:.0f} requests/s answered well to {CLIENTS} clients; {2 * capacity:.0f} are offered for {seconds} s")
    load = Load("127.0.0.1", hub.client.port, endless(hub.client, prepared, big, rng, 2 * capacity))
    slow = SlowClients("127.0.0.1", hub.client.port, whole.raw.split(b" ")[1].decode())
    memory: list[tuple[float, float]] = []
    before = resident(hub.process.pid)
    load.began = time.perf_counter()
    watching = asyncio.create_task(watch(hub.process.pid, load, memory))
    slow.start()
    await load.offer(2 * capacity, seconds)
    closed_on = dict(slow.closed)
    await slow.stop()
    recovery = await recovered(hub.client.base)
    watching.cancel()
    await load.finished(60)
    say(f"quick again after {recovery:.1f} s")
    return {
        "capacity": capacity, "offered": 2 * capacity, "seconds": seconds, "recovery": recovery, "unsent": load.unsent,
        "open": load.open, "memory_before": before, "memory": memory, "slow_closed": closed_on,
        **report.summary(load.answered, load.lag, seconds),
    }  # fmt: skip


@contextlib.contextmanager
def held(url: str, hub: HubProcess) -> Iterator[None]:
    """The one place there is, taken by a request that waits for a lock."""
    with psycopg.connect(url) as connection:
        connection.execute("lock table resource")
        waiting = subprocess.Popen(
            [sys.executable, "-c", "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=50)",
             f"{hub.client.base}/Patient?name=x"], stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(1)
        yield
    waiting.wait(60)


def refusal(url: str, folder: Path) -> dict[str, float]:
    """CPU-µs of a request that is refused, by wrk against a hub with one place, which is taken."""
    with HubProcess(folder, {"max_concurrent": "1"}) as hub, held(url, hub):
        assert hub.process is not None
        began = cpu(hub.process.pid, without="postgres")
        said = subprocess.run(["wrk", "-t1", "-c32", "-d5s", f"{hub.client.base}/Patient/x"],
                              capture_output=True, text=True, check=True).stdout  # fmt: skip
        used = cpu(hub.process.pid, without="postgres") - began
    count = int(said.split(" requests in")[0].split()[-1])
    refused = int(said.split("Non-2xx or 3xx responses: ")[1].split()[0]) if "Non-2xx" in said else 0
    return {"requests": count, "refused": refused, "cpu_us": used / count * 1e6, "rate": count / 5}


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that servers are stopped
    data = chosen.data.resolve()
    source = data / "synthea" / "synthea-617"
    if not source.is_dir():
        print(f"the folder of reference data is needed, and {data} has no synthea/synthea-617", file=sys.stderr)
        return 2
    facts = figures.facts(
        f"python -m bench.overload --seconds {chosen.seconds}"
        + (f" --workers {chosen.workers}" if chosen.workers > 1 else ""),
        data=f"{BUNDLES} Bundles of synthea-617",
    )
    with tempfile.TemporaryDirectory(prefix="hub-overload-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        first, patients = unpack(source, folder / "bundles", BUNDLES + BIG)
        big = [path.rename(folder / path.name) for path in patients[BUNDLES:]]
        hub = HubProcess(folder / "hub", {"workers": str(chosen.workers)})
        hub.folder.mkdir()
        database = Embedded(hub.folder / "postgres")
        url = database.start()
        try:
            hub.start()
            for path in first:
                hub.client.request("POST", "", path.read_bytes())
            say(f"loading {BUNDLES} Bundles")
            driver = Driver(data.parent / "tools" / "fhir_load.py", hub.client.base, 1, 1, folder)
            driver.run(
                "seed", ["--bundles", str(folder / "bundles" / "patients"), "--seed", "1000", "--scenarios", "none"]
            )
            found = {"facts": facts, **uvloop.run(measure(hub, big, chosen.seconds))}
            hub.stop()
            found["refusal"] = refusal(url, hub.folder)
        finally:
            hub.stop()
            database.release()
    report.picture(found)
    figures.write("overload", found)
    print("\n\n".join(report.paragraphs(found)))
    return int(bool(report.faults(found)))


if __name__ == "__main__":
    sys.exit(main())
