"""Attacks 26 and 63: bulk export by whoever may not, files of another client's, and what is labelled in such files."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.attacks.caller import same
from tests.attacks.conftest import Labelled, Rows
from tests.attacks.record import EVERYTHING, Record

LATER = {"Prefer": "respond-async"}


def finished(record: Record, job: str, token: str) -> dict[str, Any]:
    """What a job tells at its end."""
    while (status := record.caller.get(job, token)).status in (202, 429):
        time.sleep(int(status.headers["retry-after"]))
    assert status.status == 200, status.body
    found: dict[str, Any] = status.json()
    return found


def held(record: Record, path: str, token: str) -> set[str]:
    """Type/id of everything in the files of a request that is answered later."""
    started = record.caller.get(path, token, **LATER)
    assert started.status == 202, (path, started.body)
    found = set()
    for file in finished(record, started.headers["content-location"], token)["output"]:
        for line in record.caller.get(file["url"], token).body.splitlines():
            one = json.loads(line)
            found.add(f"{one['resourceType']}/{one['id']}")
    return found


def test_26_exports(record: Record, token: str) -> None:
    call = record.caller.get
    own = record.token("user/*.cruds")
    for path in ("$export", "Patient/$export", f"Group/group-{record.mark}/$export"):
        for bearer in (token, own):
            assert call(path, bearer, **LATER).status == 403, path
    observations = record.caller.token("system/Observation.rs", client="one")
    assert call("$export?_type=Patient", observations, **LATER).status == 403
    assert call("$export?_type=Observation,Patient", observations, **LATER).status == 403
    assert call(f"Group/group-{record.mark}/$export?_type=Observation", observations, **LATER).status == 403
    limited = record.caller.token("system/Observation.rs?category=laboratory", client="one")
    assert call("$export?_type=Observation", limited, **LATER).status == 403
    started = call("$export", observations, **LATER)
    assert started.status == 202, started.body
    job = started.headers["content-location"]
    stranger = record.caller.token(EVERYTHING, client="two")
    unknown = call("_jobs/" + "0" * 32, stranger)
    for method in ("GET", "DELETE"):
        assert call(job, stranger, method).status == 404
        assert same(call(job, stranger), unknown)
    told = finished(record, job, observations)
    files = told["output"]
    assert {one["type"] for one in files} == {"Observation"}
    assert told["requiresAccessToken"] is True
    assert call(files[0]["url"], stranger).status == 404
    assert record.caller.hub.client.request("GET", files[0]["url"]).status == 401
    assert call(files[0]["url"], observations).status == 200
    same_subject = record.caller.token("system/Observation.rs", client="two", subject="one")
    assert call(job, same_subject).status == 404, "a job is its client's"
    assert call("$import", record.caller.token("system/*.rs"), "POST", {"resourceType": "Parameters"}).status == 403


def test_26_files_are_for_who_may_still_see_what_is_in_them(record: Record) -> None:
    """Made with more scopes than are left, or for another patient."""
    call = record.caller.get
    for path, token, narrower in (
        ("$export?_type=Observation", ("system/*.rs", {}), ("system/Patient.rs", {})),
        (f"Observation?patient={record.a}", ("patient/*.rs", {}), ("patient/Patient.rs", {})),
        (f"Observation?patient={record.a}", ("patient/*.rs", {}), ("patient/*.rs", {"patient": record.b})),
    ):
        able, less = (
            record.caller.token(scope, client="files", subject="x", **{"patient": record.a} | more)
            for scope, more in (token, narrower)
        )
        job = call(path, able, **LATER).headers["content-location"]
        [file] = [one["url"] for one in finished(record, job, able)["output"] if one["type"] == "Observation"]
        assert call(file, able).status == 200, path
        assert call(file, less).status == 404, path


def test_63_in_files(record: Record, labelled: Labelled, rows: Rows) -> None:
    """Who is held to labels exports nothing of patients; what is answered later is as if it were at once."""
    client = f"ward-{record.mark}"
    types = ["Patient", "Condition", "Group", "Organization"]
    rows([{"role": f"client:{client}", "types": types, "interactions": "rs"}])
    service = record.caller.token("system/*.rs", client=client)
    nurse = record.caller.token(
        "user/*.rs", roles=("nurse",), subject=f"nurse-{record.mark}", fhir_user=f"Practitioner/doctor-{record.mark}"
    )
    record.until("Encounter", service, 403)
    for path in (
        "$export?_type=Condition", "Patient/$export", f"Group/group-{record.mark}/$export",
        "$export?_type=Condition&_typeFilter=Condition?code=F32",
        f"Patient/$export?_type=Condition&patient=Patient/{record.a}",
    ):  # fmt: skip
        assert record.status(path, nurse, Prefer="respond-async") == 403, path
        assert record.status(path, service, Prefer="respond-async") == 403, path
    assert {one.partition("/")[0] for one in held(record, "$export", service)} == {"Organization"}
    for path in (
        f"Condition?patient={record.a}", f"Patient/{record.a}/$everything", f"Patient/{record.a}/Condition",
        f"Patient?_id={record.a}&_revinclude=Condition:patient",
        f"?_type=Condition&_id={labelled.psy.rpartition('/')[2]},{labelled.plain.rpartition('/')[2]}",
    ):  # fmt: skip
        for token in (nurse, service):
            assert {labelled.psy, labelled.plain} & held(record, path, token) == {labelled.plain}, path
    assert labelled.psy in held(record, f"Condition?patient={record.a}", record.token("patient/*.rs"))
