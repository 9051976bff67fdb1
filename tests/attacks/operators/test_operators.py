"""The operations over HTTP: who may, what is masked, runs, partners and deadlines, what is told of it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from messages import partners, runs, store
from messages.bodies import Sealing
from messages.runs import Guard, Report
from messages.states import State, way
from messages.store import Incoming, Rows
from tests.attacks.caller import Caller
from tests.attacks.operators.letters import CPF, SET, Call, letter, outcome, patient, person


@pytest.mark.parametrize(
    ("scope", "roles", "reads", "acts"),
    [
        ("user/Operations.rus", ("operator",), 200, 409), ("user/Operations.rs", ("operator",), 200, 403),
        ("user/Operations.rus", ("privacy-officer",), 200, 403), ("user/Operations.rus", ("physician",), 403, 403),
        ("user/Operations.rus", ("security-officer",), 403, 403),
        ("user/Operations.rus", ("operator-unmask",), 403, 403),
        ("user/*.cruds", ("operator",), 403, 403), ("system/*.cruds", (), 403, 403),
        ("system/Operations.rus", (), 200, 409), ("user/Operations.u", ("operator",), 403, 409),
    ],
)  # fmt: skip
def test_who_may(
    caller: Caller, call: Call, rows: Rows, sealing: Sealing, mark: str, scope: str, roles: tuple[str, ...],
    reads: int, acts: int,
) -> None:  # fmt: skip
    token = person(caller, *roles, scope=scope)
    letter(rows, sealing, mark)
    for path in ("flows", "messages", "runs", "partners", "deadlines", "me"):
        assert call("GET", path, token=token).status == reads, path
    run, _ = runs.begin(rows, "B-1", mark, mark.encode(), datetime.now(UTC))
    assert call("POST", f"runs/{run.id}/release", {"reason": "because"}, token=token).status == acts


def test_without_a_token(caller: Caller) -> None:
    for method, path in (("GET", "flows"), ("POST", "messages/1/resubmit"), ("GET", "nothing")):
        assert caller.hub.client.request(method, f"/operations/{path}", {}).status == 401


def test_such_a_token_opens_nothing_else(caller: Caller) -> None:
    token = person(caller, "operator")
    assert caller.get("Patient", token).status == 403
    assert caller.get("/auth/admin/Client", token).status == 403


def test_messages_are_found_page_by_page(call: Call, rows: Rows, sealing: Sealing, mark: str) -> None:
    ids = [letter(rows, sealing, mark, line) for line in range(5)]
    first = call("GET", f"messages?orderKey={mark}&count=3").json()
    assert [one["id"] for one in first["items"]] == ids[:1:-1]
    rest = call("GET", f"messages?orderKey={mark}&count=3&cursor={first['cursor']}").json()
    assert [one["id"] for one in rest["items"]] == ids[1::-1]
    assert "cursor" not in rest
    one = first["items"][-1]
    assert one["fault"] == {"code": "HUB-B204", "element": "identifier[0].value", "reason": "check digit"}
    assert (one["state"], one["flow"], one["edits"], one["businessKey"]) == (
        "MORTA", "B-1", 0, f"{SET}_Patient.ndjson.gz.pgp:2{mark}",
    )  # fmt: skip
    assert one["received"].endswith("Z")
    for query in (f"file={SET}_Pat&state=MORTA,QUARENTENA", f"correlation={one['correlation']}",
                  f"businessKey={quote(one['businessKey'])}&flow=B-1",
                  f"orderKey={mark}&since=2026-01-01T00:00:00%2B00:00"):  # fmt: skip
        assert one["id"] in [each["id"] for each in call("GET", f"messages?{query}").json()["items"]], query
    assert call("GET", f"messages?orderKey={mark}&state=ENTREGUE").json() == {"items": []}


@pytest.mark.parametrize(
    ("path", "element"),
    [
        ("messages?count=0", "count"), ("messages?count=501", "count"), ("messages?cursor=x", "cursor"),
        ("messages?since=yesterday", "since"), ("messages?until=2026-03-10", "until"), ("messages?run=-1", "run"),
        ("messages?correlation=1", "correlation"), ("messages?state=morta", "state"), ("runs?state=x", "state"),
        ("messages/x", "id"), ("messages/0", "id"), ("deadlines?count=x", "count"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(call: Call, path: str, element: str) -> None:
    assert outcome(call("GET", path)) == (400, "value", [element])


def test_paths_and_methods(call: Call) -> None:
    assert outcome(call("GET", "messages/999999999"))[:2] == (404, "not-found")
    assert outcome(call("GET", "runs/999999999"))[:2] == (404, "not-found")
    assert outcome(call("GET", "weather"))[:2] == (404, "not-found")
    assert outcome(call("GET", "messages?nonsense=1"))[:2] == (400, "not-supported")
    answer = call("DELETE", "messages/1")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_one_message_and_its_forms_masked(caller: Caller, call: Call, rows: Rows, sealing: Sealing, mark: str) -> None:
    put = caller.get(f"Patient/{mark}", caller.token("system/Patient.cruds"), "PUT", patient(mark))
    assert put.status == 201, put.body
    raw = json.dumps(patient(mark)).encode()
    now = datetime.now(UTC)
    id = store.receive(rows, sealing, Incoming("B-1", mark, raw, order_key=mark), "batch", now).id
    mapped = sealing.seal(b'{"resourceType":"Patient","name":[{"family":"EXEMPLO"}]}', f"mapped {id}")
    applied = [f"Patient/{mark}/_history/1", f"Patient/{mark}/_history/99"]
    store.advance(rows, id, way(State.ARMAZENADA, State.APLICADA), "batch", now, mapped=mapped, applied=applied)
    one = call("GET", f"messages/{id}").json()
    assert [each["to"] for each in one["history"]] == ["RECEBIDA", "ARMAZENADA", "VALIDADA", "MAPEADA", "APLICADA"]
    assert one["applied"] == applied
    assert one["actions"] == ["simulate"]
    answer = call("GET", f"messages/{id}/forms")
    assert answer.headers["cache-control"] == "no-store"
    for value in (CPF, "EXEMPLO", "MARIA", "1980-05-15"):
        assert value not in answer.body.decode()
    forms = answer.json()
    assert (forms["masked"], forms["raw"]["body"]["gender"]) == (True, "female")
    assert forms["mapped"]["body"] == {"resourceType": "Patient", "name": [{"family": "***"}]}
    assert forms["applied"][0]["body"]["id"] == mark
    assert forms["applied"][1] == {"reference": applied[1], "withheld": True}


def test_masks_are_taken_off_by_a_right_of_its_own_and_the_trail_says_why(
    caller: Caller, call: Call, rows: Rows, sealing: Sealing, mark: str
) -> None:
    assert caller.get(f"Patient/{mark}", caller.token("system/Patient.cruds"), "PUT", patient(mark)).status == 201
    id = letter(rows, sealing, mark, then=())
    store.advance(
        rows, id, way(State.ARMAZENADA, State.APLICADA), "x", datetime.now(UTC), applied=[f"Patient/{mark}/_history/1"]
    )
    path = f"messages/{id}/forms?unmask=true"
    why = f"&reason=call+{mark}"
    service = caller.token("system/Operations.rus", client="script")
    assert call("GET", path + why).status == 403
    assert call("GET", path + why, token=service).status == 403
    may = person(caller, "operator", "operator-unmask")
    assert outcome(call("GET", path, token=may)) == (400, "required", ["reason"])
    assert call("GET", "me", token=may).json() == {
        "subject": "p-operator-operator-unmask", "roles": ["operator", "operator-unmask"], "mayAct": True,
        "mayUnmask": True,
    }  # fmt: skip
    for token in (may, person(caller, "privacy-officer")):
        forms = call("GET", path + why, token=token).json()
        assert (forms["masked"], forms["raw"]["body"]) == (False, patient(mark))
        assert forms["applied"][0]["body"]["name"] == patient(mark)["name"]

    reader = caller.token("system/AuditEvent.rs", client="auditor")

    def told() -> list[dict[str, Any]]:
        found = caller.get(f"AuditEvent/$trail?patient=Patient/{mark}&_count=50", reader).json().get("entry", [])
        return [
            one["resource"] for one in found if one["resource"]["subtype"][0].get("display") == "unmask"
        ]  # fmt: skip

    caller.eventually(lambda: len(told()) == 2)
    event = next(one for one in told() if one["agent"][0]["who"]["identifier"]["value"] == "p-operator-operator-unmask")
    assert event["outcome"] == "0"
    assert {"reference": f"Patient/{mark}/_history/1"} in [one["what"] for one in event["entity"] if "what" in one]
    asked = [base64.b64decode(one["query"]).decode() for one in event["entity"] if "query" in one]
    assert asked == [f"operations/messages/{id}/forms?reason=call+{mark}"]


def test_a_held_run_is_released_by_a_person(call: Call, rows: Rows, sealing: Sealing, mark: str) -> None:
    now = datetime.now(UTC)
    run, _ = runs.begin(rows, "B-1", mark, mark.encode(), now, sequence=412)
    runs.count(rows, run.id, received=312, rejected=1)
    letter(rows, sealing, mark, run=run.id)
    runs.keep(rows, sealing, run.id, Report("report.html", "text/html", b"<p>312"))
    assert outcome(call("POST", f"runs/{run.id}/refuse", {"reason": "why not"}))[:2] == (409, "conflict")
    runs.hold(rows, run.id, [Guard("exclusions", "3000 de 10000")])
    one = call("GET", f"runs/{run.id}").json()
    assert (one["state"], one["guards"], one["actions"], one["messages"]) == (
        "HELD", [{"name": "exclusions", "text": "3000 de 10000"}], ["release", "refuse"], {"MORTA": 1},
    )  # fmt: skip
    assert one["counts"] == {"received": 312, "accepted": 0, "rejected": 1, "inReview": 0, "unchanged": 0}
    released = call("POST", f"runs/{run.id}/release", {"reason": "confirmed by telephone"}).json()
    assert (released["state"], released["decision"]["by"], released["decision"]["reason"]) == (
        "RUNNING", "p-operator", "confirmed by telephone",
    )  # fmt: skip
    page = call("GET", f"runs/{run.id}/reports/report.html")
    assert (page.headers["content-type"], page.body) == ("text/html", b"<p>312")
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert call("GET", f"runs/{run.id}/reports/other").status == 404
    assert call("GET", f"runs/{run.id}/receipt").status == 404
    runs.finish(rows, run.id, runs.APPLIED, now, receipt=b'{"fluxo":"MEMBROS"}')
    receipt = call("GET", f"runs/{run.id}/receipt")
    assert (receipt.headers["content-type"], receipt.json()) == ("application/json", {"fluxo": "MEMBROS"})
    listed = call("GET", "runs?flow=B-1&state=APPLIED,FAILED&count=1").json()
    assert [each["id"] for each in listed["items"]] == [run.id]


def test_partners(call: Call, rows: Rows) -> None:
    now = datetime.now(UTC)
    partners.report(rows, "tasy", "circuit", "RT-1", {"state": "open"}, now)
    partners.report(rows, "tasy", "certificate", "client", {}, now, expires=now + timedelta(days=14, minutes=1))
    [tasy] = call("GET", "partners").json()["partners"]
    found = {one["what"]: one for one in tasy["items"]}
    assert (found["circuit"]["value"], found["circuit"]["alarm"]) == ({"state": "open"}, None)
    assert (found["certificate"]["days"], found["certificate"]["alarm"]) == (14, 15)


def test_deadlines(caller: Caller, call: Call, mark: str) -> None:
    token = caller.token("system/*.cruds")

    def put(kind: str, **elements: Any) -> None:
        answer = caller.get(f"{kind}/{mark}", token, "PUT", {"resourceType": kind, "id": mark} | elements)
        assert answer.status == 201, answer.body

    coding = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]}
    about = {"status": "active", "type": coding, "use": "preauthorization", "patient": {"reference": f"Patient/{mark}"}}
    created = (datetime.now(UTC) - timedelta(days=30)).isoformat(timespec="seconds")
    put("Patient")
    insurance = [{"sequence": 1, "focal": True, "coverage": {"display": "x"}}]
    priority = {"coding": [{"code": "normal"}]}
    put("Claim", created=created, provider={"display": "x"}, insurance=insurance, priority=priority, **about)
    put("ClaimResponse", created=created, insurer={"display": "x"}, outcome="queued",
        request={"reference": f"Claim/{mark}"}, **about)  # fmt: skip
    found = {one["claimResponse"]: one for one in call("GET", "deadlines").json()["items"]}
    one = found[f"ClaimResponse/{mark}"]
    assert (one["claim"], one["kind"], one["percent"] >= 100, one["alarm"]) == (f"Claim/{mark}", "ordinary", True, 100)


def test_what_operators_do_is_in_the_trail(caller: Caller, call: Call, rows: Rows, sealing: Sealing, mark: str) -> None:
    id = letter(rows, sealing, mark)
    token = caller.token("user/Operations.rus", client="console", subject=mark, roles=("operator",))
    assert call("POST", f"messages/{id}/discard", {"reason": "a test"}, token=token).status == 200
    nobody = caller.token("user/Operations.rus", client="console", subject=mark, roles=("nurse",))
    assert call("GET", "flows", token=nobody).status == 403
    reader = caller.token("system/AuditEvent.rs", client="auditor")

    def told() -> list[str]:
        found = caller.get(f"AuditEvent/$trail?agent={mark}", reader).json().get("entry", [])
        return sorted(
            f"{one['resource']['subtype'][0].get('display')} {one['resource']['outcome']}" for one in found
        )  # fmt: skip

    caller.eventually(lambda: told() == ["operations 0", "operations 4"])
