"""Tasks as rows, and conversations as lines: tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.desk import talk
from apps.desk.page import pieces
from apps.desk.queue import chosen, inputs, rows
from tests.apps.desk.cases import LIA, NOW, ROSA, case, task, wrote

Json = Any


def due(id: str, minutes: int, priority: str = "routine", **more: Any) -> Json:
    end = (NOW + timedelta(minutes=minutes)).isoformat()
    return task(id=id, priority=priority, restriction={"period": {"end": end}}, **more)


def test_emergencies_first_then_by_promise() -> None:
    found = rows(
        [due("late", -60), due("later", 90), due("stat", 2, "stat"), due("asap", 10, "asap"),
         due("done", -5, status="completed"), task("conversation", id="talk"),
         task(id="unpromised", priority="urgent")],
        ROSA, NOW,
    )  # fmt: skip
    assert [one.id for one in found] == ["stat", "late", "asap", "later", "unpromised"]
    assert [one.minutes for one in found] == [2, -60, 10, 90, None]


def test_filters() -> None:
    found = rows([due("a", 1), due("b", 2, owner=ROSA), due("c", 3, code="pharmacist", owner=LIA)], ROSA, NOW)
    assert [[one.id for one in chosen(found, which, "")] for which in ("open", "mine", "waiting")] == [
        ["a", "b", "c"], ["b"], ["a"],
    ]  # fmt: skip
    assert [one.id for one in chosen(found, "open", "pharmacist")] == ["c"]


@pytest.mark.parametrize(
    ("input", "told"),
    [
        ([{"type": {"text": "telephone"}, "valueString": "+5517988880001"}], {"telephone": ["+5517988880001"]}),
        ([{"type": {"coding": [{"code": "level"}]}, "valueCode": "urgent"},
          {"type": {"coding": [{"code": "rule"}, {"code": "RF01"}]}, "valueString": "Dor no peito"},
          {"type": {"coding": [{"code": "assessment"}]}, "valueReference": {"reference": "RiskAssessment/1"}}],
         {"level": ["urgent"], "rule": ["RF01: Dor no peito"], "assessment": ["RiskAssessment/1"]}),
        ([{"type": {"coding": [{"code": "finding"}, {"code": "face_droop"}]}, "valueString": "boca torta"}],
         {"finding": ["“boca torta” (face droop)"]}),
        ([], {}),
    ],
)  # fmt: skip
def test_what_a_task_says(input: list[Json], told: dict[str, list[str]]) -> None:
    assert inputs({"input": input}) == told


def sent(state: str | None = None, status: str = "in-progress") -> Json:
    came = ["sent", state] if state else []
    times = [{"url": one, "valueInstant": f"2026-11-28T11:30:0{place}Z"} for place, one in enumerate(came)]
    return {
        "resourceType": "Communication", "id": "c", "status": status, "payload": [{"contentString": "olá"}],
        "basedOn": [{"reference": "CommunicationRequest/q"}], "extension": [{"url": "x/envio", "extension": times}],
    }  # fmt: skip


REQUEST = {
    "resourceType": "CommunicationRequest", "id": "q", "status": "completed", "authoredOn": "2026-11-28T11:30:00Z",
    "requester": ROSA, "payload": [{"contentString": "olá"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("communication", "state"),
    [
        (sent("read"), "read"), (sent("delivered"), "delivered"), (sent(), "accepted"),
        (sent(status="preparation"), "unknown"), (sent(status="completed"), "sent"),
        (sent(status="not-done"), "not-done"),
        (None, "waiting"),
    ],
)  # fmt: skip
def test_how_far_a_message_came(communication: Json | None, state: str) -> None:
    asked = {**REQUEST, "status": "completed" if communication else "active"}
    member = wrote("oi", "2026-11-28T11:29:00Z", priority="stat")
    found = talk.lines([member, *([communication] if communication else [])], [asked])
    assert [(one.member, one.texts, one.by, one.state, one.urgent) for one in found] == [
        (True, ("oi",), "", "", True), (False, ("olá",), "Rosa", state, False),
    ]  # fmt: skip


def test_a_desk_that_is_not_clinical_reads_from_its_request_on() -> None:
    told = (
        wrote("ontem", "2026-11-27T20:00:00Z", "1"), wrote("dor no peito", "2026-11-28T11:50:00Z", "2",
              priority="stat"),
        wrote("segunda via", "2026-11-28T11:57:00Z", "3"),
    )  # fmt: skip
    assert len(case(communications=told).lines) == 3
    assert [one.texts for one in case(communications=told, risks=None).lines] == [("segunda via",)]


def test_lines_stand_as_they_came_by_one_clock() -> None:
    """The channel's clock has whole seconds: by it, an answer of the same second could stand before its question."""
    member = wrote("oi", "2026-11-28T11:30:00Z", received="2026-11-28T11:30:00.400Z")
    late = wrote("antes", "2026-11-28T09:00:00Z", "late", received="2026-11-28T11:30:02.000Z")
    answer = {**sent("read"), "sent": "2026-11-28T11:30:00Z"}
    asked = {**REQUEST, "authoredOn": "2026-11-28T11:30:00.900Z"}
    assert [one.texts[0] for one in talk.lines([answer, late, member], [asked])] == ["oi", "olá", "antes"]


@pytest.mark.parametrize(
    ("text", "shown"), [("*Ligue* já", ["", "Ligue", " já"]), ("a * b", ["a * b"]), ("2*3\n*4", ["2*3\n*4"])]
)
def test_what_is_bold(text: str, shown: list[str]) -> None:
    assert pieces(text) == shown


@pytest.mark.parametrize(
    ("attachment", "shown"),
    [
        ({"title": "receita.jpg", "url": "Binary/m"}, ("receita.jpg", "m")),
        ({"contentType": "image/jpeg"}, ("image/jpeg", "")),  # not fetched yet
        ({"title": "x", "url": "https://elsewhere.example/Binary/1"}, ("x", "")),
    ],
)
def test_files(attachment: Json, shown: tuple[str, str]) -> None:
    member = wrote("", "2026-11-28T11:29:00Z", payload=[{"contentAttachment": attachment}])
    assert talk.lines([member], [])[0].files == (shown,)


def test_the_number_to_call() -> None:
    assert talk.phone(task(), []) == "5517988880001"
    assert talk.phone({"for": {}}, [wrote("oi", "2026-11-28T11:00:00Z")]) == "5517988880001"
    assert talk.phone({"for": {}}, []) == ""
