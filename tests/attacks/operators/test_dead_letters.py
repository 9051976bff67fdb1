"""Dead letters over HTTP: corrected, simulated by the mapping of their flow, sent again, given up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from care_services.referred import references
from hub.operations.masking import masked
from messages import queue, search, store
from messages.bodies import Sealing
from messages.states import State, way
from messages.store import Fault, Incoming, Rows
from tests.attacks.caller import Caller
from tests.attacks.operators.letters import OTHER, Call, letter, outcome, patient

CASES = Path(__file__).parent.parent.parent / "mappings" / "cases"


def test_a_dead_letter_corrected_simulated_and_sent_again(call: Call, rows: Rows, sealing: Sealing, mark: str) -> None:
    id = letter(rows, sealing, mark)
    assert set(call("GET", f"messages/{id}").json()["actions"]) == {
        "edit", "simulate", "resubmit", "discard", "resubmit-in-order",
    }  # fmt: skip
    change = {"version": 0, "reason": "by telephone", "replace": [{"path": "/identifier/0/value", "value": OTHER}]}
    bad = call("POST", f"messages/{id}/simulate", {"replace": [{"path": "/gender", "value": "no such code"}]}).json()
    assert (bad["ok"], bad["error"]["element"]) == (False, "Patient.gender")
    good = call("POST", f"messages/{id}/simulate", {"replace": change["replace"]}).json()
    assert (good["ok"], good["error"], good["result"][0]["identifier"][0]["value"]) == (True, None, "***")
    edited = call("POST", f"messages/{id}/edit", change).json()
    assert edited["version"] == 1
    assert '+      "value": "*** (changed)"' in edited["diff"]
    assert outcome(call("POST", f"messages/{id}/edit", change))[:2] == (409, "conflict")
    assert (
        call("POST", f"messages/{id}/edit", {"version": 1, "reason": "whole", "body": patient(mark, OTHER)}).json()[
            "diff"
        ]
        == []
    )
    one = call("GET", f"messages/{id}").json()
    assert [(each["number"], each["author"], each["reason"]) for each in one["corrections"]] == [
        (1, "p-operator", "by telephone"), (2, "p-operator", "whole"),
    ]  # fmt: skip
    forms = call("GET", f"messages/{id}/forms").json()
    assert forms["version"] == 2
    assert OTHER not in json.dumps(forms)
    assert call("POST", f"messages/{id}/resubmit", {"reason": "corrected"}).json() == {"ids": [id]}
    one = call("GET", f"messages/{id}").json()
    assert (one["state"], one["history"][-1]["actor"], one["fault"]) == ("ARMAZENADA", "p-operator", None)
    due = queue.take_many(rows, sealing, datetime.now(UTC), ["B-1"], most=500)  # other tests leave theirs there
    [taken] = [one for one in due if one.id == id]
    assert json.loads(taken.body) == patient(mark, OTHER)
    queue.done(rows, taken, way(taken.state, State.APLICADA), "batch", datetime.now(UTC))
    assert outcome(call("POST", f"messages/{id}/resubmit", {"reason": "corrected"}))[:2] == (409, "conflict")


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("edit", {"version": 0, "reason": "x" * 201, "body": {}}, (400, "value", ["reason"])),
        ("edit", {"version": 0, "body": {}}, (400, "required", ["reason"])),
        ("edit", {"version": "0", "reason": "why", "body": {}}, (400, "value", ["version"])),
        ("edit", {"version": 0, "reason": "why"}, (400, "required", ["body"])),
        ("edit", {"version": 0, "reason": "why", "body": {}, "replace": []}, (400, "invariant", ["body", "replace"])),
        ("edit", {"version": 0, "reason": "why", "replace": [{"path": "/x/y", "value": 1}]},
         (400, "value", ["replace"])),
        ("edit", {"version": 0, "reason": "why", "replace": [{"path": "/x"}]}, (400, "structure", ["replace"])),
        ("discard", {"reason": "no"}, (400, "value", ["reason"])),
        ("resubmit", {"reason": "why", "more": 1}, (400, "structure", ["more"])),
        ("resubmit", [], (400, "structure", [])),
    ],
)  # fmt: skip
def test_what_cannot_be_done(
    call: Call, rows: Rows, sealing: Sealing, mark: str, action: str, body: Any, expected: tuple[int, str, list[str]]
) -> None:
    id = letter(rows, sealing, mark)
    assert outcome(call("POST", f"messages/{id}/{action}", body)) == expected
    assert search.message(rows, id).state is State.MORTA


def test_sent_again_in_order_and_given_up(call: Call, rows: Rows, sealing: Sealing, mark: str) -> None:
    ids = [letter(rows, sealing, mark, line) for line in range(3)]
    assert call("POST", f"messages/{ids[1]}/discard", {"reason": "a test of theirs"}).json() == {
        "id": ids[1], "state": "DESCARTADA",
    }  # fmt: skip
    answer = call("POST", "messages/resubmit-in-order", {"orderKey": mark, "reason": "they are back"})
    assert answer.json() == {"ids": [ids[0], ids[2]]}
    flows = {one["flow"]: one for one in call("GET", "flows").json()["flows"]}
    assert flows["B-1"]["waiting"] >= 2
    assert flows["B-1"]["oldestWaiting"] <= flows["B-1"]["nextDue"]
    assert sum(flows["B-1"]["perMinute"]["received"]) == flows["B-1"]["lastHour"]["received"] >= 3
    assert len(flows["B-1"]["perMinute"]["dead"]) == 60
    assert flows["B-1"]["states"]["ARMAZENADA"] >= 2
    for id in (ids[0], ids[2]):
        store.advance(rows, id, State.ESTACIONADA, "x", datetime.now(UTC), leaves=True)


def case(name: str, guide: str) -> Any:
    """A case of a mapping, of another guide."""
    text = (CASES / name).read_text("utf-8").replace("HUB26000000123", guide)
    return json.loads(text.replace("c1", guide) if "request" in name else text)


def test_every_flow_is_simulated_by_its_own_mapping(
    caller: Caller, call: Call, rows: Rows, sealing: Sealing, mark: str
) -> None:
    guide = f"HUB{mark[:14]}"
    claim, *others = (one["resource"] for one in case("authorization-request/admission.json", guide)["entry"])
    there = {f"{one['resourceType']}/{one['id']}" for one in others}
    missing = {one for each in (claim, *others) for one in references(each)} - there
    others += [
        {"resourceType": kind, "id": id} | ({"name": "EXEMPLO"} if kind == "Organization" else {})
        for kind, _, id in (one.partition("/") for one in sorted(missing))
    ]
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in (*others, claim)
    ]
    token = caller.token("system/*.cruds")
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    stored = caller.get("", token, "POST", bundle)
    assert stored.status == 200, stored.body

    def simulated(flow: str, direction: str, key: str, body: Any) -> dict[str, Any]:
        raw, now = json.dumps(body).encode(), datetime.now(UTC)
        incoming = Incoming(flow, key, raw, direction=direction, then=(State.MORTA,), fault=Fault("x", "y"))
        id = store.receive(rows, sealing, incoming, "x", now).id
        found: dict[str, Any] = call("POST", f"messages/{id}/simulate", {}).json()
        assert search.message(rows, id).state is State.MORTA
        return found

    asked = simulated("RT-2", "out", guide, claim)
    [expected] = case("authorization-request/admission.expected.json", guide)["result"]
    assert asked == {"ok": True, "error": None, "faults": [], "result": [masked(expected)]}
    assert expected["cd_usuario_plano"] not in json.dumps(asked)

    reply = case("authorization-reply/partial.json", guide)
    reply["itens"] = [{**reply["itens"][0], "nr_item": one["sequence"]} for one in claim["item"]]
    answered = simulated("RT-2", "in", guide, reply)
    assert (answered["ok"], answered["result"][0]["resourceType"]) == (True, "ClaimResponse"), answered
    assert answered["result"][0]["request"]["reference"] == f"Claim/{guide}/_history/1"
    reply["itens"][0]["nr_item"] = 99
    assert simulated("RT-2", "in", guide, reply)["error"]["element"] == "itens[0].nr_item"
    assert simulated("RT-2", "in", "HUBNOBODY", reply)["error"]["element"] == "cd_guia_prestador"

    paid = simulated("RT-4", "in", "PC2026030000045", case("claim-status/paid.json", guide))
    assert (paid["ok"], paid["result"][0]["patient"]) == (True, claim["patient"])
    clinic = simulated("RT-3", "in", "prestadores/4720", case("provider/clinic.json", guide))
    assert "Organization" in [one["resourceType"] for one in clinic["result"]]
    assert simulated("RT-4", "in", "broken", {"nr_protocolo": 1})["ok"] is False
    untried = store.receive(rows, sealing, Incoming("callback", mark, b"{}"), "x", datetime.now(UTC)).id
    assert outcome(call("POST", f"messages/{untried}/simulate", {}))[:2] == (422, "not-supported")
    assert call("GET", f"messages/{untried}").json()["actions"] == []
