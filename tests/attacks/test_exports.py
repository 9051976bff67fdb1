"""Attack 26: bulk export by whoever may not, and the files of another client's."""

from __future__ import annotations

import time

from tests.attacks.caller import same
from tests.attacks.record import EVERYTHING, Record


def test_26_exports(record: Record, token: str) -> None:
    call = record.caller.get
    later = {"Prefer": "respond-async"}
    own = record.token("user/*.cruds")
    for path in ("$export", "Patient/$export", f"Group/group-{record.mark}/$export"):
        for bearer in (token, own):
            assert call(path, bearer, **later).status == 403, path
    observations = record.caller.token("system/Observation.rs", client="one")
    assert call("$export?_type=Patient", observations, **later).status == 403
    assert call("$export?_type=Observation,Patient", observations, **later).status == 403
    assert call(f"Group/group-{record.mark}/$export?_type=Observation", observations, **later).status == 403
    limited = record.caller.token("system/Observation.rs?category=laboratory", client="one")
    assert call("$export?_type=Observation", limited, **later).status == 403
    started = call("$export", observations, **later)
    assert started.status == 202, started.body
    job = started.headers["content-location"]
    stranger = record.caller.token(EVERYTHING, client="two")
    unknown = call("_jobs/" + "0" * 32, stranger)
    for method in ("GET", "DELETE"):
        assert call(job, stranger, method).status == 404
        assert same(call(job, stranger), unknown)
    while (status := call(job, observations)).status in (202, 429):
        time.sleep(int(status.headers["retry-after"]))
    assert status.status == 200, status.body
    files = status.json()["output"]
    assert {one["type"] for one in files} == {"Observation"}
    assert status.json()["requiresAccessToken"] is True
    assert call(files[0]["url"], stranger).status == 404
    assert record.caller.hub.client.request("GET", files[0]["url"]).status == 401
    assert call(files[0]["url"], observations).status == 200
    same_subject = record.caller.token("system/Observation.rs", client="two", subject="one")
    assert call(job, same_subject).status == 404, "a job is its client's"
    assert call("$import", record.caller.token("system/*.rs"), "POST", {"resourceType": "Parameters"}).status == 403
