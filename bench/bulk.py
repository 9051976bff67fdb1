"""Bulk workloads: $export of the whole record of a served hub, $import of that into an empty one; figures/bulk.json.

python -m bench.bulk [../shared/data] [--quick]

Seconds are those from the request to what the job says: an import is done when everything is stored and found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench import figures
from bench.processes import cpu
from bench.workload import unpack
from hub.embedded import Embedded
from tests.hub_process import ROOT, Client, HubProcess

QUICK_BUNDLES = 60
LOOK_SECONDS = 0.1
EXPORT, IMPORT, RESIDENT = 25_000, 8_000, 300
"""What is aimed at: resources/s, and MB an export may take."""


def busy() -> float:
    """CPU seconds of everybody on the machine."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait)


def work(hub: HubProcess, database: Embedded, url: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Has the hub carry a job out: what it answers at the end, and what that took."""
    assert hub.process is not None
    postmaster = database.running()
    assert postmaster is not None
    began = cpu(hub.process.pid), cpu(postmaster), busy()
    answer = hub.client.request(method, path, body, {"Prefer": "respond-async"})
    if answer.status != 202:
        raise RuntimeError(f"{path}: {answer.status} {answer.body[:500].decode(errors='replace')}")
    where = answer.headers["content-location"]
    most = 0.0
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "select state, finished - created from job where id = %s", [where.rpartition("/")[2]]
            ).fetchone()
            assert row is not None
            if row[0] not in ("waiting", "running"):
                break
            most = max(most, sum(each.memory_info().rss for each in psutil.Process(hub.process.pid).children(True)))
            time.sleep(LOOK_SECONDS)
    ended = cpu(hub.process.pid), cpu(postmaster), busy()
    server, servers_of_database, everybody = (after - before for before, after in zip(began, ended, strict=True))
    told = hub.client.request("GET", where)
    if told.status != 200:
        raise RuntimeError(f"{path}: {told.status} {told.body[:500].decode(errors='replace')}")
    manifest, seconds = told.json(), row[1] / 1e6
    return {
        "manifest": manifest,
        "resources": sum(one["count"] for one in manifest["output"]),
        "seconds": seconds,
        "server": server,
        "database": servers_of_database,
        "noise": (everybody - server - servers_of_database) / seconds,
        "resident": most / 1e6,
    }


def fetch(client: Client, manifest: Mapping[str, Any], folder: Path) -> list[dict[str, str]]:
    """The files of an export on disk, as inputs of an import."""
    folder.mkdir()
    inputs = []
    for number, one in enumerate(manifest["output"], 1):
        path = folder / f"{number}.{one['type']}.ndjson"
        path.write_bytes(client.request("GET", one["url"]).body)
        inputs.append({"type": one["type"], "url": path.as_uri()})
    return inputs


def load(hub: HubProcess, bundles: Iterable[Path]) -> None:
    """Posts transaction Bundles. Raises RuntimeError for one that is refused."""
    for bundle in bundles:
        answer = hub.client.request("POST", "", bundle.read_bytes())
        if answer.status != 200:
            raise RuntimeError(f"{bundle.name}: {answer.status}")


def measure(data: Path, folder: Path, quick: bool) -> dict[str, Any]:
    """Both workloads, in a folder of their own."""
    facts = figures.facts("python -m bench.bulk" + (" --quick" if quick else ""))
    first, patients = unpack(data / "synthea" / "synthea-617", folder / "bundles", QUICK_BUNDLES if quick else None)
    facts["data"] = f"{len(first) + len(patients)} bundles of synthea-617"
    files = folder / "files"
    source, target = (
        HubProcess(folder / name, {"import_sources": files.as_uri() + "/"}) for name in ("source", "target")
    )
    found: dict[str, Any] = {"facts": facts}
    inputs: list[dict[str, str]] = []
    for hub in (source, target):
        hub.folder.mkdir()
        database = Embedded(hub.folder / "postgres")
        url = database.start()
        try:
            hub.start()
            if hub is source:
                load(hub, [*first, *patients])
                found["export"] = exported = work(hub, database, url, "GET", "$export")
                inputs = fetch(hub.client, exported.pop("manifest"), files)
                exported["mb"] = sum(path.stat().st_size for path in files.iterdir()) / 1e6
            else:
                found["import"] = imported = work(hub, database, url, "POST", "$import", {"input": inputs})
                imported["errors"] = len(imported.pop("manifest")["error"])
        finally:
            hub.kill()
            database.start()  # also what a killed hub left running is stopped
            database.release()
    if found["import"]["resources"] != found["export"]["resources"] or found["import"]["errors"]:
        raise RuntimeError("what was imported is not what was exported")
    return found


def rate(row: Mapping[str, Any]) -> float:
    """Resources per second."""
    return float(row["resources"] / row["seconds"])


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of RESULTS.md."""
    yield "## Bulk export and import"
    yield figures.bullets(found)
    lines = ["| job | resources | seconds | resources/s | CPU µs per resource | resident MB | noise |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name in ("export", "import"):
        row = found[name]
        each = " + ".join(f"{row[part] / row['resources'] * 1e6:.0f}" for part in ("server", "database"))
        lines.append(
            f"| `${name}` | {row['resources']} | {row['seconds']:.1f} | **{rate(row):.0f}** | {each} "
            f"| {row['resident']:.0f} | {row['noise']:.2f} |"
        )
    yield "\n".join(lines)
    yield (
        "CPU: application + database. `resident`: the most of the processes that work on jobs, together. `noise`: "
        "cores taken by others meanwhile. The import checks every resource and writes all its search rows; it is done "
        "when they are found, statistics and visibility maps are fresh, and references that lead nowhere are counted."
    )


def targets(found: Mapping[str, Any]) -> Iterable[str]:
    """Lines of the table of targets."""
    for name, least in (("import", IMPORT), ("export", EXPORT)):
        row = found[name]
        words = "met" if rate(row) >= least else "**missed**"
        yield f"| `${name}` | {least} resources/s | {rate(row):.0f} resources/s | {words} |"
    resident = found["export"]["resident"]
    words = "met" if resident < RESIDENT else "**missed**"
    yield f"| resident memory of `$export` | {RESIDENT} MB | {resident:.0f} MB | {words} |"


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.bulk", description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_BUNDLES} bundles; prints, writes nothing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        found = measure(arguments.data.resolve(), folder, arguments.quick)
    if arguments.quick:
        print(json.dumps(found, indent=1))
    else:
        figures.write("bulk", found)
    print("\n\n".join(paragraphs(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
