"""The ERP's whole record beside the hub's, with differences put in on purpose: what is found, invented, how long.

python -m bench.reconciliation [members: 50000] [differences of each of 8 kinds: 63]
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import psycopg

from bench import figures
from bench.roster import ends, roster
from hub.database import opened
from hub.sealing_key import bodies
from hub.settings import read_settings
from messages import runs
from simulators.tasy import population
from simulators.tasy.differences import Seeded
from tests.batch.sets import DAY

SECONDS = 60


def main(members: int = 50_000, each: int = 63) -> None:
    """Measures and keeps the figures."""
    facts = figures.facts(f"python -m bench.reconciliation {members} {each}")
    files, active = roster(members)
    seeded = Seeded(population.members(members, 1, DAY), each, 1, DAY)
    other: dict[str, list[bytes]] = {kind: [] for kind in files}
    lines = ((kind, orjson.loads(line)) for kind, content in files.items() for line in content.splitlines())
    for kind, line in seeded.lines(lines):
        other[kind].append(line if isinstance(line, bytes) else orjson.dumps(line) + b"\n")
    with ends() as found:
        print(found.applied(files, active), flush=True)
        case = found.applied({kind: b"".join(one) for kind, one in other.items()}, active, "RECONCILIACAO")
        settings = read_settings({"HUB_DATA": str(found.hub.folder)})
        with opened(settings) as database, psycopg.connect(database.url) as connection:
            [run] = runs.listed(connection, flow="B-4")
            report = runs.report(connection, bodies(settings), run.id, f"{case['name']}.csv")
        assert report is not None
        there = {
            f"{kind}/{one['id']}"
            for kind in files
            for bundle in found.hub.client.pages(f"{kind}?_count=1000")
            for one in (entry["resource"] for entry in bundle.get("entry", ()))
        }
    rows = {f"{one['recurso']}/{one['id']}": one["tipo"] for one in csv.DictReader(io.StringIO(report.body.decode()))}
    wanted: dict[str, str] = {}
    for one in seeded.told:
        shown = one.references[:1] if one.kind == "duplicate" else one.references
        wanted |= {each: one.kind for each in shown if one.kind != "only-in-hub" or each in there}
    case |= {
        "seeded": len(seeded.told), "records": len(wanted), "found": len(wanted.keys() & rows.keys()),
        "missed": len(wanted.keys() - rows.keys()), "invented": len(rows.keys() - wanted.keys()),
        "kinds": sorted({*wanted.values()}),
    }  # fmt: skip
    print(case)
    figures.write("reconciliation", {"facts": facts, "members": members, "case": case})


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of RESULTS.md."""
    case = found["case"]
    met = "met" if case["seconds"] <= SECONDS and not case["missed"] and not case["invented"] else "**missed**"
    yield f"""\
## Reconciliation

{figures.bullets(found)}

{found["members"]} members on both sides ({case["lines"]} lines), {case["seeded"]} differences of {len(case["kinds"])}
kinds put in, which show in {case["records"]} records: {case["found"]} found, {case["missed"]} missed,
{case["invented"]} invented, in **{case["seconds"]} s** from `hub sync run B-4` to receipt and reports;
{case["memory"]} MB resident.
Target: all, none invented, {SECONDS} s: {met}."""


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
