"""The main benchmark: loads synthea-617 into a fresh hub through its API, runs the workloads, writes figures/main.json.

python -m bench [../shared/data] [--quick]
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import figures, results
from bench.disk import disk, tidy
from bench.processes import resident
from bench.workload import SCENARIOS, Driver, unpack
from hub.embedded import Embedded
from tests.hub_process import ROOT, HubProcess

QUICK_BUNDLES = 60
STARTS = 3
IDLE_SECONDS = 5


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def measure(data: Path, folder: Path, quick: bool, scenarios: tuple[str, ...], concurrency: str) -> dict[str, Any]:
    """Everything, in a folder of its own."""
    facts = figures.facts(
        "python -m bench" + (" --quick" if quick else ""),
        runs="one short run each" if quick else "median of 3 runs each, the quietest 3 of at most 4",
        software=f"Python {platform.python_version()}, embedded PostgreSQL as the hub sets it up, one worker",
    )
    say("unpacking")
    first, patients = unpack(data / "synthea" / "synthea-617", folder / "bundles", QUICK_BUNDLES if quick else None)
    hub = HubProcess(folder / "hub")
    database = Embedded(hub.folder / "postgres")
    hub.folder.mkdir()
    url = database.start()
    try:
        hub.start()
        for bundle in first:
            answer = hub.client.request("POST", "", bundle.read_bytes())
            if answer.status != 200:
                raise RuntimeError(f"{bundle.name}: {answer.status} {answer.body[:1000].decode(errors='replace')}")
        postmaster = database.running()
        assert hub.process is not None
        assert postmaster is not None
        driver = Driver(data.parent / "tools" / "fhir_load.py", hub.client.base, hub.process.pid, postmaster, folder)
        say(f"loading {len(patients)} bundles")
        loading = ["--bundles", str(patients[0].parent), "--seed", str(len(patients)), "--scenarios", "none"]
        ingest: dict[str, Any] = driver.run("ingest", loading)["seed"][0]
        say(results.ingest(ingest))
        if ingest["first_failure"]:
            say(f"first refused bundle: {ingest['first_failure']}")
        tidy(url)
        sizes = disk(url)
        say(f"{sizes.per_resource:.0f} bytes per resource; workloads")
        timing = ["--duration", "5", "--warmup", "2", "--repeats", "1"] if quick else \
            ["--duration", "10", "--warmup", "3", "--repeats", "3", "--retries", "1", "--quiet-wait", "5"]  # fmt: skip
        load = driver.run("load", ["--scenarios", ",".join(scenarios), "--concurrency", concurrency, *timing])
        loaded = resident(hub.process.pid)
        hub.stop()
        database.release()
        say("starts")
        hub.until = "metadata"
        starts = []
        for _ in range(STARTS):
            starts.append(hub.start())
            time.sleep(IDLE_SECONDS)
            idle = resident(hub.process.pid)
            hub.stop()
        say("steps of a write")
        steps = subprocess.run(
            [sys.executable, "-m", "bench.micro"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
    finally:
        hub.kill()
        database.start()  # also what a killed hub left running is stopped
        database.release()
    facts["data"] = f"{len(patients) + len(first)} bundles of synthea-617"
    return {
        "facts": facts, "load": load, "ingest": ingest, "disk": asdict(sizes), "idle": idle, "loaded": loaded,
        "starts": starts, "steps": steps,
    }  # fmt: skip


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument(
        "data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data"
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_BUNDLES} bundles, one short run of each workload")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="comma list of workloads")
    parser.add_argument("--concurrency", default="8,32", help="comma list of numbers of clients")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is not installed: the figures would be those of the client (apt-get install wrk)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        found = measure(
            arguments.data.resolve(), folder, arguments.quick, tuple(arguments.scenarios.split(",")),
            arguments.concurrency,
        )  # fmt: skip
    figures.write("main", found)
    say(f"written: {figures.RESULTS}")
    print("\n".join(results.targets(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
