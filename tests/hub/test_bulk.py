"""Bulk export as people use it: served and by command, with kill -9 in between. Issue: nothing is done that is not."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import httpx2
import psycopg

from hub.embedded import Embedded
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
    assert hub.end(signal.SIGTERM) == 0
    assert hub.database() is None
