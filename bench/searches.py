"""Search families at 1, 2 and 4 times the data: latencies, CPU, plans, growth -> figures/searches.json.

python -m bench.searches [../shared/data] [--scales 1,2,4] [--seconds 1] [--only WORD] [--database-url URL]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg

from bench import figures, search_results
from bench.disk import disk, tidy
from bench.families import FAMILIES, MANY, Family, draw, paths
from bench.plans import BASE, Plan, explained, statement_of
from bench.population import written
from bench.replay import Replay, replay
from bench.workload import unpack
from fhir_server.store import ResourceStore
from hub.embedded import Embedded
from tests.hub_process import ROOT, HubProcess

ROUNDS, MOST_ROUNDS = 2, 6
"""Runs of a family at each scale with one client; more where neighbours may look like growth."""
DOUBTFUL = 1.1
"""Growth from which on it may be that."""
PICTURE = ROOT / "docs" / "pictures" / "search-growth.svg"


@dataclass(frozen=True)
class Side:
    """A hub on a record of one size."""

    scale: int
    url: str
    hub: HubProcess
    groups: Mapping[str, int]
    """Process ids whose CPU time counts."""


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def load(url: str, folder: Path, files: Sequence[Path]) -> None:
    """Writes NDJSON into the database as `hub import` does. Raises RuntimeError with the end of its output."""
    environment = os.environ | {"HUB_DATABASE_URL": url, "HUB_DATA": str(folder)}
    command = [sys.executable, "-m", "hub.cli", "import", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"hub import failed: {(done.stdout + done.stderr)[-1000:]}")


def postmaster(url: str) -> int:
    """Process id of the PostgreSQL behind the URL, which is on this machine."""
    with psycopg.connect(url) as connection:
        row = connection.execute("select pg_read_file('postmaster.pid', 0, 20)").fetchone()
    assert row is not None
    return int(row[0].split()[0])


async def _plan(store: ResourceStore, path: str) -> Plan | None:
    parts = urlsplit(path)
    segments = parts.path.split("/")
    if len(segments) > 1:
        return None  # not a search of a type
    return await explained(store, statement_of(segments[0] or None, parse_qsl(parts.query)))


async def plans(url: str, asked: Mapping[str, Sequence[str]]) -> dict[str, Plan]:
    """Family -> of some of its paths the plan that reads most."""
    store = ResourceStore(url, BASE)
    found = {}
    try:
        for name, several in asked.items():
            if any("_cursor" in path for path in several):
                continue  # a cursor is bound to who asked; its plan is that of the first page
            told = [plan for path in several[:8] if (plan := await _plan(store, path)) is not None]
            if told:
                found[name] = max(told, key=lambda plan: plan.read - MANY * plan.returned)
    finally:
        store.close()
    return found


@contextmanager
def served(folder: Path, urls: Mapping[int, str]) -> Iterator[list[Side]]:
    """A hub on each database, by scale; its log at warnings only."""
    with ExitStack() as stack:
        sides = []
        for scale, url in urls.items():
            settings = {"database_url": url, "log_level": "warning"}
            hub = stack.enter_context(HubProcess(folder / f"hub-{scale}", settings))
            assert hub.process is not None
            sides.append(Side(scale, url, hub, {"server": hub.process.pid, "db": postmaster(url)}))
        yield sides


def measure(
    sides: Sequence[Side], families: Sequence[Family], seconds: int, clients: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Scale -> family -> figures. The scales take turns, so that whatever the machine does meanwhile meets them all."""
    drawn = draw(sides[0].hub.client.get)
    asked = {family.name: paths(family, drawn) for family in families}
    told = {side.scale: asyncio.run(plans(side.url, asked)) for side in sides}
    found: dict[int, dict[str, Any]] = {side.scale: {} for side in sides}
    for family in families:
        several = asked[family.name]
        for side in sides:
            for path in several * 2:
                side.hub.client.request("GET", path)  # statements prepared, pages in memory
        for count in clients:
            # With many clients: the smallest record and the largest.
            those = sides if count == 1 else [side for side in sides if side in (sides[0], sides[-1])]
            for scale, run in _rounds(family, those, several, count, seconds).items():
                row = found[scale].setdefault(family.name, {"bytes": run.bytes})
                row[str(count)] = {"p50": run.p50, "p99": run.p99, "cpu": run.cpu, "errors": run.errors}
        for side in sides:
            plan = told[side.scale].get(family.name)
            if plan is not None:
                found[side.scale][family.name] |= {"returned": plan.returned, "read": plan.read, "plan": plan.line}
            say(_words(family, side.scale, found[side.scale][family.name]))
    return found


def _rounds(
    family: Family, sides: Sequence[Side], several: Sequence[str], clients: int, seconds: int
) -> dict[int, Replay]:
    """Scale -> the quietest of its runs: neighbours only ever make them slower."""
    best: dict[int, Replay] = {}
    for number in range(MOST_ROUNDS):
        if number >= (ROUNDS if clients == 1 else 1) and not _doubtful(
            family, [best[side.scale] for side in sides], clients
        ):
            break
        for side in sides if number % 2 == 0 else reversed(sides):
            run = replay(side.hub.client.base, several, clients, seconds, side.groups)
            known = best.get(side.scale)
            if known is None or run.p50 < known.p50:
                best[side.scale] = run
    return best


def _doubtful(family: Family, runs: Sequence[Replay], clients: int) -> bool:
    if clients == 1:
        return runs[-1].p50 > DOUBTFUL * runs[0].p50
    return family.p99 is not None and max(run.p99 for run in runs) > family.p99


def _words(family: Family, scale: int, row: Mapping[str, Any]) -> str:
    parts = [
        f"{count} clients {run['p50']:.2f} / {run['p99']:.2f} ms, {run['cpu']['server']} + {run['cpu']['db']} µs"
        + (f", {run['errors']} errors" if run["errors"] else "")
        for count, run in row.items()
        if count.isdecimal()
    ]
    plan = f"; {row['returned']} of {row['read']} rows: {row['plan']}" if "plan" in row else ""
    return f"{family.name}, {scale}x: {', '.join(parts)}{plan}"


def grown(data: Path, folder: Path, bundles: int | None, scales: Sequence[int]) -> dict[int, Path]:
    """Scale -> folder of a database with so many times the data."""
    say("unpacking")
    first, patients = unpack(data / "synthea" / "synthea-617", folder / "bundles", bundles)
    kept: dict[int, Path] = {}
    growing = folder / "growing"
    for number in range(scales[-1]):
        database = Embedded(growing)
        url = database.start()
        try:
            files = written([*first, *patients] if number == 0 else patients, folder / f"files-{number}", number)
            load(url, folder / "hub", files)
            tidy(url)
        finally:
            database.release()
        say(f"{number + 1}x loaded")
        if number + 1 in scales:
            kept[number + 1] = folder / f"{number + 1}x"
            subprocess.run(["cp", "-a", growing, kept[number + 1]], check=True)
    return kept


def scaled(
    data: Path, folder: Path, bundles: int | None, scales: Sequence[int], families: Sequence[Family], seconds: int
) -> dict[str, dict[str, Any]]:
    """Scale -> resources and figures of each family."""
    with ExitStack() as stack:
        urls: dict[int, str] = {}
        results: dict[str, dict[str, Any]] = {}
        for scale, place in grown(data, folder, bundles, scales).items():
            database = Embedded(place)
            stack.callback(database.release)
            urls[scale] = database.start()
            sizes = disk(urls[scale])
            say(f"{scale}x: {sizes.resources} resources, {sizes.per_resource:.0f} bytes each")
            results[str(scale)] = {"resources": sizes.resources, "bytes": round(sizes.per_resource)}
        sides = stack.enter_context(served(folder, urls))
        for found, rows in measure(sides, families, seconds, (1, 8)).items():
            results[str(found)]["families"] = rows
    return results


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.searches", description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--scales", default="1,2,4", help="comma list of multiples of the data")
    parser.add_argument("--seconds", type=int, default=1, help="of each run")
    parser.add_argument("--bundles", type=int, help="so many of the data only; nothing is kept")
    parser.add_argument("--only", default="", help="families whose name has this in it; nothing is kept")
    parser.add_argument("--database-url", help="measure what is there instead; nothing is kept")
    parser.add_argument("--clients", default="1,8", help="with --database-url: comma list of numbers of clients")
    chosen = parser.parse_args()
    families = [family for family in FAMILIES if chosen.only in family.name]
    facts = figures.facts("python -m bench.searches" + (f" --seconds {chosen.seconds}" if chosen.seconds > 1 else ""))
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name, contextlib.suppress(KeyboardInterrupt):
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        if chosen.database_url:
            clients = [int(one) for one in chosen.clients.split(",")]
            with served(folder, {1: chosen.database_url}) as sides:
                measure(sides, families, chosen.seconds, clients)
            return 0
        scales = sorted(int(one) for one in chosen.scales.split(","))
        results = scaled(chosen.data.resolve(), folder, chosen.bundles, scales, families, chosen.seconds)
        if not (chosen.only or chosen.bundles):
            figures.write("searches", {"facts": facts, "scales": results})
            PICTURE.parent.mkdir(parents=True, exist_ok=True)
            PICTURE.write_text(search_results.picture(results))
            say(f"written: {figures.RESULTS}, {PICTURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
