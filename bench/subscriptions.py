"""Time from a write to its delivery: python -m bench.subscriptions [writes per second: 200] [seconds: 10]

The clock starts when the client sends the write and stops when the endpoint has read the notification.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from tests.hub_process import HubProcess
from tests.journeys.listener import endpoint_in_thread, subscription

WRITERS = 10
CRITERIA = "Observation?code=http://loinc.org|8867-4"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content"


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(kind: str, rate: int, seconds: int, workers: int, others: int) -> str:
    """One line of the table. others: subscriptions that never match, beside the one that does."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        settings = {"outbound_schemes": "http", "outbound_loopback": "true", "workers": str(workers),
                    "log_level": "warning"}  # fmt: skip
        with HubProcess(Path(folder), settings) as hub, endpoint_in_thread() as endpoint:
            asked: dict[str, Any] = subscription(endpoint, CRITERIA)
            if kind == "topic":
                asked["criteria"] = f"{hub.client.base}/SubscriptionTopic/resource-change"
                asked["channel"]["_payload"] = {"extension": [{"url": BACKPORT, "valueCode": "full-resource"}]}
            hub.client.request("POST", "Subscription", asked)
            for number in range(others):
                other = subscription(endpoint, f"Observation?code=http://loinc.org|no-{number}&date=ge2020")
                hub.client.request("POST", "Subscription", other)
            time.sleep(2)
            before = cpu(hub)
            sent, begun = write(hub, rate, seconds)
            limit = time.monotonic() + 20
            while len(endpoint.told) < len(sent) and kind == "r4" and time.monotonic() < limit:
                time.sleep(0.05)
            time.sleep(1)
            spent = cpu(hub) - before
            arrived = arrivals(endpoint.told)
    delays = [1000 * (arrived[id] - at) for id, at in sent.items() if id in arrived]
    return (
        f"| {kind}, {workers} worker(s), {others} others | {len(sent) / begun:.0f} | {len(sent) - len(delays)} |"
        f" {percentile(delays, 0.5):.0f} | {percentile(delays, 0.95):.0f} | {max(delays):.0f} |"
        f" {1e6 * spent / len(sent):.0f} |"
    )


def arrivals(told: list[Any]) -> dict[str, float]:
    """Id of a resource -> when the endpoint was told of it."""
    found: dict[str, float] = {}
    for one in told:
        body = one.json()
        resources = [entry["resource"] for entry in body["entry"]] if body["resourceType"] == "Bundle" else [body]
        for resource in resources:
            found.setdefault(resource["id"], one.at)
    return found


def write(hub: HubProcess, rate: int, seconds: int) -> tuple[dict[str, float], float]:
    """Id -> when its creation was sent; and the seconds all took."""
    sent: dict[str, float] = {}
    lock = threading.Lock()
    start = time.monotonic()

    def one(writer: int) -> None:
        for turn in range(rate * seconds // WRITERS):
            wait = start + (turn * WRITERS + writer) / rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            row = {"resourceType": "Observation", "status": "final", "valueInteger": turn,
                   "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}}  # fmt: skip
            at = time.time()
            answer = hub.client.request("POST", "Observation", row)
            with lock:
                sent[answer.json()["id"]] = at

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(one, range(WRITERS)))
    return sent, time.monotonic() - start


def cpu(hub: HubProcess) -> float:
    """Seconds of CPU of the hub's processes, not of its database."""
    assert hub.process is not None
    processes = [psutil.Process(hub.process.pid), *psutil.Process(hub.process.pid).children(recursive=True)]
    times = [one.cpu_times() for one in processes if "postgres" not in one.name()]
    return sum(one.user + one.system for one in times)


def main() -> None:
    """Prints the table."""
    rate, seconds = (int(sys.argv[1]) if len(sys.argv) > 1 else 200), (int(sys.argv[2]) if len(sys.argv) > 2 else 10)
    print("| subscription | writes/s | lost | p50 ms | p95 ms | most ms | hub CPU µs per write |")
    print("|---|---|---|---|---|---|---|")
    for kind, workers, others in (("r4", 1, 0), ("topic", 1, 0), ("r4", 2, 0), ("r4", 1, 100)):
        print(measure(kind, rate, seconds, workers, others), flush=True)


if __name__ == "__main__":
    main()
