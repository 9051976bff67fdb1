"""The whole benchmark: loads synthea-617 into a fresh hub through its API, runs the workloads, writes RESULTS.md.

python -m bench [../shared/data] [--quick]
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench import results
from bench.disk import disk, tidy
from bench.workload import SCENARIOS, Driver, unpack
from hub.embedded import Embedded
from tests.hub_process import ROOT, HubProcess

QUICK_BUNDLES = 60
STARTS = 3
IDLE_SECONDS = 5


def resident(process: int) -> float:
    """MB of resident memory of a process and all below it."""
    root = psutil.Process(process)
    return sum(each.memory_info().rss for each in [root, *root.children(recursive=True)]) / 1e6


def machine() -> str:
    """Processor, cores, memory, system."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{model}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB, {platform.system()}"


def commit() -> str:
    """Short hash, with a plus where the working tree differs."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def measure(data: Path, folder: Path, quick: bool, scenarios: tuple[str, ...], concurrency: str) -> results.Figures:
    """Everything, in a folder of its own."""
    measured = commit()  # before it takes its time: others may commit meanwhile
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
    facts = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "commit": measured,
        "command": "python -m bench" + (" --quick" if quick else ""),
        "data": f"{len(patients) + len(first)} bundles of synthea-617",
        "runs": "one short run each" if quick else "median of 3 runs each, the quietest 3 of at most 4",
        "software": f"Python {platform.python_version()}, embedded PostgreSQL as the hub sets it up, one worker",
    }
    return results.Figures(facts, load, ingest, sizes, idle, loaded, tuple(starts), steps)


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument(
        "data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data"
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_BUNDLES} bundles, one short run of each workload")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="comma list of workloads")
    parser.add_argument("--concurrency", default="8,32", help="comma list of numbers of clients")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "RESULTS.md", help="where to write")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is not installed: the figures would be those of the client (apt-get install wrk)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        figures = measure(
            arguments.data.resolve(), folder, arguments.quick, tuple(arguments.scenarios.split(",")),
            arguments.concurrency,
        )  # fmt: skip
    arguments.out.write_text(results.document(figures))
    say(f"written: {arguments.out}")
    print("\n".join(results.targets(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
