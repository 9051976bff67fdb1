"""What access control costs: a token's check, and reading and searching with a token beside an open hub.

    python -m bench.access [--rounds 12] [--requests 150]

Two hubs on one database, one open, one that asks for tokens, are asked the same in turns; CPU of hub and database
together counts. Takes the shipped sample data, so it needs nothing beside the project.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from hub.authorization import engine, known
from hub.embedded import Embedded
from smart_auth import access_token
from smart_auth.access_token import Grant, Site
from smart_auth.bearer import Bearer
from smart_auth.feed import Feed
from smart_auth.scopes import parse
from smart_auth.seal import Seal, new_key
from tests.hub_process import HubProcess

SCOPES = {"system": "system/*.cruds", "patient": "patient/*.rs"}


def cpu(*processes: int) -> float:
    """Seconds of CPU that processes and all below them have used."""
    total = 0.0
    for number in processes:
        root = psutil.Process(number)
        for one in [root, *root.children(recursive=True)]:
            times = one.cpu_times()
            total += times.user + times.system
    return total


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
                best[name] = min(best[name], (time.process_time() - began) / count * 1e6)
        return best

    try:
        return asyncio.run(all_of_it())
    finally:
        feed.stop()


def compared(
    hubs: dict[str, Callable[[str], None]], paths: Sequence[str], spent: Callable[[], float], rounds: int, requests: int
) -> dict[str, float]:
    """Microseconds of CPU per request by kind of caller: of rounds taken in turns the quietest."""  # fmt: skip
    found: dict[str, list[float]] = {name: [] for name in hubs}
    for number in range(rounds + 1):
        for name in list(hubs) if number % 2 else reversed(list(hubs)):
            began = spent()
            for turn in range(requests):
                hubs[name](paths[turn % len(paths)])
            if number:  # the first one warms up
                found[name].append((spent() - began) / requests * 1e6)
    return {name: min(rows) for name, rows in found.items()}


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=12)
    options.add_argument("--requests", type=int, default=150)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    folder.chmod(0o755)
    database = Embedded(folder / "postgres")
    key = new_key()
    try:
        url = database.start()
        settings = {"database_url": url, "key": key, "client_rate": "10000000", "person_rate": "10000000"}
        with (
            HubProcess(folder / "open", settings, arguments=("--sample-data",)) as free,
            HubProcess(folder / "smart", settings | {"access": "smart"}) as held,
        ):
            base = held.client.base
            tokens = Tokens(url, key, Site(base.replace("/fhir", "/auth"), base))
            print("token check, µs of CPU:", {name: round(value, 1) for name, value in checks(tokens).items()})
            patient = free.client.get("Observation?_count=1&_sort=-date")["entry"][0]["resource"]["subject"][
                "reference"
            ]
            id = patient.partition("/")[2]
            ids = [one["id"] for one in free.client.found(f"Observation?patient={id}&_count=200")][:100]
            assert free.process is not None
            assert held.process is not None
            postmaster = database.running()
            assert postmaster is not None
            numbers = (free.process.pid, held.process.pid, postmaster)

            def ask(hub: HubProcess, token: str | None) -> Callable[[str], None]:
                headers = {"Authorization": f"Bearer {token}"} if token else {}

                def call(path: str) -> None:
                    assert hub.client.request("GET", path, headers=headers).status == 200

                return call

            hubs = {"open": ask(free, None)}
            hubs |= {name: ask(held, tokens.issue(scope, id)) for name, scope in SCOPES.items() if name == "system"}
            hubs["patient"] = ask(held, tokens.issue(SCOPES["patient"], id))
            # Labels and consents are asked of each row.
            hubs["nurse"] = ask(held, tokens.issue("user/*.rs", None, "nurse"))
            workloads = {
                "read": [f"Observation/{one}" for one in ids],
                "search by patient and code": [f"Observation?patient={id}&code=http://loinc.org|{code}" for code in
                                               ("8867-4", "85354-9", "8302-2", "29463-7", "72514-3")],
                "search by patient, newest first": [f"Observation?patient={id}&_sort=-date&_count=20",
                                                    f"Condition?patient={id}", f"Encounter?patient={id}&_count=20"],
                "search with include": [f"Observation?patient={id}&_include=Observation:encounter&_count=20"],
            }  # fmt: skip
            for name, paths in workloads.items():
                figures = compared(hubs, paths, lambda: cpu(*numbers), chosen.rounds, chosen.requests)
                more = {who: f"{value:.0f} µs ({value / figures['open'] - 1:+.0%})" for who, value in figures.items()}
                print(f"{name}: {json.dumps(more, ensure_ascii=False)}", flush=True)
    finally:
        database.release()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
