"""Time from a write to its delivery, by rest-hook and websocket; what is lost, and what comes out of order.

    python -m bench.subscriptions [writes per second: 200] [seconds: 10]

The clock starts when the client sends the write and stops when the endpoint has read the notification.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import figures
from bench.processes import cpu
from tests.hub_process import HubProcess
from tests.journeys.listener import by_topic, endpoint_in_thread, subscription, websocket_in_thread

WRITERS, RESOURCES = 10, 20
"""Clients that write, and resources that each changes in turn."""
CRITERIA = "Observation?code=http://loinc.org|8867-4"
TARGET = 150
"""Milliseconds from write to delivery, 95 %."""
AWAY_SECONDS = 2

Version = tuple[str, int]


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    kind: str
    """r4, topic or websocket."""
    workers: int = 1
    others: int = 0
    """Subscriptions that never match, beside the one that does."""
    away: bool = False
    """The endpoint refuses, or the client of the websocket is gone, for some seconds amid the writes."""

    @property
    def words(self) -> str:
        """The case in words."""
        name = {"r4": "rest-hook, R4 with payload", "topic": "rest-hook, topic with full resources",
                "websocket": "websocket, topic with full resources"}[self.kind]  # fmt: skip
        more = [f"{self.workers} workers"] * (self.workers > 1) + [f"{self.others} others"] * (self.others > 0)
        return ", ".join([name, *more, *([f"away for {AWAY_SECONDS} s"] if self.away else [])])


CASES = (
    Case("r4"), Case("topic"), Case("websocket"), Case("r4", workers=2), Case("websocket", workers=2),
    Case("r4", others=100), Case("r4", away=True), Case("websocket", away=True),
)  # fmt: skip


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(case: Case, rate: int, seconds: int) -> dict[str, Any]:
    """The figures of a case."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        settings = {"outbound_schemes": "http", "outbound_loopback": "true", "workers": str(case.workers),
                    "log_level": "warning"}  # fmt: skip
        hub = stack.enter_context(HubProcess(folder, settings))
        endpoint = stack.enter_context(endpoint_in_thread())
        asked: dict[str, Any] = dict(subscription(endpoint, CRITERIA))
        if case.kind == "topic":
            asked = by_topic(hub.client, CRITERIA, type="rest-hook", endpoint=endpoint.url)
        elif case.kind == "websocket":
            asked = by_topic(hub.client, CRITERIA, type="websocket")
        id = hub.client.request("POST", "Subscription", asked).json()["id"]
        for number in range(case.others):
            other = subscription(endpoint, f"Observation?code=http://loinc.org|no-{number}&date=ge2020")
            hub.client.request("POST", "Subscription", other)
        socket = stack.enter_context(websocket_in_thread(hub.client, id)) if case.kind == "websocket" else None
        time.sleep(2)

        def go_away() -> None:
            time.sleep(seconds / 3)
            endpoint.always = 500
            if socket is not None:
                socket.away.set()
            time.sleep(AWAY_SECONDS)
            endpoint.always = 200
            if socket is not None:
                socket.away.clear()

        if case.away:
            threading.Thread(target=go_away, daemon=True).start()
        assert hub.process is not None
        before = cpu(hub.process.pid, without="postgres")
        sent, took = write(hub, rate, seconds)

        def arrived() -> list[tuple[Version, float]]:
            """Versions as they came; by websocket without those whose number had come before."""
            if socket is not None:
                return [(version(socket.told[n][1]["resource"]), socket.told[n][0]) for n in list(socket.order)]
            return [(version(found), one.at) for one in endpoint.taken() for found in resources(one.json())]

        limit = time.monotonic() + 30
        while len(sent.keys() - dict(arrived()).keys()) and time.monotonic() < limit:
            time.sleep(0.2)
        spent, order = cpu(hub.process.pid, without="postgres") - before, arrived()
    came: dict[Version, float] = {}
    for name, at in order:
        came.setdefault(name, at)
    delays = [1000 * (came[name] - at) for name, at in sent.items() if name in came]
    return {
        "case": asdict(case),
        "rate": round(len(sent) / took),
        "writes": len(sent),
        "lost": len(sent) - len(delays),
        "disordered": disordered(name for name, _ in order),
        "p50": round(percentile(delays, 0.5)),
        "p95": round(percentile(delays, 0.95)),
        "most": round(max(delays)),
        "cpu": round(1e6 * spent / len(sent)),
    }


def version(resource: Mapping[str, Any]) -> Version:
    return resource["id"], int(resource["meta"]["versionId"])


def resources(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a notification brings."""
    if body["resourceType"] == "Bundle":
        yield from (entry["resource"] for entry in body["entry"][1:])
    else:
        yield body


def disordered(versions: Iterable[Version]) -> int:
    """How many came after a newer one of the same resource."""
    newest: defaultdict[str, int] = defaultdict(int)
    found = 0
    for id, number in versions:
        found += number < newest[id]
        newest[id] = max(newest[id], number)
    return found


def write(hub: HubProcess, rate: int, seconds: int) -> tuple[dict[Version, float], float]:
    """Version -> when it was sent; and the seconds all took."""
    sent: dict[Version, float] = {}
    lock = threading.Lock()
    start = time.monotonic()

    def one(writer: int) -> None:
        for turn in range(rate * seconds // WRITERS):
            wait = start + (turn * WRITERS + writer) / rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            id = f"w{writer}-{turn % RESOURCES}"
            row = {"resourceType": "Observation", "id": id, "status": "final", "valueInteger": turn,
                   "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}}  # fmt: skip
            at = time.time()
            answer = hub.client.request("PUT", f"Observation/{id}", row)
            with lock:
                sent[version(answer.json())] = at

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(one, range(WRITERS)))
    return sent, time.monotonic() - start


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of the results."""
    yield "## Subscriptions: from write to delivery"
    yield figures.bullets(found)
    lines = [
        f"| subscription | writes/s | lost | out of order | p50 ms | p95 ms (target {TARGET}) | most ms"
        " | hub CPU µs per write |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found["cases"]:
        case = Case(**row["case"])
        verdict = "" if case.away else ", met" if row["p95"] <= TARGET else ", **missed**"
        times = f"{row['p50']} | {row['p95']}{verdict} | {row['most']}"
        lines.append(f"| {case.words} | {row['rate']} | {row['lost']} | {row['disordered']} | {times} | {row['cpu']} |")
    yield "\n".join(lines)
    yield (
        "Where the endpoint is away the times are those of being away. What a websocket is told again after a break "
        "is known by its number and not counted twice."
    )


def main() -> None:
    """Measures, and keeps the figures."""
    rate, seconds = (int(sys.argv[1]) if len(sys.argv) > 1 else 200), (int(sys.argv[2]) if len(sys.argv) > 2 else 10)
    facts = figures.facts(f"python -m bench.subscriptions {rate} {seconds}")
    cases = []
    for case in CASES:
        cases.append(measure(case, rate, seconds))
        print(case.words, {name: value for name, value in cases[-1].items() if name != "case"}, flush=True)
    figures.write("subscriptions", {"facts": facts, "cases": cases})


if __name__ == "__main__":
    main()
