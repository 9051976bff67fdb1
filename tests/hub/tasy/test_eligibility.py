"""Eligibility through the hub: $submit, the queue, the worker, Tasy and back. Contract, sections 3 and 5."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from messages.states import State
from tests.hub.tasy.conftest import Joined, question

ELIGIBLE = "/beneficiarios/elegibilidade"


def test_1_a_question_is_answered_and_everything_is_kept(both: Joined) -> None:
    member = both.member(0)
    answer = both.submit(question(member))
    assert answer["resourceType"] == "CoverageEligibilityResponse"
    assert (answer["outcome"], answer["insurance"][0]["inforce"]) == ("complete", True)
    [asked, said] = both.message(business_key=answer["request"]["reference"].split("/_history")[0])[::-1]
    assert (asked.direction, said.direction, asked.correlation) == ("out", "in", said.correlation)
    assert both.path(asked.id) == ["RECEBIDA", "ARMAZENADA", "VALIDADA", "MAPEADA", "APLICADA", "ENTREGUE"]
    assert both.path(said.id) == ["RECEBIDA", "ARMAZENADA", "VALIDADA", "MAPEADA", "APLICADA", "ENTREGUE"]
    assert said.applied == (f"CoverageEligibilityResponse/{answer['id']}/_history/1",)
    card = member["carteira"]["cd_usuario_plano"].encode()
    assert card in both.forms(asked.id).mapped
    assert card in both.forms(said.id).raw


def test_the_same_question_is_stored_and_asked_once(both: Joined) -> None:
    member = both.member(1)
    asked = question(member, identifier=[{"system": "https://example.org/q", "value": "q-1"}])
    before = len(both.calls(ELIGIBLE))
    assert both.submit(asked)["id"] == both.submit(asked)["id"]
    assert len(both.calls(ELIGIBLE)) == before + 1


def test_2_an_error_in_a_200_is_not_eligible(both: Joined) -> None:
    member = both.member(2)
    both.trouble("error-in-200", ELIGIBLE)
    answer = both.submit(question(member))
    assert (answer["outcome"], answer["insurance"][0]["inforce"]) == ("complete", False)
    assert answer["error"]


def test_4_a_burst_meets_no_429(both: Joined) -> None:
    member = both.member(3)
    before = len(both.calls(ELIGIBLE))
    with ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(both.submit, [question(member) for _ in range(90)]))
    assert {one["resourceType"] for one in answers} == {"CoverageEligibilityResponse"}
    assert set(both.calls(ELIGIBLE)[before:]) == {200}


def test_8_an_unknown_state_is_not_eligible_and_a_person_looks(both: Joined) -> None:
    member = both.member(4)
    both.trouble("unknown-state", ELIGIBLE)
    answer = both.submit(question(member))
    assert (answer["outcome"], answer["insurance"][0]["inforce"]) == ("partial", False)
    [task] = both.hub.client.found(f"Task?focus=CoverageEligibilityResponse/{answer['id']}")
    assert (task["code"]["coding"][0]["code"], task["for"]) == ("verificacao-manual", answer["patient"])
    assert "segurado.ie_situacao" in task["description"]


def test_11_a_card_with_leading_zeros_goes_as_it_is(both: Joined) -> None:
    member = both.member(5)
    assert member["carteira"]["cd_usuario_plano"].startswith("0")
    assert both.submit(question(member))["insurance"][0]["inforce"]


def test_12_use_after_the_end_of_a_contract(both: Joined) -> None:
    member = both.member(6)
    who = member["segurado"]
    who.update(dt_rescisao="2026-03-01", dt_limite_utilizacao="2026-03-20")
    during = both.submit(question(member))
    after = both.submit(question(member, servicedDate="2026-03-21"))
    assert [one["insurance"][0]["inforce"] for one in (during, after)] == [True, False]


def test_what_cannot_be_asked_says_why(both: Joined) -> None:
    member = both.member(7)
    asked = question(member)
    asked["item"][0]["productOrService"] = {"text": "something"}
    answer = both.submit(asked)
    assert (answer["outcome"], answer["insurance"][0]["inforce"]) == ("error", False)
    [message] = both.message(business_key=answer["request"]["reference"].split("/_history")[0])
    assert message.state == State.MORTA
    assert message.fault is not None
    assert message.fault.element == "item[0].productOrService"


@pytest.mark.parametrize(
    ("body", "element"),
    [
        ({"resourceType": "Patient"}, "resourceType"),
        ({"resourceType": "Bundle", "type": "collection"}, "resourceType"),
        ({"resourceType": "Parameters", "parameter": []}, "Parameters"),
    ],
)
def test_what_is_no_question_is_refused(both: Joined, body: dict[str, object], element: str) -> None:
    answer = both.post("CoverageEligibilityRequest/$submit", body)
    assert answer.status == 400
    assert answer.json()["issue"][0]["expression"] == [element]


def test_what_is_told_of_tasy(both: Joined) -> None:
    assert both.partner("rate", "calls")["burst"] == 50
    certificate = both.settings.tasy_certificate[0].name
    assert both.partner("certificate", certificate)["shown"]
