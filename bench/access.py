"""What access control costs: a token's check, and reading and searching with a token beside an open hub.

    python -m bench.access [--starts 3] [--turns 1]

Three hubs, one open, one that asks for tokens, one that keeps an audit trail as well: each of the others is asked the
same in turn with the open one, so that it shows which wall costs what (see bench/turns.py). Each has a copy of the same
database: what a hub does beside answering (relaying changes, sealing the trail) it does for itself. They are started
anew several times, for of two processes that do the same one takes a twentieth more than the other, as its memory lies.
Takes the shipped sample data, so it needs nothing beside the project but wrk.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from bench import figures
from bench.turns import CLIENTS, TURN, Caller, Cost, compared, idling
from hub.authorization import engine, known
from hub.embedded import Embedded
from smart_auth import access_token
from smart_auth.access_token import Grant, Site
from smart_auth.bearer import Bearer
from smart_auth.feed import Feed
from smart_auth.scopes import parse
from smart_auth.seal import Seal, new_key
from tests.hub_process import HubProcess

MANY = 64
"""Clients of reads besides: all who ask at once share a commit, so that their number tells what it costs each."""


class Tokens:
    """Issues tokens of a hub."""

    def __init__(self, url: str, key: str, site: Site) -> None:
        self.tables, self.seal, self.site = engine(url), Seal(key), site

    def issue(self, scope: str, patient: str | None = None, *roles: str, subject: str = "bench") -> str:
        with self.tables.begin() as connection:
            user = f"Practitioner/{subject}" if roles else None
            grant = Grant("bench", subject, parse(scope, known), patient=patient, fhir_user=user, roles=roles)
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


Costs = dict[str, dict[str, tuple[int, ...]]]
"""Of what was asked, by whom: CPU µs of the open hub and its database, of the other and its, and percent more."""


def measure(folder: Path, starts: int, turns: int) -> dict[str, Any]:
    """All figures, from hubs in a folder of their own."""
    runs = f"median of {starts} starts of the hubs, each with {turns} turns of {TURN} s for either"
    facts = figures.facts("python -m bench.access", clients=str(CLIENTS), runs=runs)
    database = Embedded(folder / "postgres")
    key = new_key()
    try:
        url = database.start()
        settings = {"key": key, "client_rate": "0", "person_rate": "0"}
        secured = settings | {"access": "smart", "database_url": url}
        with HubProcess(folder / "smart", secured, arguments=("--sample-data",)):
            pass  # it fills the database
        others = {name: copied(url, name) for name in ("unaudited", "open")}
        postmaster = database.running()
        assert postmaster is not None
        found: list[Costs] = []
        for start in range(starts):
            with (
                HubProcess(folder / f"smart{start}", secured) as held,
                HubProcess(folder / f"two{start}", secured | {"audit": "false", "database_url": others["unaudited"]})
                as unaudited,
                HubProcess(folder / f"open{start}", settings | {"database_url": others["open"]}) as free,
            ):  # fmt: skip
                if not found:
                    checked = checks(_tokens(url, key, held))
                asking = _Hubs(held, unaudited, free, url, others["unaudited"], key)
                found.append(_costs(asking, postmaster, turns))
    finally:
        database.release()
    middle: Costs = {
        what: {who: tuple(round(median(column)) for column in zip(*(one[what][who] for one in found), strict=True))
               for who in asked}
        for what, asked in found[0].items()
    }  # fmt: skip
    return {"facts": facts, "check": checked, "cost": middle}


class _Hubs(NamedTuple):
    """Three that are there at the same time."""

    held: HubProcess
    unaudited: HubProcess
    free: HubProcess
    url: str
    """Of the first one's database."""
    unaudited_url: str
    key: str

    def callers(self, patient: str) -> dict[str, Caller]:
        """Who asks, by name. A token is for one base: each hub has its own."""
        tokens, name = _tokens(self.url, self.key, self.held), urlsplit(self.url).path[1:]
        nurses = [tokens.issue("user/*.rs", None, "nurse", subject=f"nurse-{one}") for one in range(CLIENTS)]
        untold = _tokens(self.unaudited_url, self.key, self.unaudited).issue("system/*.cruds")
        return {
            "system, no trail": _caller(self.unaudited, "unaudited", [untold]),
            "system": _caller(self.held, name, [tokens.issue("system/*.cruds")]),
            "patient": _caller(self.held, name, [tokens.issue("patient/*.rs", patient)]),
            # Labels and consents are asked of each row.
            "nurse": _caller(self.held, name, nurses[:1]),
            f"{CLIENTS} nurses": _caller(self.held, name, nurses),
        }


def _caller(hub: HubProcess, database: str, tokens: Sequence[str] = ()) -> Caller:
    assert hub.process is not None
    return Caller(hub.client.base, hub.process.pid, database, tokens)


def _costs(hubs: _Hubs, postmaster: int, turns: int) -> Costs:
    """What hubs cost that were just started; says it row by row."""
    free = hubs.free.client
    newest = free.get("Observation?_count=1&_sort=-date")["entry"][0]["resource"]
    id = newest["subject"]["reference"].partition("/")[2]
    ids = [one["id"] for one in free.found(f"Observation?patient={id}&_count=200")][:100]
    opened, callers, asked = _caller(hubs.free, "open"), hubs.callers(id), workloads(id, ids)
    costs: Costs = {}
    idles: dict[int, list[Cost]] = {}
    rows = [(name, paths, CLIENTS) for name, paths in asked.items()]
    for what, paths, clients in [*rows, (f"read, {MANY} clients", asked["read"], MANY)]:
        costs[what] = {}
        for who, one in callers.items():
            both = opened, one
            if one.process not in idles:
                idles[one.process] = idling(both, paths, postmaster)
            beside, cost = compared(both, idles[one.process], paths, postmaster, turns, clients)
            more = round((cost.whole / beside.whole - 1) * 100)
            costs[what][who] = (*map(round, (beside.hub, beside.database, cost.hub, cost.database)), more)
        print(row(what, costs[what]), flush=True)
    return costs


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
        # More than are remembered, each of whom nothing is found: what is left is to make the search ready.
        "search by patient and category, of another each time": [
            f"Observation?patient={UUID(int=one)}&category=vital-signs&_count=20" for one in range(3000)
        ],
        "search with include": [f"{mine}&_include=Observation:encounter&_count=20"],
    }  # fmt: skip


def row(name: str, cost: Mapping[str, Sequence[int]]) -> str:
    """A row of the table."""
    cells = (
        f"{free} + {stored}, {hub} + {database} (**{more:+}%**)" for free, stored, hub, database, more in cost.values()
    )
    return f"| {name} | " + " | ".join(cells) + " |"


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of RESULTS.md."""
    first, again = found["check"]["first"], found["check"]["again"]
    yield "## What access control costs"
    yield figures.bullets(found)
    yield f"A token's check takes {again} µs of CPU, {first} µs when a worker sees it for the first time (target 60)."
    yield (
        "An open hub and one that asks for a token are asked the same in turn, each on a copy of one "
        "database. The open one has no audit trail; the others but the first keep one, and seal it meanwhile. CPU µs "
        "per request, hub + database: of the open hub, then of the other; in brackets how much more that is. Target: "
        "20 % at most."
    )
    who = list(next(iter(found["cost"].values())))
    head = ["| request | " + " | ".join(who) + " |", "|---" * (1 + len(who)) + "|"]
    yield "\n".join(head + [row(name, cost) for name, cost in found["cost"].items()])


def main() -> None:
    """Measures, prints the figures, and keeps them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--starts", type=int, default=3)
    options.add_argument("--turns", type=int, default=1)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    folder.chmod(0o755)
    try:
        found = measure(folder, chosen.starts, chosen.turns)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures.write("access", found)
    print("token check, µs of CPU:", found["check"])


if __name__ == "__main__":
    main()
