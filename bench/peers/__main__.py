"""The hub beside HAPI FHIR: same data, same PostgreSQL settings, one server at a time, in the order hub HAPI HAPI hub.

python -m bench.peers [../shared/data] [--bundles 100] [--quick]

Exit code 3: the machine lacks what the comparison needs, and which.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from bench import figures
from bench.disk import tidy
from bench.peers import hapi, report
from bench.workload import SCENARIOS, Driver, unpack
from hub.embedded import Embedded
from tests.hub_process import ROOT, Client, HubProcess

MISSING = 3
WARM_BUNDLES = 30
"""Posted before the ingest that is measured."""
CONCURRENCY = 32


class Side(Protocol):
    """A server that can be started on a database of its own, and stopped."""

    folder: Path
    client: Client
    database: Embedded

    def start(self) -> float: ...
    def stop(self) -> None: ...


class Hub(HubProcess):
    """The hub; holds its database so that its process id is known."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.database = Embedded(folder / "postgres")
        self.until = "metadata"

    def start(self) -> float:
        began = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database.start()
        super().start()
        return time.monotonic() - began

    def stop(self) -> None:
        super().stop()
        self.database.release()


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def driver(side: Side, data: Path) -> Driver:
    """The load driver against a side that runs."""
    process: subprocess.Popen[bytes] = side.process  # type: ignore[attr-defined]
    postmaster = side.database.running()
    assert postmaster is not None
    return Driver(data.parent / "tools" / "fhir_load.py", side.client.base, process.pid, postmaster, side.folder)


def post(side: Side, bundles: list[Path]) -> None:
    """The Bundles others refer to. Raises RuntimeError where one is refused."""
    for bundle in bundles:
        answer = side.client.request("POST", "", bundle.read_bytes())
        if answer.status != 200:
            raise RuntimeError(f"{bundle.name}: {answer.status} {answer.body[:1000].decode(errors='replace')}")


def ingest(side: Side, data: Path, warm: Path, rest: Path) -> dict[str, Any]:
    """The driver's figures for the Bundles in `rest`, after those in `warm`."""
    for folder in (warm, rest):
        arguments = ["--bundles", str(folder), "--seed", "1000000", "--scenarios", "none"]
        row: dict[str, Any] = driver(side, data).run("ingest", arguments)["seed"][0]
        if row["bundles_failed"]:
            raise RuntimeError(f"{row['bundles_failed']} Bundles refused, the first: {row['first_failure']}")
    return row


def keep(side: Side) -> None:
    """Copies the stopped database as it is."""
    subprocess.run(["cp", "-a", side.database.data, f"{side.database.data}.kept"], check=True)


def restore(side: Side) -> None:
    """Brings back what was kept: every pass sees the same record."""
    shutil.rmtree(side.database.data)
    subprocess.run(["cp", "-a", f"{side.database.data}.kept", side.database.data], check=True)


def measure(data: Path, folder: Path, classpath: str, count: int, warmups: dict[str, int], duration: int) -> \
        dict[str, Any]:  # fmt: skip
    """Everything, in a folder of its own."""
    hub, peer = Hub(folder / "hub"), hapi.Hapi(folder / "hapi", classpath)
    sides: dict[str, Side] = {"hub": hub, "hapi": peer}
    say("unpacking")
    first, patients = unpack(data / "synthea" / "synthea-617", folder / "bundles", count)
    warm, rest = folder / "warm", folder / "rest"
    for number, path in enumerate(patients[:count]):
        target = warm if number < min(WARM_BUNDLES, count // 2) else rest
        target.mkdir(exist_ok=True)
        path.rename(target / path.name)
    found: dict[str, Any] = {"ingest": {}, "starts": {}, "passes": []}
    try:
        for name, side in sides.items():
            say(f"{name}: started in {side.start():.1f} s")
            post(side, first)
            found["ingest"][name] = row = ingest(side, data, warm, rest)
            say(f"{name}: {row['resources_per_s']} resources/s from Bundles")
            side.stop()
            url = side.database.start()
            tidy(url)
            side.database.release()
            keep(side)
        peer.ingesting = True
        peer.start()
        found["ingest"]["hapi_mass"] = row = ingest(peer, data, warm, rest)
        say(f"hapi: {row['resources_per_s']} resources/s in mass ingestion mode")
        peer.stop()
        peer.ingesting = False
        for name in ("hub", "hapi", "hapi", "hub"):
            side = sides[name]
            restore(side)
            found["starts"].setdefault(name, []).append(side.start())
            arguments = [
                "--scenarios", ",".join(SCENARIOS), "--concurrency", str(CONCURRENCY),
                "--patients", str(min(count, 100)),
                "--warmup", str(warmups[name]), "--duration", str(duration), "--repeats", "1", "--quiet-wait", "3",
            ]  # fmt: skip
            load = driver(side, data).run("load", arguments)
            found["passes"].append({"server": name, "load": load})
            for row in load["results"]:
                say(f"{name}: {row['scenario']} {row['median']['rps']} req/s")
            side.stop()
    finally:
        for side in sides.values():
            side.stop()
    return found


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--bundles", type=int, default=100, help="patients' Bundles of synthea-617")
    parser.add_argument("--quick", action="store_true", help="12 Bundles, short runs: does it work at all?")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that servers are stopped
    data = arguments.data.resolve()
    try:
        hapi.check()
        if not (data / "synthea" / "synthea-617").is_dir():
            raise hapi.Missing(f"the folder of reference data, and {data} has no synthea/synthea-617")
        say("building HAPI (the first time Maven downloads it)")
        classpath = hapi.build()
    except hapi.Missing as missing:
        print(f"the comparison with HAPI FHIR needs {missing}", file=sys.stderr)
        return MISSING
    count = 12 if arguments.quick else arguments.bundles
    warmups, duration = ({"hub": 1, "hapi": 3}, 2) if arguments.quick else ({"hub": 5, "hapi": 20}, 10)
    facts = figures.facts(
        "python -m bench.peers" + (" --quick" if arguments.quick else ""),
        peer=f"HAPI FHIR JPA server {hapi.version()}, {hapi.java_version()}, heap {hapi.HEAP}",
        data=f"{count} patients' Bundles of synthea-617 and the 2 they refer to",
        runs=f"order hub, HAPI, HAPI, hub, each on a copy of the same record; {CONCURRENCY} clients, {duration} s a "
        f"workload after {warmups['hapi']} s of warming up (hub: {warmups['hub']} s)",
    )
    with tempfile.TemporaryDirectory(prefix="hub-peers-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        found = {"facts": facts, **measure(data, folder, classpath, count, warmups, duration)}
    report.picture(found)
    figures.write("peers", found)
    print("\n".join(report.ratios(found)))
    say(f"written: {figures.RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
