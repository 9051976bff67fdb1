"""The hub and Tasy under a burst, and over an outage, against the simulated Tasy on real sockets.

    python -m bench.tasy [--calls 2000] [--guides 500] [--away 60]

Burst: so many questions about eligibility over 48 connections, a quarter deferred, and every twentieth urgent, five a
second.
Outage: so many guides of a hundred members are submitted while Tasy is away. Ten minutes pass for the queue in --away
seconds: what is due is moved on nine seconds each second (by the ratio of both); the circuit breaker goes by the real
clock. Exit code 1 where a guide is lost, doubled or out of order, or a 429 reached the hub.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from typing import Any

import psycopg

from bench import figures
from hub.embedded import Embedded
from hub.migrate import upgrade
from tests.hub.tasy.conftest import PROVIDERS, SID, Joined, claim, eventually, joined, question

TARGET = 500
"""p95 of urgent questions, in milliseconds."""
MEMBERS, OUTAGE = 100, 600.0
AT_ONCE = 48
Json = Any


def burst(both: Joined, calls: int) -> dict[str, Any]:
    """Questions at once; what came of them."""
    members = [both.member(number) for number in range(20)]
    eventually(lambda: both.partner("rate", "calls"), 60)  # the worker is there
    both.submit(question(members[0]))
    urgent, times, outcomes = calls // 20, list[float](), Counter[str]()
    lock = threading.Lock()

    def ask(number: int, priority: str) -> None:
        begun = time.monotonic()
        answer = both.post("CoverageEligibilityRequest/$submit", question(members[number % 20], priority))
        took = (time.monotonic() - begun) * 1000
        with lock:
            if priority == "stat":
                times.append(took)
            kind = "other" if answer.status != 200 else answer.json()["outcome"]
            outcomes[{"complete": "answered by Tasy", "partial": "provisional"}.get(kind, str(answer.status))] += 1

    before, begun = len(both.calls("")), time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as waiting, ThreadPoolExecutor(20) as hurrying:
        rest = [waiting.submit(ask, number, "normal" if number % 4 else "deferred") for number in range(calls - urgent)]
        for number in range(urgent):
            time.sleep(max(0.0, begun + number / 5 - time.monotonic()))
            hurrying.submit(ask, number, "stat")
        for one in rest:
            one.result()
    statuses = Counter(both.calls("")[before:])
    cuts = quantiles(times, n=20)
    return {
        "calls": calls, "seconds": round(time.monotonic() - begun), "outcomes": dict(outcomes),
        "tasy": {str(status): number for status, number in statuses.items()}, "urgent": urgent,
        "p50": round(cuts[9]), "p95": round(cuts[18]), "most": round(max(times)),
    }  # fmt: skip


def outage(both: Joined, guides: int, away: float) -> dict[str, Any]:
    """Guides submitted while Tasy is away; what came of them."""
    for one in PROVIDERS:
        both.put(one)
    members = [both.member(number) for number in range(MEMBERS)]
    there = len(both.tasy.installation.guides.by_key)
    both.tasy.go()
    begun = time.monotonic()
    times: list[float] = []

    def submit(number: int) -> list[Json]:
        """All guides of a member, one after the other."""
        taken = []
        for place in range(guides // MEMBERS):
            at = time.monotonic()
            taken.append(both.submit(claim(members[number], f"BENCH-{number}-{place}")))
            times.append((time.monotonic() - at) * 1000)
        return taken

    with ThreadPoolExecutor(20) as threads:
        taken = list(threads.map(submit, range(MEMBERS)))
    submitted = time.monotonic() - begun
    protocols = {_number(one, "protocolo") for mine in taken for one in mine}
    with psycopg.connect(str(both.settings.database_url), autocommit=True) as connection:
        until, step = time.monotonic() + away, OUTAGE / away - 1
        while time.monotonic() < until:
            time.sleep(1)
            connection.execute(
                "update messages.message set due = due - make_interval(secs => %s) where due is not null and lease is"
                " null", (step,),
            )  # fmt: skip
        attempts = connection.execute("select max(attempts) from messages.message where flow = 'RT-2'").fetchone()
    both.tasy.come()
    begun, left = time.monotonic(), guides
    while left and time.monotonic() < begun + 900:
        time.sleep(1)
        left = guides - len(both.hub.client.found("ClaimResponse?use=preauthorization&outcome=complete&_count=1000"))
    seconds = time.monotonic() - begun
    disordered = 0
    for mine in taken:
        keys = [_number(both.hub.client.get(f"ClaimResponse/{one['id']}"), "tasy/guia") for one in mine]
        disordered += keys != sorted(keys)
    arrived = len(both.tasy.installation.guides.by_key) - there
    cuts = quantiles(times, n=20)
    return {
        "guides": guides, "protocols": len(protocols - {""}), "submitted": round(submitted, 1), "p95": round(cuts[18]),
        "attempts": attempts[0] if attempts else 0, "arrived": arrived, "undecided": left, "disordered": disordered,
        "drained": round(seconds), "away": away,
    }  # fmt: skip


def _number(response: Json, name: str) -> str:
    return next((one["value"] for one in response["identifier"] if one["system"] == f"{SID}/{name}"), "")


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of the results."""
    one, two = found["burst"], found["outage"]
    yield "## Tasy: a burst, and an outage"
    yield figures.bullets(found)
    said = ", ".join(f"{number} {name}" for name, number in one["outcomes"].items())
    tasy = ", ".join(f"{number} with {status}" for status, number in one["tasy"].items())
    verdict = "met" if one["p95"] <= TARGET else "**missed**"
    yield (
        f"{one['calls']} questions about eligibility over {AT_ONCE} connections, {one['urgent']} of them urgent: all"
        f" answered within {one['seconds']} s ({said}); Tasy answered {tasy}. Urgent ones: p50 {one['p50']} ms, p95"
        f" {one['p95']} ms (target {TARGET}: {verdict}), most {one['most']} ms."
    )
    yield (
        f"{two['guides']} guides submitted while Tasy was away for ten minutes of the queue's time: {two['protocols']}"
        f" protocol numbers in {two['submitted']} s (p95 of a call {two['p95']} ms), at most {two['attempts']} attempts"
        f" at one. Once Tasy was back {two['arrived']} arrived within {two['drained']} s, {two['undecided']} undecided,"
        f" {two['disordered']} members out of order."
    )


def main() -> int:
    """Measures, and keeps the figures; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--guides", type=int, default=500)
    parser.add_argument("--away", type=float, default=60)
    chosen = parser.parse_args()
    facts = figures.facts(f"python -m bench.tasy --calls {chosen.calls} --guides {chosen.guides}")
    with tempfile.TemporaryDirectory(prefix="hub-tasy-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's system user walks through it
        server = Embedded(folder / "postgres")
        url = server.start()
        try:
            upgrade(url)
            for both in joined(folder, url):
                found = {"burst": burst(both, chosen.calls), "outage": outage(both, chosen.guides, chosen.away)}
        finally:
            server.release()
    print(found)
    figures.write("tasy", {"facts": facts, **found})
    two = found["outage"]
    good = two["arrived"] == two["protocols"] == two["guides"] and not two["undecided"] and not two["disordered"]
    return 0 if good and "429" not in found["burst"]["tasy"] else 1


if __name__ == "__main__":
    sys.exit(main())
