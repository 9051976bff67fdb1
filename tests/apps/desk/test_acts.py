"""What a person does becomes one transaction, or cannot be done: a table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.desk import acts
from apps.desk.acts import By, Impossible
from apps.desk.case import Case
from tests.apps.desk.cases import LIA, NOW, ROSA, by, case, risk, wrote

Json = Any


def entries(bundle: Json, kind: str) -> list[Json]:
    return [one for one in bundle["entry"] if one["resource"]["resourceType"] == kind]


def test_taking_names_who_has_it_against_the_version_that_was_seen() -> None:
    made = acts.take(case(owner=None), by())
    [task], [told] = entries(made, "Task"), entries(made, "Provenance")
    assert (task["resource"]["owner"], task["resource"]["status"]) == (ROSA, "in-progress")
    assert task["request"] == {"method": "PUT", "url": "Task/t", "ifMatch": 'W/"3"'}
    assert told["resource"]["target"][0] == {"reference": "Task/t"}
    assert told["resource"]["agent"] == [{"who": ROSA}]


@pytest.mark.parametrize(
    ("act", "found", "key"),
    [
        (acts.take, case(owner=LIA), "taken"),
        (acts.give_back, case(owner=None), "take first"),
        (acts.give_back, case(owner=LIA), "taken"),
        (lambda found, who: acts.answer(found, who, "  "), case(), "nothing said"),
        (lambda found, who: acts.answer(found, who, "oi"), case(communications=()), "window closed"),
        (lambda found, who: acts.answer(found, who, "oi"),
         case(communications=(wrote("oi", "2026-11-27T11:59:59Z"),)), "window closed"),
        (lambda found, who: acts.change_level(found, who, "urgent", " "), case(), "say why"),
        (lambda found, who: acts.change_level(found, who, "worse", "x"), case(), "say why"),
        (lambda found, who: acts.change_level(found, who, "urgent", "x"), case(risks=None), "no level"),
        (lambda found, who: acts.book(found, who, NOW, 30, "", sure=True), case(), "past"),
        (lambda found, who: acts.close(found, who, "gone", "", back=True), case(), "say what came of it"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(act: Callable[[Case, By], Json], found: Case, key: str) -> None:
    with pytest.raises(Impossible) as error:
        act(found, by())
    assert error.value.key == key


def test_an_answer_leaves_from_the_number_that_was_written_to() -> None:
    older = wrote("antes", "2026-11-28T10:00:00Z", "m0")
    [request] = entries(acts.answer(case(communications=(older, wrote("oi", "2026-11-28T11:00:00Z"))), by(), " olá "),
                        "CommunicationRequest")  # fmt: skip
    made = request["resource"]
    assert made["sender"]["identifier"]["value"] == "1000"
    assert (made["about"], made["payload"]) == (
        [{"reference": "Communication/m"}], [{"contentString": "olá"}],
    )  # fmt: skip
    assert request["request"]["ifNoneExist"].endswith("|t.form")  # sent twice by a form, made once


@pytest.mark.parametrize(
    ("level", "flags", "after"),
    [
        ("urgent", [("active", "emergency")], [("inactive", "emergency")]),
        ("very-urgent", [("active", "emergency")], [("active", "very-urgent")]),
        ("very-urgent", [("inactive", "emergency")], [("active", "very-urgent")]),
        ("emergency", [], [("active", "emergency")]),
        ("non-urgent", [], []),
    ],
)
def test_another_level_is_another_assessment_and_the_flag_follows(
    level: str, flags: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    there = tuple(
        {"resourceType": "Flag", "id": str(number), "meta": {"versionId": "1"}, "status": status,
         "code": {"coding": [{"code": code}]}}
        for number, (status, code) in enumerate(flags)
    )  # fmt: skip
    ours = "less-urgent" if level == "non-urgent" else "urgent" if level != "urgent" else "emergency"
    made = acts.change_level(case(risks=(risk(ours),), flags=there), by(), level, "ouvida por telefone")
    [new] = entries(made, "RiskAssessment")
    assert new["request"]["method"] == "POST"  # ours stays as it is
    assert (new["resource"]["parent"], new["resource"]["status"]) == ({"reference": "RiskAssessment/r"}, "final")
    assert new["resource"]["note"][0]["text"] == "ouvida por telefone"
    found = [(one["resource"]["status"], one["resource"]["code"]["coding"][0]["code"]) for one in entries(made, "Flag")]
    assert found == after
    assert entries(made, "Provenance")[0]["resource"]["target"][1]["reference"] == new["fullUrl"]


def test_the_same_level_makes_ours_final() -> None:
    made = acts.change_level(case(), by(), "emergency", "confere")
    [ours] = entries(made, "RiskAssessment")
    assert (ours["request"]["method"], ours["resource"]["status"], "parent" in ours["resource"]) == (
        "PUT", "final", False,
    )  # fmt: skip


@pytest.mark.parametrize("sure", [True, False])
def test_a_proposed_appointment_becomes_the_one_that_is_booked(sure: bool) -> None:
    waiting = {"resourceType": "Appointment", "id": "a", "meta": {"versionId": "5"}, "status": "proposed"}
    start = NOW + timedelta(days=1)
    [found] = entries(acts.book(case(appointments=(waiting,)), by(), start, 20, "retorno", sure=sure), "Appointment")
    assert found["request"] == {"method": "PUT", "url": "Appointment/a", "ifMatch": 'W/"5"'}
    assert found["resource"]["status"] == ("booked" if sure else "proposed")
    assert found["resource"]["end"] == "2026-11-29T12:20:00.000Z"


@pytest.mark.parametrize(("back", "done"), [(True, "returned"), (False, "closed")])
def test_closing_says_what_came_of_it(back: bool, done: str) -> None:
    [task] = entries(acts.close(case(), by(), "advised", "vai ao médico amanhã", back=back), "Task")
    assert task["resource"]["status"] == "completed"
    assert task["resource"]["businessStatus"]["coding"][0]["code"] == done
    assert task["resource"]["output"][0]["valueString"] == "vai ao médico amanhã"


def test_a_case_is_let_go() -> None:
    [task] = entries(acts.release(case(), by()), "Task")
    assert ("owner" in task["resource"], task["resource"]["status"]) == (False, "requested")


def test_a_request_about_data_keeps_its_own_course() -> None:
    asked = case(owner=None)
    asked.task["code"] = {"coding": [{"system": acts.REQUESTS, "code": "data-subject-request"}]}
    assert entries(acts.take(asked, by()), "Task")[0]["resource"]["status"] == "requested"
    asked.task["owner"] = ROSA
    with pytest.raises(Impossible):
        acts.close(asked, by(), "solved", "", back=False)


@pytest.mark.parametrize(
    ("task", "base"),
    [
        ({"for": {"identifier": {"system": "https://a.example/fhir/sid/telefone"}}}, "https://a.example/fhir"),
        ({"code": {"coding": [{"system": "https://a.example/fhir/CodeSystem/tarefa"}]}}, "https://a.example/fhir"),
        ({"for": {"reference": "Patient/1"}, "code": {"coding": [{"system": acts.REQUESTS}]}}, "urn:fhir-hub"),
    ],
)
def test_whose_systems(task: Json, base: str) -> None:
    assert acts.base(task) == base
