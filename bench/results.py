"""Measured figures -> RESULTS.md, held against the targets: a table of sections, each from a file of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import (
    access,
    bulk,
    conversations,
    events,
    reconciliation,
    roster,
    roundtrip,
    search_results,
    subscriptions,
    tasy,
    webhook,
)
from bench.disk import Disk
from bench.figures import bullets, read
from bench.overload import report as overload
from bench.peers import report as peers
from bench.workload import SCENARIOS


@dataclass(frozen=True)
class Target:
    """One line of what must be shown; CPU in microseconds per request at concurrency 32."""

    scenario: str
    words: str
    application: int
    database: int


TARGETS = (
    Target("read", "read by id", 100, 20),
    Target("create", "create Observation", 250, 250),
    Target("update", "update Observation", 300, 300),
    Target("search_vitals", "`Observation?patient=X&category=vital-signs&_count=20`", 250, 250),
    Target("search_code_sort", "`Observation?code=X&_sort=-date&_count=20`", 350, 300),
    Target("search_patient", "`Patient?name=X&birthdate=Y`", 250, 200),
)
EVERYTHING = 15.0, 600_000
"""ms of CPU in all for so many bytes of `$everything`."""
PEER = {
    "read": (2300, 0),
    "search_vitals": (7400, 1100),
    "search_code_sort": (7500, 1600),
    "search_patient": (3600, 1200),
    "search_include": (6600, 800),
    "everything": (137000, 82000),
    "create": (5600, 3800),
    "update": (5700, 4100),
}
"""CPU-µs per request, application and database, of Medplum 5.0.10, as the README of the load driver tells them."""

INGEST, DISK, IDLE, START = 3000, 3500, 300, 4.0
"""Resources/s, bytes per resource, MB, seconds."""


def _cpu(row: Mapping[str, Any], group: str) -> int:
    milliseconds: float = row["median"]["cpu_ms_per_request"].get(group, 0)
    return round(milliseconds * 1000)


def _rows(load: dict[str, Any], concurrency: int) -> dict[str, dict[str, Any]]:
    return {row["scenario"]: row for row in load["results"] if row["concurrency"] == concurrency}


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def targets(figures: Mapping[str, Any]) -> Iterable[str]:
    """Lines of the table of targets."""
    yield "| what | target | measured | |"
    yield "|---|---|---|---|"
    rows = _rows(figures["load"], 32)
    for target in TARGETS:
        if target.scenario not in rows:
            yield f"| {target.words} | {target.application} + {target.database} µs | not answered | **missed** |"
            continue
        application, database = _cpu(rows[target.scenario], "server"), _cpu(rows[target.scenario], "db")
        met = application <= target.application and database <= target.database
        yield (
            f"| {target.words} | {target.application} + {target.database} µs | {application} + {database} µs "
            f"| {_verdict(met)} |"
        )
    if "everything" in rows:
        row = rows["everything"]
        most, size = EVERYTHING
        took = (_cpu(row, "server") + _cpu(row, "db")) / 1000 * size / row["median"]["bytes_per_answer"]
        yield f"| `$everything`, for 0.6 MB | {most:.0f} ms in all | {took:.1f} ms in all | {_verdict(took <= most)} |"
    rate = figures["ingest"]["resources_per_s"]
    yield f"| transaction ingest | {INGEST} resources/s | {rate:.0f} resources/s | {_verdict(rate >= INGEST)} |"
    found = read("bulk")
    if found is not None:
        yield from bulk.targets(found)
    each = Disk.of(figures["disk"]).per_resource
    yield f"| disk per resource | {DISK} bytes | {each:.0f} bytes | {_verdict(each <= DISK)} |"
    idle = figures["idle"]
    yield f"| idle memory of the hub | {IDLE} MB | {idle:.0f} MB | {_verdict(idle <= IDLE)} |"
    start = sorted(figures["starts"])[len(figures["starts"]) // 2]
    yield f"| start on an existing database | {START:.0f} s | {start:.1f} s | {_verdict(start <= START)} |"


def workloads(load: dict[str, Any]) -> Iterable[str]:
    """Lines of the table of workloads."""
    yield "| workload | clients | req/s | p50 ms | p95 ms | p99 ms | CPU µs | peer µs | bytes | errors | noise |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for row in load["results"]:
        m = row["median"]
        yield (
            f"| {row['scenario']} | {row['concurrency']} | {m['rps']:.0f} | {m['p50']} | {m['p95']} | {m['p99']} "
            f"| {_cpu(row, 'server')} + {_cpu(row, 'db')} | {' + '.join(map(str, PEER[row['scenario']]))} "
            f"| {m['bytes_per_answer']} | {m['errors']} "
            f"| {m['noise_max']} |"
        )
    missing = [name for name in SCENARIOS if name not in {row["scenario"] for row in load["results"]}]
    if missing:
        yield f"\nNot answered by the hub, so not measured: {', '.join(missing)}."


def checks(load: dict[str, Any]) -> Iterable[str]:
    """What the driver found out about the meaning of the answers."""
    for name, probe in load["probes"].items():
        said = ", ".join(f"{check} {'yes' if good else '**no**'}" for check, good in probe.get("checks", {}).items())
        yield f"- {name}: status {probe['status']}" + (f"; {said}" if said else "")


def ingest(row: dict[str, Any]) -> str:
    cpu, wall, count = row["cpu_cores"], row["wall_s"], max(row["resources_created"], 1)
    took = row["bundle_ms"]
    each = {group: cpu[group] * wall / count * 1e6 for group in ("server", "db")}
    return (
        f"{row['resources_created']} resources of {row['bundles']} transaction Bundles ({row['bundles_failed']} "
        f"refused, {row['mb_sent']} MB) in {row['wall_s']} s: **{row['resources_per_s']:.0f} resources/s**, "
        f"CPU per resource {each['server']:.0f} µs application + {each['db']:.0f} µs database. A Bundle takes "
        f"{took['p50']} ms (median), {took['p95']} ms (95 %), {took['max']} ms (longest)."
    )


def disk_table(disk: Disk) -> Iterable[str]:
    yield "| table | rows per resource | rows, bytes per resource | indexes, bytes per resource |"
    yield "|---|---|---|---|"
    for table in disk.tables:
        if table.total / max(disk.resources, 1) >= 1:
            yield (
                f"| {table.name} | {table.rows / disk.resources:.2f} | {table.heap / disk.resources:.0f} "
                f"| {table.indexes / disk.resources:.0f} |"
            )
    yield f"| all | | {disk.per_resource:.0f} in all, of which bodies {disk.body / max(disk.resources, 1):.0f} | |"


def main(figures: Mapping[str, Any]) -> Iterable[str]:
    """Parts of the section of `python -m bench`."""
    disk = Disk.of(figures["disk"])
    yield "## Targets"
    yield "CPU per request at 32 clients: application + database."
    yield "\n".join(targets(figures))
    yield "## Workloads"
    yield bullets(figures)
    yield "\n".join(workloads(figures["load"]))
    yield (
        "CPU µs per request: application + database. `peer`: Medplum 5.0.10 on a machine of this kind as the load "
        "driver's README tells it, for orientation: it does not say how many clients and how much data, and was not "
        "measured again here. `noise`: cores taken by others during the noisiest run. One request of each was "
        "looked at closely:"
    )
    yield "\n".join(checks(figures["load"]))
    yield "## Ingest"
    yield ingest(figures["ingest"])
    yield "## Disk"
    yield f"{disk.resources} resources, after `vacuum`, all search parameters indexed."
    yield "\n".join(disk_table(disk))
    yield "## Memory and start"
    yield (
        f"Resident memory of the hub's processes: {figures['idle']:.0f} MB idle after start, {figures['loaded']:.0f} "
        f"MB after all workloads. From `hub serve` to a served /fhir/metadata, the embedded PostgreSQL stopped before: "
        f"{', '.join(f'{second:.1f}' for second in figures['starts'])} s."
    )
    yield "## Steps of a write"
    yield "CPU-µs per resource in one process, shipped sample data (`python -m bench.micro`)."
    yield figures["steps"]


SECTIONS: tuple[tuple[str, Callable[[Mapping[str, Any]], Iterable[str]]], ...] = (
    ("main", main),
    ("searches", search_results.paragraphs),
    ("bulk", bulk.paragraphs),
    ("peers", peers.paragraphs),
    ("subscriptions", subscriptions.paragraphs),
    ("access", access.paragraphs),
    ("roundtrip", roundtrip.paragraphs),
    ("roster", roster.paragraphs),
    ("reconciliation", reconciliation.paragraphs),
    ("overload", overload.paragraphs),
    ("tasy", tasy.paragraphs),
    ("events", events.paragraphs),
    ("webhook", webhook.paragraphs),
    ("conversations", conversations.paragraphs),
    ("conversations-killed", conversations.paragraphs_killed),
)
"""File of figures and what makes the paragraphs of its sections of them, in the order of the page."""


def document() -> str:
    """RESULTS.md."""
    parts = [
        "# Benchmark results",
        "Written by `make bench` and its like; each section tells its command. Everything, the clients too, shares one "
        "machine; CPU per request is the figure that survives that, req/s is not.",
    ]
    for name, paragraphs in SECTIONS:
        figures = read(name)
        if figures is not None:
            parts += paragraphs(figures)
    return "\n\n".join(parts) + "\n"
