"""Attacks 13 to 15, 17 and 18: an app with a token for patient A writes what is B's, or by way of it."""

from __future__ import annotations

from tests.attacks.caller import PATCH, bundle, same
from tests.attacks.record import Record


def test_13_conditional(record: Record, token: str) -> None:
    call = record.caller.get
    query = f"identifier=urn:o|lab-b-{record.mark}"
    mine = record.observation("a", "new") | {"identifier": [{"system": "urn:o", "value": f"lab-b-{record.mark}"}]}
    del mine["id"]
    deleted = call(f"Observation?{query}", token, "DELETE")
    assert (deleted.status, call(f"Observation/lab-b-{record.mark}", record.operator).status) == (204, 200)
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    assert call(f"Observation?{query}", token, "PATCH", patch, Content_Type=PATCH).status == 404
    updated = call(f"Observation?{query}", token, "PUT", mine)
    assert updated.status == 404, "a patient's app makes nothing by PUT"
    created = call("Observation", token, "POST", mine, If_None_Exist=query)
    assert created.status == 201, "B's does not count as one that exists"
    assert created.json()["subject"]["reference"] == f"Patient/{record.a}"
    again = call("Observation", token, "POST", mine, If_None_Exist=query)
    assert (again.status, again.json()["id"]) == (200, created.json()["id"])
    reader = record.token("patient/Observation.cr")
    assert call("Observation", reader, "POST", mine, If_None_Exist=query).status == 403
    narrow = record.token("patient/Observation.cruds")
    chained = f"patient.name=a{record.mark}"
    assert call("Observation", narrow, "POST", mine, If_None_Exist=chained).status == 403
    for method in ("PUT", "DELETE"):
        assert call(f"Observation?{chained}", narrow, method, mine if method == "PUT" else None).status == 403


def test_14_conditional_references(record: Record, token: str) -> None:
    call = record.caller.get
    mine = record.observation("a", "new", focus=[{"reference": f"Patient?identifier=urn:p|{record.b}"}])
    del mine["id"]
    hidden = call("", token, "POST", bundle("transaction", ("POST", "Observation", mine)))
    mine["focus"] = [{"reference": "Patient?identifier=urn:p|unknown"}]
    unknown = call("", token, "POST", bundle("transaction", ("POST", "Observation", mine)))
    assert same(hidden, unknown), (hidden.body, unknown.body)
    narrow = record.token("patient/Observation.cruds")
    assert call("", narrow, "POST", bundle("transaction", ("POST", "Observation", mine))).status == 403


def test_15_moving(record: Record, token: str) -> None:
    call = record.caller.get
    theirs = record.observation("b", "moved")
    assert call("Observation", token, "POST", {k: v for k, v in theirs.items() if k != "id"}).status == 403
    mine = record.observation("a", "stays")
    record.put(mine)
    assert (
        call(f"Observation/{mine['id']}", token, "PUT", mine | {"subject": {"reference": f"Patient/{record.b}"}}).status
        == 403
    )
    moved = bundle(
        "transaction", ("PUT", f"Observation/{mine['id']}", mine | {"subject": {"reference": f"Patient/{record.b}"}})
    )
    assert call("", token, "POST", moved).status == 403
    made = bundle("transaction", ("POST", "Observation", {k: v for k, v in theirs.items() if k != "id"}))
    assert call("", token, "POST", made).status == 403
    taken = record.observation("b", "lab-b") | {"subject": {"reference": f"Patient/{record.a}"}}
    assert call(f"Observation/{taken['id']}", token, "PUT", taken).status == 404
    assert call("", token, "POST", bundle("transaction", ("PUT", f"Observation/{taken['id']}", taken))).status == 404
    assert call(f"Observation/lab-b-{record.mark}", record.operator).json()["subject"]["reference"].endswith(record.b)
    assert call(f"Observation/stays-{record.mark}", record.operator).json()["meta"]["versionId"] == "1"
    good = call("Observation", token, "POST", {k: v for k, v in record.observation("a", "own").items() if k != "id"})
    assert good.status == 201, good.body
    changed = call(f"Observation/{mine['id']}", token, "PUT", mine | {"status": "amended"})
    assert (changed.status, changed.json()["status"]) == (200, "amended")
    assert call(f"Observation/{mine['id']}", token, "DELETE").status == 204


def test_17_put_of_a_new_id(record: Record, token: str) -> None:
    new = record.observation("a", "by-put")
    assert record.caller.get(f"Observation/{new['id']}", token, "PUT", new).status == 404
    put = ("PUT", f"Observation/{new['id']}", new)
    assert record.caller.get("", token, "POST", bundle("transaction", put)).status == 404
    [entry] = record.caller.get("", token, "POST", bundle("batch", put)).json()["entry"]
    assert entry["response"]["status"].startswith("404")
    assert record.caller.get(f"Observation/{new['id']}", record.operator).status == 404


def test_18_patching_what_it_is(record: Record, token: str) -> None:
    mine = record.observation("a", "patched")
    record.put(mine)
    for path, value in (
        ("/id", f"lab-b-{record.mark}"), ("/subject/reference", f"Patient/{record.b}"), ("/meta/versionId", "99"),
        ("/resourceType", "Patient"), ("/subject", {"reference": f"Patient/{record.b}"}),
    ):  # fmt: skip
        patch = [{"op": "replace", "path": path, "value": value}]
        answer = record.caller.get(f"Observation/{mine['id']}", token, "PATCH", patch, Content_Type=PATCH)
        now = record.caller.get(f"Observation/{mine['id']}", record.operator).json()
        assert (now["id"], now["subject"]["reference"]) == (mine["id"], f"Patient/{record.a}"), path
        assert answer.status in (200, 400, 403, 422), path
        assert int(now["meta"]["versionId"]) < 9
    gone = [{"op": "remove", "path": "/subject"}]
    assert record.caller.get(f"Observation/{mine['id']}", token, "PATCH", gone, Content_Type=PATCH).status == 403
