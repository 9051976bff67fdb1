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
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg

from bench import figures, search_results
from bench.disk import disk, tidy
from bench.families import FAMILIES, MANY, Family, draw, paths
from bench.plans import BASE, Plan, explained, statement_of
from bench.replay import replay
from bench.workload import unpack
from fhir_server.store import ResourceStore
from hub.embedded import Embedded
from mappings.r4 import parse, serialize
from tests.hub_process import ROOT, HubProcess

REPEATS = 2
PICTURE = ROOT / "docs" / "pictures" / "search-growth.svg"


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def others(source: Path, target: Path, number: int) -> Path:
    """The same Bundles about other people: born in other years, with other identifiers. Posted again as they are, each
    person would be there several times, and a search for one would find several."""
    target.mkdir()
    for path in source.iterdir():
        bundle = parse(path.read_bytes())
        assert isinstance(bundle, dict)
        for entry in bundle["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "Patient":
                year, rest = resource["birthDate"][:4], resource["birthDate"][4:].replace("-02-29", "-02-28")
                resource["birthDate"] = f"{int(year) - number}{rest}"
                for identifier in resource["identifier"]:
                    identifier["value"] += f"-{number}"
        (target / path.name).write_bytes(serialize(bundle))
    return target


def load(url: str, folder: Path, *sources: Path) -> None:
    """Writes Bundles into the database as `hub load` does. Raises RuntimeError with the end of its output."""
    environment = os.environ | {"HUB_DATABASE_URL": url, "HUB_DATA": str(folder)}
    command = [
        sys.executable,
        "-c",
        "import sys; from hub.cli import main; sys.exit(main())",
        "load",
        *map(str, sources),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"hub load failed: {(done.stdout + done.stderr)[-1000:]}")


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
def served(folder: Path, url: str) -> Iterator[HubProcess]:
    """A hub on the database; its log at warnings only."""
    with HubProcess(folder, {"database_url": url, "log_level": "warning"}) as hub:
        yield hub


def measure(
    url: str, folder: Path, families: Sequence[Family], drawn: list[dict[str, str]] | None, seconds: int,
    clients: Sequence[int],
) -> tuple[dict[str, Any], list[dict[str, str]]]:  # fmt: skip
    """Family -> figures, and the values drawn."""
    database = postmaster(url)
    rows: dict[str, Any] = {}
    with served(folder, url) as hub:
        assert hub.process is not None
        base = hub.client.base
        again = draw(hub.client.get) if drawn is None else drawn
        groups = {"server": hub.process.pid, "db": database}
        asked = {family.name: paths(family, again) for family in families}
        told = asyncio.run(plans(url, asked))
        for family in families:
            row: dict[str, Any] = {}
            for path in asked[family.name]:
                hub.client.request("GET", path)  # statements prepared, pages in memory
            for count in clients:
                runs = [replay(base, asked[family.name], count, seconds, groups) for _ in range(REPEATS)]
                run = min(runs, key=lambda one: one.p50)  # neighbours only ever make it slower
                row[str(count)] = {"p50": run.p50, "p99": run.p99, "cpu": run.cpu, "errors": run.errors}
                row["bytes"] = run.bytes
            plan = told.get(family.name)
            if plan is not None:
                row |= {"returned": plan.returned, "read": plan.read, "plan": plan.line}
            rows[family.name] = row
            say(f"{family.name}: " + ", ".join(
                f"{count} clients {row[str(count)]['p50']:.2f} / {row[str(count)]['p99']:.2f} ms,"
                f" {row[str(count)]['cpu']['server']} + {row[str(count)]['cpu']['db']} µs"
                + (f", {row[str(count)]['errors']} errors" if row[str(count)]["errors"] else "")
                for count in clients
            ) + (f"; {plan.returned} of {plan.read} rows: {plan.line}" if plan else ""))  # fmt: skip
    return rows, again


def scaled(
    data: Path, folder: Path, bundles: int | None, scales: Sequence[int], families: Sequence[Family], seconds: int
) -> dict[str, dict[str, Any]]:
    """Scale -> resources and figures of each family."""
    say("unpacking")
    first, patients = unpack(data / "synthea" / "synthea-617", folder / "bundles", bundles)
    source = patients[0].parent
    database = Embedded(folder / "postgres")
    url = database.start()
    results: dict[str, dict[str, Any]] = {}
    drawn: list[dict[str, str]] | None = None
    there = 0
    try:
        for scale in scales:
            while there < scale:
                say(f"loading {there + 1}x")
                if there:
                    load(url, folder, others(source, folder / f"others-{there}", there))
                else:
                    load(url, folder, first[0].parent, source)
                there += 1
            tidy(url)
            sizes = disk(url)
            say(f"{scale}x: {sizes.resources} resources, {sizes.per_resource:.0f} bytes each")
            clients = (1, 8) if scale in (scales[0], scales[-1]) else (1,)
            rows, drawn = measure(url, folder / "hub", families, drawn, seconds, clients)
            results[str(scale)] = {
                "resources": sizes.resources, "bytes": round(sizes.per_resource), "families": rows,
            }  # fmt: skip
    finally:
        database.release()
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
            measure(chosen.database_url, folder, families, None, chosen.seconds, clients)
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
