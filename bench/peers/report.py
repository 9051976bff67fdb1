"""Figures of the comparison -> paragraphs of RESULTS.md and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from bench.figures import bullets
from bench.workload import SCENARIOS

PICTURE = "peers"


def _mean(figures: Mapping[str, Any], server: str, scenario: str) -> dict[str, float] | None:
    """Means over both passes of a server, None where a workload was not answered."""
    rows = [
        row["median"]
        for each in figures["passes"]
        if each["server"] == server
        for row in each["load"]["results"]
        if row["scenario"] == scenario
    ]
    if not rows:
        return None
    means = {key: fmean(row[key] for row in rows) for key in ("rps", "p50", "p99", "bytes_per_answer", "errors")}
    for group in ("server", "db"):
        means[group] = fmean(row["cpu_ms_per_request"].get(group, 0) * 1000 for row in rows)
    return means


def _pairs(figures: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, float], dict[str, float]]]:
    for scenario in SCENARIOS:
        ours, theirs = _mean(figures, "hub", scenario), _mean(figures, "hapi", scenario)
        if ours is not None and theirs is not None:
            yield scenario, ours, theirs


def ratios(figures: Mapping[str, Any]) -> Iterable[str]:
    """Lines of the table."""
    yield (
        "| workload | hub req/s | HAPI req/s | ratio | hub CPU µs | HAPI CPU µs | ratio | hub p50, p99 ms "
        "| HAPI p50, p99 ms | hub, HAPI bytes | errors |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for scenario, ours, theirs in _pairs(figures):
        cpu = [each["server"] + each["db"] for each in (ours, theirs)]
        yield (
            f"| {scenario} | {ours['rps']:.0f} | {theirs['rps']:.0f} | **{ours['rps'] / theirs['rps']:.1f}** "
            f"| {ours['server']:.0f} + {ours['db']:.0f} | {theirs['server']:.0f} + {theirs['db']:.0f} "
            f"| **{cpu[1] / cpu[0]:.1f}** | {ours['p50']:.1f}, {ours['p99']:.1f} "
            f"| {theirs['p50']:.1f}, {theirs['p99']:.1f} "
            f"| {ours['bytes_per_answer']:.0f}, {theirs['bytes_per_answer']:.0f} "
            f"| {ours['errors']:.0f}, {theirs['errors']:.0f} |"
        )


def _ingest(figures: Mapping[str, Any]) -> Iterable[str]:
    """Lines of the table of ingest."""
    yield "| transaction Bundles | resources/s | ratio | CPU µs per resource | ratio | Bundle p50, max ms |"
    yield "|---|---|---|---|---|---|"
    rows = figures["ingest"]
    cpu = {
        name: {group: row["cpu_cores"][group] * row["wall_s"] / row["resources_created"] * 1e6 for group in
               ("server", "db")}
        for name, row in rows.items()
    }  # fmt: skip
    for name, words in (("hub", "hub"), ("hapi", "HAPI"), ("hapi_mass", "HAPI, mass ingestion mode")):
        row, used = rows[name], cpu[name]
        yield (
            f"| {words} | {row['resources_per_s']:.0f} | {rows['hub']['resources_per_s'] / row['resources_per_s']:.1f} "
            f"| {used['server']:.0f} + {used['db']:.0f} | {sum(used.values()) / sum(cpu['hub'].values()):.1f} "
            f"| {row['bundle_ms']['p50']:.0f}, {row['bundle_ms']['max']:.0f} |"
        )


def _failed(figures: Mapping[str, Any]) -> list[str]:
    """Answers that did not mean what they should, by the driver's checks."""
    return [
        f"{each['server']} {scenario}: {check}"
        for each in figures["passes"]
        for scenario, probe in each["load"]["probes"].items()
        for check, good in probe.get("checks", {}).items()
        if not good
    ]


def paragraphs(figures: Mapping[str, Any]) -> Iterable[str]:
    """The section of RESULTS.md."""
    yield "## Beside HAPI FHIR"
    yield bullets(figures)
    yield "\n".join(ratios(figures))
    yield (
        "Ratios: how many times more requests the hub answers, and how many times more CPU (application and database) "
        "a request takes HAPI. Means of two passes. Both answer in one page whatever `$everything` finds. HAPI "
        "validates nothing beyond what its parser sees; the hub validates every write against the R4 definitions. HAPI "
        "may answer a search from one up to a minute old, its default; the hub always searches. "
        "[bench/peers/README.md](peers/README.md) lists every setting."
    )
    failed = _failed(figures)
    yield (
        "All answers meant what they should, by the driver's checks." if not failed else f"Wrong: {'; '.join(failed)}."
    )
    yield f"![CPU per request](../docs/pictures/{PICTURE}.svg)"
    yield "\n".join(_ingest(figures))


def picture(figures: Mapping[str, Any]) -> None:
    """docs/pictures/peers.svg: CPU per request, both servers."""
    from bench.pictures import bars  # only who measures needs the plotting library

    pairs = list(_pairs(figures))
    series = {
        "hub": [ours["server"] + ours["db"] for _, ours, _ in pairs],
        "HAPI FHIR": [theirs["server"] + theirs["db"] for _, _, theirs in pairs],
    }
    bars(PICTURE, [scenario for scenario, _, _ in pairs], series, "CPU µs per request, application and database")
