"""What access control costs: a token's check, and reading and searching with a token beside an open hub.

    python -m bench.access [--rounds 5] [--seconds 3]

Three hubs, one open, one that asks for tokens, one that keeps an audit trail as well, are asked the same in turns, so
that it shows which wall costs what. Each has a copy of the same database: what a hub does beside answering (relaying
changes, sealing the trail) it does for itself.
Takes the shipped sample data, so it needs nothing beside the project but wrk.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

from bench import figures
from bench.processes import cpu
from bench.replay import replay
from hub.authorization import engine, known
from hub.embedded import Embedded
from smart_auth import access_token
from smart_auth.access_token import Grant, Site
from smart_auth.bearer import Bearer
from smart_auth.feed import Feed
from smart_auth.scopes import parse
from smart_auth.seal import Seal, new_key
from tests.hub_process import HubProcess

CLIENTS = 32
_SETTLED = 0.8
"""Seconds after which what was put off until a turn has ended is done: the trail is sealed twice a second."""
_OF_ALL = ("writer", "checkpointer", "io worker")
"""Processes of the database that work for whoever is asked."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks whom."""

    base: str
    process: int
    """Of the hub that is asked."""
    database: str
    """Its name."""
    token: str
    """"" where none is needed."""


class Tokens:
    """Issues tokens of a hub."""

    def __init__(self, url: str, key: str, site: Site) -> None:
        self.tables, self.seal, self.site = engine(url), Seal(key), site

    def issue(self, scope: str, patient: str | None = None, *roles: str) -> str:
        with self.tables.begin() as connection:
            user = "Practitioner/bench" if roles else None
            grant = Grant("bench", "bench", parse(scope, known), patient=patient, fhir_user=user, roles=roles)
            return access_token.issue(connection, self.seal, self.site, grant, 3600)


def checks(tokens: Tokens, count: int = 400) -> dict[str, float]:
    """Microseconds of CPU per check: of tokens never seen before, and of one seen before."""
    feed = Feed(tokens.tables)
    feed.start()
    issued = [tokens.issue("patient/*.rs", "1") for _ in range(count)]

    async def all_of_it() -> dict[str, float]:
        best = {"first": float("inf"), "again": float("inf")}
        for _ in range(5):
            bearer = Bearer(tokens.site, feed, known)
            await bearer.access(tokens.issue("patient/*.rs", "1"))
            for name in best:
                began = time.process_time()
                for one in issued:
                    await bearer.access(one)
                best[name] = min(best[name], round((time.process_time() - began) / count * 1e6, 1))
        return best

    try:
        return asyncio.run(all_of_it())
    finally:
        feed.stop()


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of a request in µs."""

    hub: float
    database: float

    @property
    def whole(self) -> float:
        return self.hub + self.database


def compared(
    callers: Mapping[str, Caller], paths: Sequence[str], postmaster: int, rounds: int, seconds: int
) -> dict[str, tuple[int, int, int]]:
    """CPU µs per request, of hub and of database, and how many percent more than the first caller, by kind of caller.

    In each round all take a turn of some seconds each, forwards or backwards, and are compared with the first one's;
    the median counts, for what else the machine does meets all alike. Turns of a second are too short: what is sealed
    afterwards, and what a hub does for itself meanwhile, would weigh too much.
    """
    found: dict[str, list[Cost]] = {name: [] for name in callers}
    for number in range(rounds + 1):
        for name in list(callers) if number % 2 else reversed(list(callers)):
            cost = _turn(callers[name], name, paths, postmaster, seconds if number else 1)
            if number:  # the first one warms up
                found[name].append(cost)
    first = found[next(iter(callers))]
    return {
        name: (
            round(median(one.hub for one in costs)),
            round(median(one.database for one in costs)),
            round(median(one.whole / free.whole - 1 for one, free in zip(costs, first, strict=True)) * 100),
        )
        for name, costs in found.items()
    }


def _turn(one: Caller, name: str, paths: Sequence[str], postmaster: int, seconds: int) -> Cost:
    """What a request costs in some seconds of them, with what is done afterwards. Raises RuntimeError."""
    serving = _serving(postmaster, one.database)
    hub, database = cpu(one.process), _used(serving)
    told = replay(one.base, paths, CLIENTS, seconds, {}, one.token)
    if told.errors or not told.requests:
        raise RuntimeError(f"{name}: {told.errors} of {told.requests} requests were refused")
    time.sleep(_SETTLED)
    each = 1e6 / told.requests
    return Cost((cpu(one.process) - hub) * each, (_used(serving) - database) * each)


def _serving(postmaster: int, database: str) -> list[psutil.Process]:
    """Processes of the database server that work for one of its databases, or for all."""
    found = []
    for process in psutil.Process(postmaster).children():
        title = " ".join(process.cmdline())
        if f" {database} " in title or any(one in title for one in _OF_ALL):
            found.append(process)
    return found


def _used(processes: Iterable[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes if process.is_running()]
    return sum(one.user + one.system for one in times)


def measure(folder: Path, rounds: int, seconds: int) -> dict[str, Any]:
    """All figures, from hubs in a folder of their own."""
    facts = figures.facts("python -m bench.access", clients=str(CLIENTS), runs=f"median of {rounds}, {seconds} s each")
    database = Embedded(folder / "postgres")
    key = new_key()
    try:
        url = database.start()
        settings = {"key": key, "client_rate": "0", "person_rate": "0"}
        secured = settings | {"access": "smart", "database_url": url}
        with HubProcess(folder / "smart", secured, arguments=("--sample-data",)):
            pass  # it fills the database
        others = {name: copied(url, name) for name in ("unaudited", "open")}
        with (
            HubProcess(folder / "smart", secured) as held,
            HubProcess(folder / "two", secured | {"audit": "false", "database_url": others["unaudited"]}) as unaudited,
            HubProcess(folder / "open", settings | {"database_url": others["open"]}) as free,
        ):
            base = held.client.base
            tokens = _tokens(url, key, held)
            checked = checks(tokens)
            newest = free.client.get("Observation?_count=1&_sort=-date")["entry"][0]["resource"]
            id = newest["subject"]["reference"].partition("/")[2]
            ids = [one["id"] for one in free.client.found(f"Observation?patient={id}&_count=200")][:100]
            postmaster = database.running()
            assert free.process is not None
            assert held.process is not None
            assert unaudited.process is not None
            assert postmaster is not None
            number, name = held.process.pid, urlsplit(url).path[1:]
            callers = {
                "open": Caller(free.client.base, free.process.pid, "open", ""),
                # A token is for one base: each hub has its own.
                "system, no trail": Caller(
                    unaudited.client.base,
                    unaudited.process.pid,
                    "unaudited",
                    _tokens(others["unaudited"], key, unaudited).issue("system/*.cruds"),
                ),
                "system": Caller(base, number, name, tokens.issue("system/*.cruds")),
                "patient": Caller(base, number, name, tokens.issue("patient/*.rs", id)),
                # Labels and consents are asked of each row.
                "nurse": Caller(base, number, name, tokens.issue("user/*.rs", None, "nurse")),
            }
            costs = {}
            for what, paths in workloads(id, ids).items():
                costs[what] = compared(callers, paths, postmaster, rounds, seconds)
                print(row(what, costs[what]), flush=True)
    finally:
        database.release()
    return {"facts": facts, "check": checked, "cost": costs}


def copied(url: str, name: str) -> str:
    """URL of a copy of the database, which nobody is connected to."""
    parts = urlsplit(url)
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(f"create database {name} template {parts.path[1:]}".encode())
    return parts._replace(path=f"/{name}").geturl()


def _tokens(url: str, key: str, hub: HubProcess) -> Tokens:
    base = hub.client.base
    return Tokens(url, key, Site(base.replace("/fhir", "/auth"), base))


def workloads(patient: str, observations: Sequence[str]) -> dict[str, list[str]]:
    """What is asked, by name: of one patient, who has these Observations."""
    codes = ("8867-4", "85354-9", "8302-2", "29463-7", "72514-3")
    mine = f"Observation?patient={patient}"
    return {
        "read": [f"Observation/{one}" for one in observations],
        "search by patient and category": [f"{mine}&category=vital-signs&_count=20"],
        "search by patient and code": [f"{mine}&code=http://loinc.org|{code}" for code in codes],
        "search by patient, newest first": [
            f"{mine}&_sort=-date&_count=20", f"Condition?patient={patient}", f"Encounter?patient={patient}&_count=20",
        ],
        "search with include": [f"{mine}&_include=Observation:encounter&_count=20"],
    }  # fmt: skip


def row(name: str, cost: Mapping[str, Sequence[int]]) -> str:
    """A row of the table."""
    return f"| {name} | " + " | ".join(
        f"{hub} + {store}" + ("" if who == "open" else f" (**{more:+}%**)") for who, (hub, store, more) in cost.items()
    ) + " |"  # fmt: skip


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of RESULTS.md."""
    first, again = found["check"]["first"], found["check"]["again"]
    yield "## What access control costs"
    yield figures.bullets(found)
    yield f"A token's check takes {again} µs of CPU, {first} µs when a worker sees it for the first time (target 60)."
    yield (
        "Hubs on copies of one database take turns: an open one, one that asks for a token and keeps no audit trail, "
        "one that keeps it and seals it meanwhile. CPU µs per request, hub + database, sealing included; "
        "in brackets how much more than open in the same round. Target: 20 % at most."
    )
    who = list(next(iter(found["cost"].values())))
    head = ["| request | " + " | ".join(who) + " |", "|---" * (1 + len(who)) + "|"]
    yield "\n".join(head + [row(name, cost) for name, cost in found["cost"].items()])


def main() -> None:
    """Measures, prints the figures, and keeps them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=3)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    folder.chmod(0o755)
    try:
        found = measure(folder, chosen.rounds, chosen.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures.write("access", found)
    print("token check, µs of CPU:", found["check"])


if __name__ == "__main__":
    main()
