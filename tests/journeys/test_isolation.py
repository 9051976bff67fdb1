"""Whoever searches during a load sees each transaction whole or not at all, also through another server process.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.hub_process import Client, HubProcess
from tests.journeys.crowd import family, token

SMALL = [(f"small-{number}", 12) for number in range(60)]
LARGE = [(f"large-{number}", 400) for number in range(4)]


def test_a_second_process_sees_no_half_written_transaction(
    hub: HubProcess, module_database: str, tmp_path: Path
) -> None:
    done = threading.Event()
    looked = [0, 0]

    def watch(client: Client) -> None:
        while True:
            finished = done.is_set()
            for name, size in LARGE + SMALL[:: len(SMALL) // 12]:
                count = client.get(f"Observation?code={token(name)}&_summary=count")["total"]
                assert count in (0, size), f"{count} of {size} Observations seen"
                bundle = client.get(f"Patient?identifier={token(name)}&_revinclude=Observation:patient&_count=10")
                entries = bundle.get("entry", [])
                assert len(entries) in (0, size + 1), f"{len(entries)} of {size + 1} entries seen"
                looked[bool(entries)] += 1
            if finished:
                return

    with HubProcess(tmp_path, {"database_url": module_database}) as second, ThreadPoolExecutor(8) as pool:
        watchers = [pool.submit(watch, client) for client in (second.client, second.client, hub.client)]
        try:
            work = pool.map(lambda row: hub.client.request("POST", "", family(*row)), LARGE[:2] + SMALL + LARGE[2:])
            statuses = {answer.status for answer in work}
        finally:
            done.set()
        for watcher in watchers:
            watcher.result()
    assert statuses == {200}
    assert all(looked), "the watchers were to look both before and after"
