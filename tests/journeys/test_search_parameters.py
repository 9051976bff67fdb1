"""A search parameter of the record's own, put in force while everybody writes, and while the hub is killed.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.hub_process import ROOT, HubProcess

EXTENSION = "http://example.org/ward"
WARD = {
    "resourceType": "SearchParameter", "id": "ward", "url": "http://example.org/SearchParameter/ward", "name": "Ward",
    "status": "active", "description": "where they lie", "code": "ward", "base": ["Patient"], "type": "token",
    "expression": f"Patient.extension.where(url = '{EXTENSION}').value",
}  # fmt: skip
WRITERS = 6
SECONDS = 60


def patient(id: str, ward: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "extension": [{"url": EXTENSION, "valueCode": ward}]}


@pytest.fixture
def two_workers(database: str, tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path, {"database_url": database, "workers": "2"}) as served:
        yield served


def fill(hub: HubProcess, count: int) -> None:
    for start in range(0, count, 500):
        entries = [
            {"resource": patient(f"old-{number}", "a"), "request": {"method": "PUT", "url": f"Patient/old-{number}"}}
            for number in range(start, min(start + 500, count))
        ]
        answer = hub.client.request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert answer.status == 200, answer.body[:500]


def found(hub: HubProcess, ward: str) -> set[str]:
    return {one["id"] for one in hub.client.found(f"Patient?ward={ward}&_count=1000")}


def until_searchable(hub: HubProcess) -> None:
    """Until a search is answered; before, it has to be refused for the right reason."""
    end = time.monotonic() + SECONDS
    while True:
        answer = hub.client.request("GET", "Patient?ward=a&_summary=count")
        if answer.status == 200:
            return
        reason = answer.json()["issue"][0]["diagnostics"]
        assert answer.status == 400, answer.body
        assert "is being indexed" in reason or "no search parameter" in reason, reason
        assert time.monotonic() < end
        time.sleep(0.02)


def test_nothing_that_was_answered_lacks_its_rows(two_workers: HubProcess) -> None:
    """Clients of two worker processes write before, while and after the parameter is put in force and taken out."""
    hub, over, written = two_workers, threading.Event(), [set[str]() for _ in range(WRITERS)]
    fill(hub, 1200)

    def write(writer: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            id = f"new-{writer}-{number}"
            assert hub.client.request("PUT", f"Patient/{id}", patient(id, "b")).status == 201
            if number % 3 == 0:  # and back again, so that rows also go
                assert hub.client.request("PUT", f"Patient/{id}", patient(id, "a")).status == 200
                assert hub.client.request("PUT", f"Patient/{id}", patient(id, "b")).status == 200
            written[writer].add(id)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for one in writers:
        one.start()
    try:
        for _ in range(3):
            assert hub.client.request("PUT", "SearchParameter/ward", WARD).status in (200, 201)
            until_searchable(hub)
            for _ in range(3):
                before = {id for one in written for id in tuple(one)}
                assert before <= found(hub, "b"), "what was answered is not found"
            assert {f"old-{number}" for number in range(1200)} <= found(hub, "a")
            assert hub.client.request("DELETE", "SearchParameter/ward").status in (200, 204)
        assert hub.client.request("PUT", "SearchParameter/ward", WARD).status in (200, 201)
        until_searchable(hub)
    finally:
        over.set()
        for one in writers:
            one.join()
    everything = {id for one in written for id in one}
    assert found(hub, "b") == everything
    hub.stop()
    hub.start()
    assert found(hub, "b") == everything


def test_killed_while_it_indexes(lone_hub: HubProcess) -> None:
    hub, database = lone_hub, lone_hub.settings["database_url"]
    fill(hub, 1500)
    with psycopg.connect(database, autocommit=True) as holder, psycopg.connect(database, autocommit=True) as watcher:
        # The second note of progress waits for a lock: the job stands still after the first thousand.
        watcher.execute(
            "create function stand_still() returns trigger language plpgsql as $$ begin"
            " if old.last > 0 then perform pg_advisory_xact_lock_shared(42); end if; return new; end $$;"
            "create trigger stand_still before update on reindex_run for each row execute function stand_still()"
        )
        holder.execute("select pg_advisory_lock(42)")
        assert hub.client.request("PUT", "SearchParameter/ward", WARD).status == 201
        end = time.monotonic() + SECONDS
        while watcher.execute("select from reindex_run where last > 0").fetchone() is None:
            assert time.monotonic() < end
            time.sleep(0.02)
        hub.kill()
        # What the dead process had sent ends with its connection.
        watcher.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'hub' and datname = current_database()"
        )
        hub.start()
        refused = hub.client.request("GET", "Patient?ward=a")
        assert refused.status == 400
        assert "is being indexed" in refused.json()["issue"][0]["diagnostics"]
        holder.execute("select pg_advisory_unlock(42)")
        until_searchable(hub)
        assert len(found(hub, "a")) == 1500
        [(job, state, attempts)] = watcher.execute("select id, state, attempts from job").fetchall()
        assert (state, attempts) == ("done", 2)
        told = hub.client.get(f"_jobs/{job}")
        counts = {one["name"]: one for one in told["parameter"]}
        assert {part["name"]: part for part in counts["type"]["part"]}["resources"]["valueDecimal"] == 1500
        twice = "select from token group by param_id, code_hash, system_hash, rid having count(*) > 1"
        assert watcher.execute(twice).fetchall() == []


def test_load_and_import_know_it(lone_hub: HubProcess, tmp_path: Path) -> None:
    hub = lone_hub
    assert hub.client.request("PUT", "SearchParameter/ward", WARD).status == 201
    until_searchable(hub)
    for command, id in (("load", "loaded"), ("import", "imported")):
        file = tmp_path / f"{command}.ndjson"
        file.write_text(json.dumps(patient(id, "c")) + "\n")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
        environment |= {"HUB_DATA": str(tmp_path), "HUB_DATABASE_URL": hub.settings["database_url"]}
        arguments = [sys.executable, "-c", "import sys; from hub.cli import main; sys.exit(main())", command, str(file)]
        done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert found(hub, "c") == {"loaded", "imported"}
