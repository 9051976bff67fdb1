"""What was measured under overload -> figures, paragraphs of RESULTS.md and a picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.figures import bullets

if TYPE_CHECKING:
    from bench.overload.arrivals import Answered

WINDOW = 5.0
"""Seconds that make one point of the picture."""
PICTURE = "overload"
RECOVERY, GROWTH = 5.0, 1.15
"""Seconds; memory of the last quarter over that of the second."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def summary(answered: Iterable[Answered], lag: Sequence[float], seconds: float) -> dict[str, Any]:
    """Counts, latencies of the admitted by kind, and the course of both, in seconds and milliseconds."""
    kinds: defaultdict[str, list[float]] = defaultdict(list)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    course: defaultdict[int, dict[str, list[float]]] = defaultdict(lambda: {"admitted": [], "refused": []})
    for one in answered:
        counts[one.kind][str(one.status)] += 1
        if one.status > 0:
            refused = one.status == 503
            window = course[int(min(one.due, seconds - 0.001) // WINDOW)]
            window["refused" if refused else "admitted"].append(one.took * 1000)
            if not refused:
                kinds[one.kind].append(one.took * 1000)
    every = [took for each in kinds.values() for took in each]
    refusals = [took for window in course.values() for took in window["refused"]]
    return {
        "counts": {kind: dict(sorted(each.items())) for kind, each in counts.items()},
        "latency": {
            name: [percentile(each, 0.5), percentile(each, 0.99), max(each)]
            for name, each in {"all": every, "refused": refusals, **kinds}.items()
            if each
        },
        "lag": [percentile(lag, 0.5) * 1000, percentile(lag, 0.99) * 1000],
        "course": [
            [number * WINDOW, len(each["admitted"]) / WINDOW, len(each["refused"]) / WINDOW,
             percentile(each["admitted"], 0.5), percentile(each["admitted"], 0.99)]
            for number, each in sorted(course.items())
        ],
    }  # fmt: skip


def statuses(figures: Mapping[str, Any]) -> Counter[str]:
    """All answers by status."""
    total = Counter[str]()
    for each in figures["counts"].values():
        total.update(each)
    return total


def _memory(figures: Mapping[str, Any]) -> tuple[float, float]:
    """The most in the second and in the last quarter, MB: in the first caches fill."""
    values = [value for _, value in figures["memory"]]
    quarter = len(values) // 4
    return max(values[quarter : 2 * quarter] or values), max(values[-quarter:] or values)


def faults(figures: Mapping[str, Any]) -> list[str]:
    """What must not happen and did."""
    found = [f"{count} answers {status}" for status, count in statuses(figures).items()
             if status.startswith("5") and status != "503"]  # fmt: skip
    if lost := statuses(figures)["0"]:
        found.append(f"{lost} connections lost")
    if figures["recovery"] > RECOVERY:
        found.append(f"quick again only after {figures['recovery']:.1f} s")
    early, late = _memory(figures)
    if late > early * GROWTH:
        found.append(f"memory grew from {early:.0f} to {late:.0f} MB")
    return found


def paragraphs(figures: Mapping[str, Any]) -> Iterable[str]:
    """The section of RESULTS.md."""
    yield "## Overload"
    yield bullets(figures)
    counts, early_late = statuses(figures), _memory(figures)
    admitted = sum(count for status, count in counts.items() if status not in ("503", "0", "-1"))
    yield (
        f"{figures['capacity']:.0f} requests a second of the mix are answered to 32 clients that never pause; "
        f"{figures['offered']:.0f} were offered, whether or not earlier ones had been answered, for "
        f"{figures['seconds']} s. All of it, the load generator too, shares the machine. Admitted "
        f"{admitted / figures['seconds']:.0f} a second, refused with 503 {counts['503'] / figures['seconds']:.0f}."
    )
    found = faults(figures)
    yield (
        f"**Must not happen and did: {'; '.join(found)}.**"
        if found
        else (
            f"No 5xx but 503, no connection lost; quick again {figures['recovery']:.1f} s after the load ended; the "
            f"hub's memory at most {early_late[0]:.0f} MB in the second quarter, {early_late[1]:.0f} MB in the last."
        )
    )
    yield "\n".join(_table(figures))
    refusal = figures["refusal"]
    yield (
        f"Milliseconds from when a request was due, the generator's own delay with it (p50 {figures['lag'][0]:.1f}, "
        f"p99 {figures['lag'][1]:.1f}). A refused request costs {refusal['cpu_us']:.0f} µs of CPU. Clients that leave "
        f"after 30 ms: {counts['-1']}. Beside it {', '.join(f'{v} {k}' for k, v in figures['slow_closed'].items())} "
        "connections of dawdling clients were closed by the hub (heads, bodies and answers that come or go too slowly)."
    )
    yield f"![Admitted and refused, latency, memory](../docs/pictures/{PICTURE}.svg)"


def _table(figures: Mapping[str, Any]) -> Iterable[str]:
    yield "| what | requests | admitted | p50 ms | p99 ms | max ms |"
    yield "|---|---|---|---|---|---|"
    for kind, (median, most, longest) in figures["latency"].items():
        counted = figures["counts"].get(kind)
        if counted is None:
            counted = statuses(figures) if kind == "all" else {"503": statuses(figures)["503"]}
        total = sum(counted.values())
        share = "" if kind == "refused" else f"{1 - (counted.get('503', 0) / total):.0%}"
        yield f"| {kind} | {total} | {share} | {median:.0f} | {most:.0f} | {longest:.0f} |"


def picture(figures: Mapping[str, Any]) -> None:
    """docs/pictures/overload.svg."""
    from bench.pictures import lines  # only who measures needs the plotting library

    course = figures["course"]
    lines(
        PICTURE,
        {
            "requests/s": {
                "admitted": [(row[0], row[1]) for row in course], "refused": [(row[0], row[2]) for row in course],
            },
            "admitted, ms": {"p50": [(row[0], row[3]) for row in course], "p99": [(row[0], row[4]) for row in course]},
            "memory, MB": {"hub": figures["memory"]},
        },
        "seconds",
    )  # fmt: skip
