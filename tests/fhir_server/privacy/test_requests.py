"""Requests for correction: who may ask, what may be asked, how they go on; the record stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.outcome import Conflict, Unprocessable
from fhir_server.privacy.queue import MOST_OPEN
from fhir_server.privacy.requests import (
    ACCEPT,
    COMPLETE,
    ERASURE,
    KINDS,
    NEXT,
    OPEN,
    RECTIFICATION,
    REJECT,
    following,
    named,
)
from fhir_server.privacy.requests import asked as asked_for
from fhir_server.validation import validate
from tests.fhir_server.privacy.conftest import Hub

WRONG = {"resource": "Observation/own", "element": "Observation.value", "statement": "não foi assim", "wanted": "outro"}
STATES = ("requested", "accepted", "in-progress", "rejected", "completed", "cancelled")


async def test_from_the_question_to_the_outcome(hub: Hub) -> None:
    status, task, _ = await hub.ask("ana", "Patient/ana/$rectification", **WRONG)
    assert (status, task["status"], task["focus"]["reference"]) == (201, "requested", "Observation/own")
    assert named(task, "wanted") == [task["input"][2]]
    id = task["id"]
    _, mine, _ = await hub.ask("ana", "Patient/ana/$data-requests")
    assert [entry["resource"]["id"] for entry in mine["entry"]] == [id]
    # The queue, as a search.
    queue = "Task?code=urn:fhir-hub:CodeSystem:data-subject-request|data-subject-request&status=requested"
    _, found, _ = await hub.ask("officer", queue)
    assert [entry["resource"]["id"] for entry in found["entry"]] == [id]
    assert (await hub.ask("ana", f"Task/{id}"))[0] == 403, "Tasks are no part of the record"
    for given, status in (
        ({"decision": "complete", "reason": "so it is", "outcome": "done"}, 409),
        ({"decision": "accept"}, 400),
        ({"decision": "perhaps", "reason": "so it is"}, 400),
        ({"decision": "accept", "reason": "so it is"}, 200),
        ({"decision": "accept", "reason": "so it is"}, 409),
        ({"decision": "complete", "reason": "so it is"}, 400),
        ({"decision": "complete", "reason": "corrigido", "outcome": "Observation/own/_history/2"}, 200),
        ({"decision": "reject", "reason": "so it is"}, 409),
    ):
        assert (await hub.ask("officer", f"Task/{id}/$decide", **given))[0] == status, given
    _, mine, _ = await hub.ask("ana", "Patient/ana/$data-requests")
    after = mine["entry"][0]["resource"]
    assert (after["status"], after["statusReason"]["text"]) == ("completed", "corrigido")
    assert named(after, "outcome", "output")[0]["valueString"] == "Observation/own/_history/2"
    _, versions, _ = await hub.ask("operator", f"Task/{id}/_history")
    assert [entry["resource"]["status"] for entry in versions["entry"]] == ["completed", "accepted", "requested"]
    _, record, _ = await hub.ask("ana", "Observation/own")
    assert (record["meta"]["versionId"], record["valueString"]) == ("1", "seen own"), "nothing is changed by itself"


@pytest.mark.parametrize(
    ("who", "patient", "asking", "looking"),
    [
        ("ana without a patient", "ana", 201, 200),
        ("rui", "ana", 404, 404),
        ("ana's reader", "ana", 403, 403),
        ("guardian of a grown-up", "ana", 404, 404),
        ("nurse", "ana", 403, 403),
        ("nurse with ana open", "ana", 403, 403),
        ("officer", "ana", 403, 200),
        ("research", "ana", 403, 200),
    ],
)
async def test_who_may(hub: Hub, who: str, patient: str, asking: int, looking: int) -> None:
    assert (await hub.ask(who, f"Patient/{patient}/$rectification", **WRONG))[0] == asking
    assert (await hub.ask(who, f"Patient/{patient}/$data-requests"))[0] == looking
    _, kept, _ = await hub.ask("operator", "Task?_summary=count")
    assert kept["total"] == (asking == 201)


async def test_a_guardian_asks_for_a_child(hub: Hub) -> None:
    status, task, _ = await hub.ask(
        "guardian", "Patient/kid/$rectification", resource="Patient/kid", statement="o nome está errado"
    )
    assert (status, task["requester"]["identifier"]["value"]) == (201, "mother")


@pytest.mark.parametrize("who", ["ana", "guardian", "nurse", "service", "operator"])
async def test_only_the_officer_decides(hub: Hub, who: str) -> None:
    _, task, _ = await hub.ask("ana", "Patient/ana/$rectification", **WRONG)
    status, _, _ = await hub.ask(who, f"Task/{task['id']}/$decide", decision="accept", reason="because")
    assert status == 403
    assert (await hub.ask("officer", "Task/nothing/$decide", decision="accept", reason="because"))[0] == 404


async def test_other_tasks_are_not_decided(hub: Hub) -> None:
    await hub.put({"resourceType": "Task", "id": "other", "status": "requested", "intent": "order",
                   "for": {"reference": "Patient/ana"}})  # fmt: skip
    assert (await hub.ask("officer", "Task/other/$decide", decision="accept", reason="because"))[0] == 404
    _, mine, _ = await hub.ask("ana", "Patient/ana/$data-requests")
    assert "entry" not in mine


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"resource": "Observation/other"}, 422),
        ({"resource": "Observation/nothing"}, 422),
        ({"resource": "Patient/rui", "element": "Patient.name"}, 422),
        ({"resource": "own"}, 400),
        ({"resource": "Observation/"}, 400),
        ({"element": "Observation.nothing"}, 400),
        ({"element": "Patient.name"}, 400),
        ({"element": "Observation.value' or 1"}, 400),
        ({"element": "Observation.component[0].valueString"}, 201),
        ({"statement": ""}, 400),
        ({"statement": "x" * 2001}, 400),
        ({"wanted": "x" * 2001}, 400),
    ],
)
async def test_what_may_be_asked(hub: Hub, changed: dict[str, Any], status: int) -> None:
    found, told, _ = await hub.ask("ana", "Patient/ana/$rectification", **(WRONG | changed))
    assert found == status, told


async def test_not_without_end(hub: Hub) -> None:
    for _ in range(MOST_OPEN):
        assert (await hub.ask("ana", "Patient/ana/$rectification", **WRONG))[0] == 201
    assert (await hub.ask("ana", "Patient/ana/$rectification", **WRONG))[0] == 429
    assert (await hub.ask("guardian", "Patient/kid/$rectification", resource="Patient/kid", statement="errado"))[
        0
    ] == 201


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("decision", [ACCEPT, REJECT, COMPLETE])
def test_the_states(kind: str, status: str, decision: str) -> None:
    task = asked_for(kind, "ana", "patient", "ana", 0, [("statement", {"valueString": "x"})]) | {"status": status}
    assert [issue for issue in validate(task) if issue.severity == "error"] == []
    if (kind, status, decision) in NEXT:
        after = following(task, decision)
        assert after in STATES
        assert status in OPEN
    else:
        with pytest.raises(Conflict):
            following(task, decision)
    with pytest.raises(Unprocessable):
        following(task | {"code": {"text": "x"}}, decision)


def test_nothing_is_done_again_once_it_is_over() -> None:
    assert {status for (_, status, _) in NEXT}.isdisjoint({"rejected", "completed"})
    assert {(kind, "requested", REJECT) for kind in (RECTIFICATION, ERASURE)} <= NEXT.keys()
