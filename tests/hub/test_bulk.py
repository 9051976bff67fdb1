"""Bulk export as people use it: served and by command, with kill -9 in between. Issue: nothing is done that is not."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import httpx2
import psycopg
import pyarrow.parquet as pq

from fhir_server.index_tables import COLUMNS
from hub.embedded import Embedded
from tests.bulk_comparison import compared, exported
from tests.hub.running import Hub


def wait(status: str) -> httpx2.Response:
    """The status of a job, once it is over."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        answer = httpx2.get(status)
        if answer.status_code != 202:
            return answer
        assert answer.headers["x-progress"]
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def test_export_served_and_killed(hub: Hub, tmp_path: Path) -> None:
    hub.serve("--sample-data")
    base = f"{hub.url}/fhir"
    status = httpx2.get(f"{base}/$export").headers["content-location"]
    hub.end(signal.SIGKILL)
    embedded = Embedded(hub.folder / "postgres")
    url = embedded.start()
    # As a worker leaves it that dies in the middle: begun, and half a file on disk.
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update job set state = 'running', result = null")
    left = hub.folder / "bulk" / status.rpartition("/")[2]
    left.mkdir(parents=True, exist_ok=True)
    (left / "Patient.1.ndjson").write_text('{"resourceType": "Pat')
    embedded.release()
    hub.serve()
    done = wait(status)
    assert done.status_code == 200
    counts = {item["type"]: item["count"] for item in done.json()["output"]}
    for name in ("Patient", "Observation", "Organization"):
        assert counts[name] == httpx2.get(f"{base}/{name}?_summary=count").json()["total"]
    for item in done.json()["output"]:
        assert len(httpx2.get(item["url"]).content.splitlines()) == item["count"]
    assert httpx2.delete(status).status_code == 202
    assert httpx2.get(status).status_code == 404

    command = hub.run("export", str(tmp_path / "out"))
    assert command.returncode == 0, command.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert {item["type"]: item["count"] for item in manifest["output"]} == counts
    assert hub.run("export", str(tmp_path / "out")).returncode == 2
    assert hub.run("export", str(tmp_path / "new"), "--type", "Patent").returncode == 2
    columns = tmp_path / "columns"
    assert hub.run("export", str(columns), "--format", "parquet", "--type", "Patient,Device").returncode == 0
    assert pq.read_table(columns / "Patient.1.parquet").num_rows == counts["Patient"]
    refused = hub.run("import", str(columns))
    assert (refused.returncode, "not NDJSON" in refused.stderr + refused.stdout) == (2, True)
    assert hub.end(signal.SIGTERM) == 0
    assert hub.database() is None


def test_export_into_an_empty_hub_is_the_same_resource_by_resource(hub: Hub, tmp_path: Path) -> None:
    hub.serve("--sample-data")
    hub.end(signal.SIGTERM)
    out, again, other = tmp_path / "out", tmp_path / "again", hub.folder / "other"
    assert hub.run("export", str(out)).returncode == 0
    brought = hub.run("import", str(out), HUB_DATA=str(other))
    assert brought.returncode == 0, brought.stderr
    assert "0 lines refused" in brought.stdout
    assert "does not exist" not in brought.stdout
    assert hub.run("export", str(again), HUB_DATA=str(other)).returncode == 0
    found = compared(exported(out), exported(again))
    assert found.same, str(found)
    assert found.equal.total() > 5000
    # Every search row is there: the same rows by what they say, whatever the numbers are inside.
    counts = [row_counts(folder) for folder in (hub.folder, other)]
    assert counts[0] == counts[1]
    # Once more changes nothing.
    brought = hub.run("import", str(out / "manifest.json"), HUB_DATA=str(other))
    assert f"{found.equal.total():,} of them there before" in brought.stdout


def row_counts(data: Path) -> dict[str, int]:
    """Rows of each search table by parameter."""
    embedded = Embedded(data / "postgres")
    url = embedded.start()
    try:
        with psycopg.connect(url) as connection:
            return {
                f"{table} {param}": count
                for table in COLUMNS
                for param, count in connection.execute(
                    f"select {'param_id' if 'param_id' in COLUMNS[table] else '0'}, count(*) from {table} group by 1"
                ).fetchall()
            }
    finally:
        embedded.release()


def test_import_names_what_it_refuses(hub: Hub, tmp_path: Path) -> None:
    good = {"resourceType": "Patient", "id": "imported", "gender": "female"}
    lines = [
        json.dumps(good),
        json.dumps({**good, "id": "bad", "gender": "sometimes"}),
        "{",
        json.dumps({"resourceType": "Patient"}),
        json.dumps(good),
        json.dumps({"resourceType": "Observation", "id": "x", "status": "final", "code": {"text": "x"}}),
        "",
        json.dumps({**good, "id": "last", "generalPractitioner": [{"reference": "Practitioner/nobody"}]}),
    ]
    (tmp_path / "Patient.ndjson").write_text("\n".join(lines))
    done = hub.run("import", str(tmp_path))
    assert done.returncode == 1
    assert "2 resources" in done.stdout
    assert "1 Patient refer to a Practitioner that does not exist" in done.stdout
    assert "sometimes" not in done.stdout
    report = [json.loads(line) for line in (hub.folder / "import-refused.ndjson").read_text().splitlines()]
    assert [one["line"] for one in report] == [2, 3, 4, 5, 6]
    assert report[0]["expression"] == ["Patient.gender"]
    assert hub.run("import", "/nowhere.ndjson").returncode == 2
    (tmp_path / "empty").mkdir()
    assert hub.run("import", str(tmp_path / "empty")).returncode == 2


def test_the_database_is_killed_too(hub: Hub) -> None:
    """As when the power fails amid an import: both are started again, and it goes on to its end."""
    count, chance = 8000, random.Random(5)
    rows = (
        {"resourceType": "Patient", "id": f"k{number}", "birthDate": "1970-01-31", "name": [{"family": f"F{number}"}]}
        for number in range(count)
    )
    hub.serve()
    base = f"{hub.url}/fhir"
    content = "\n".join(map(json.dumps, rows)).encode()
    answer = httpx2.post(f"{base}/$import", content=content, headers={"content-type": "application/fhir+ndjson"})
    status, amid = answer.headers["content-location"], 0
    for _ in range(3):
        end = time.monotonic() + 60
        while httpx2.get(status).headers.get("x-progress", "").startswith("waiting"):
            assert time.monotonic() < end
            time.sleep(0.06)  # more than 20 in a second are refused
        time.sleep(chance.random())
        amid += httpx2.get(status).status_code == 202
        number = hub.database()
        assert number is not None
        os.kill(number, signal.SIGKILL)
        hub.kill()
        hub.serve()
    assert amid, "it was too quick to be killed amid"
    done = wait(status)
    assert done.status_code == 200, done.text
    assert [item["count"] for item in done.json()["output"]] == [count]
    assert httpx2.get(f"{base}/Patient?family=F&birthdate=1970-01-31&_summary=count").json()["total"] >= count
    for number in (0, 499, 500, count - 1):
        assert httpx2.get(f"{base}/Patient?family:exact=F{number}&_summary=count").json()["total"] == 1
        assert httpx2.get(f"{base}/Patient/k{number}").json()["meta"]["versionId"] == "1"
    assert hub.end(signal.SIGTERM) == 0
