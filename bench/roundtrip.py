"""The whole record out of one hub and into an empty one, and back out: equal, resource by resource?

    python -m bench.roundtrip [../shared/data] [--bundles N]

Loads synthea-617 by `hub load`, exports it by `hub export`, imports that by `hub import`, exports it again, as NDJSON
and as Parquet, and holds the exports against each other. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench import figures
from bench.processes import resident
from bench.workload import unpack
from tests.bulk_comparison import Comparison, compared, exported
from tests.hub_process import ROOT


def run(data: Path, *arguments: str) -> dict[str, float]:
    """A command of a hub of its own: seconds, and most MB resident of its processes. Raises RuntimeError."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", *arguments], cwd=ROOT, env=environment | {"HUB_DATA": str(data)},
            stdout=told, stderr=told,
        )  # fmt: skip
        begun, most = time.monotonic(), 0.0
        while process.poll() is None:
            most = max(most, resident(process.pid, without="postgres"))
            time.sleep(0.2)
        seconds = time.monotonic() - begun
        told.seek(0)
        output = told.read().decode(errors="replace")
    if process.returncode != 0:
        raise RuntimeError(f"hub {arguments[0]}: exit code {process.returncode}\n{output[-2000:]}")
    print(f"hub {arguments[0]}: {seconds:.0f} s", *output.strip().splitlines()[-1:], flush=True)
    return {"seconds": seconds, "mb": most}


def parquet(folder: Path) -> Iterator[bytes]:
    """The resources of an export as Parquet."""
    for path in sorted(folder.glob("*.parquet")):
        file = pq.ParquetFile(path)
        for group in file.iter_batches(columns=["_json"]):
            yield from (line.encode() for line in group["_json"].to_pylist())


def measure(data: Path, folder: Path, bundles: int | None) -> tuple[dict[str, Any], Comparison, Comparison]:
    """The figures, and what both ways have in common with the first export."""
    source = data / "synthea" / "synthea-617"
    if bundles is not None:
        first, _ = unpack(source, folder / "bundles", bundles)
        source = first[0].parent.parent
    one, other, out, back = folder / "one", folder / "other", folder / "out", folder / "back"
    loaded = [str(path) for path in (source / "first", source / "patients") if path.exists()] or [str(source)]
    steps = {"load": run(one, "load", *loaded)}
    steps["export"] = run(one, "export", str(out))
    steps["import"] = run(other, "import", str(out))
    steps["export again"] = run(other, "export", str(back))
    steps["export as Parquet"] = run(other, "export", "--format", "parquet", str(folder / "columns"))
    whole, columns = compared(exported(out), exported(back)), compared(exported(out), parquet(folder / "columns"))
    found = {
        "steps": steps,
        "resources": sum(1 for _ in exported(out)),
        "equal": whole.equal.total(),
        "words": str(whole),
        "words_parquet": str(columns),
        "same": whole.same and columns.same,
        "mb": {name: sum(f.stat().st_size for f in (folder / name).iterdir()) / 1e6 for name in ("out", "columns")},
    }
    return found, whole, columns


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of the results."""
    yield "## Out of one hub, into another"
    yield figures.bullets(found)
    yield (
        f"`hub export`, `hub import` into an empty hub, `hub export` of that: {found['words']}. As Parquet: "
        f"{found['words_parquet']}. Compared byte for byte, but for `meta.versionId` and `meta.lastUpdated`, which "
        f"each store sets itself. NDJSON {found['mb']['out']:.0f} MB, Parquet {found['mb']['columns']:.0f} MB."
    )
    lines = ["| step | seconds | resources/s | most MB resident |", "|---|---|---|---|"]
    for name, step in found["steps"].items():
        rate = found["resources"] / step["seconds"]
        lines.append(f"| {name} | {step['seconds']:.1f} | {rate:,.0f} | {step['mb']:.0f} |")
    yield "\n".join(lines)
    yield "With the start and the end of the database; memory of all processes of the hub, without PostgreSQL's."


def main() -> int:
    """Measures, and keeps the figures; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--bundles", type=int, help="only so many patients")
    chosen = parser.parse_args()
    facts = figures.facts("python -m bench.roundtrip" + (f" --bundles {chosen.bundles}" if chosen.bundles else ""))
    with tempfile.TemporaryDirectory(prefix="hub-roundtrip-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's system user walks through it
        found, whole, columns = measure(chosen.data, Path(folder), chosen.bundles)
    figures.write("roundtrip", {"facts": facts, **found})
    print("NDJSON:", whole, "\nParquet:", columns)
    return 0 if found["same"] else 1


if __name__ == "__main__":
    sys.exit(main())
