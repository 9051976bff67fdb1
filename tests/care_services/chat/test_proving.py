"""Who wants something of a record proves who they are first, and learns nothing if they cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from care_services.chat.conversation import Desk
from care_services.chat.known import DECIDED, DEPENDANTS, RECORDED, Decided, Dependant, Found, Look
from care_services.chat.proof import Known
from care_services.chat.recorded.conversation import met, phone
from care_services.triage.rule_set import rules
from mappings.identifiers import Systems
from tests.care_services.chat.talking import Member

ANA = Known("Patient/ana", date(1980, 5, 15), ("00900000001234567",), "52998224725")
DENIED = Decided("ClaimResponse/1", "3662020261128000001", "denied", reasons=("Prazo de carência não cumprido",))
APPROVED = Decided("ClaimResponse/2", "3662020261128000002", "approved", "123456", "31/12/2026")
FOUND = Found((ANA,), (DENIED, APPROVED), (("anticoagulant", "Varfarina 5 mg"),), (Dependant("Patient/lia", "Lia"),))


def proved(found: Found = FOUND) -> Member:
    member = Member(found=found)
    for text in ("ver", "15/05/1980", "4567"):
        member.writes(text)
    assert member.now.proof.proved == "Patient/ana"
    return member


def test_details_are_told_after_proof_alone() -> None:
    member = Member(found=FOUND)
    member.writes("ver")
    assert (member.now.state, member.names[-1]) == ("proving", "proof_born")
    member.writes("15/05/1980")
    assert member.names == ["proof_last"]
    member.writes("final 4567")
    assert (member.now.state, member.names) == ("open", ["told"])
    text = member.says[0].text
    assert "Prazo de carência não cumprido" in text
    assert "Senha: 123456" in text


def test_a_refusal_can_be_reviewed_by_a_person() -> None:
    member = proved()
    member.taps("Pedir revisão")
    [desk] = [one for one in member.turns[-1].effects if isinstance(one, Desk)]
    assert (desk.code, desk.focus, desk.minutes) == ("service-desk", "ClaimResponse/1", 24 * 60)
    assert "Protocolo P-" in member.says[0].text


def test_what_was_approved_has_no_review() -> None:
    assert proved(Found((ANA,), (APPROVED,), (), ())).says[0].options == ()


@pytest.mark.parametrize("candidates", [(), (ANA,)], ids=["nobody", "somebody"])
def test_wrong_answers_are_answered_the_same_whoever_there_is(candidates: tuple[Known, ...]) -> None:
    member = Member(found=Found(candidates, (), (), ()))
    said = []
    for text in ("ver", "15/05/1980", "9999", "16/05/1980", "9999", "17/05/1980", "9999"):
        member.writes(text)
        said.append([one.text for one in member.says])
    assert member.now.state == "human"
    assert said == [
        [rules().texts["notice"], rules().texts["proof_born"]], [rules().texts["proof_last"]],
        *[[rules().texts["proof_born_again"]], [rules().texts["proof_last_again"]]] * 2, said[-1],
    ]  # fmt: skip
    assert member.turns[-1].effects[-1] == Desk("service-desk", "routine", 60, "could not prove who they are")


def test_after_three_failures_nothing_is_tried_for_a_day() -> None:
    member = Member(found=FOUND)
    for text in ("ver", "x", "x", "x"):
        member.writes(text)
    assert member.now.state == "human"
    member.now = member.now.__class__(proof=member.now.proof, noticed=True)
    member.writes("ver")
    assert member.now.state == "human"
    member.now = member.now.__class__(proof=member.now.proof, noticed=True)
    member.clock += 25 * 3600
    member.writes("ver")
    assert member.now.state == "proving"


def test_a_changed_number_voids_the_proof() -> None:
    member = proved()
    member.sends("system")
    assert member.now.proof.proved is None
    member.writes("ver")
    assert member.now.state == "proving"


def test_another_number_voids_the_proof_and_what_was_wanted() -> None:
    member = proved()
    member.hears(replace(member.message("oi"), moved=True))
    assert member.now.proof.proved is None


def test_half_a_year_of_silence_voids_the_proof() -> None:
    member = proved()
    member.clock += 181 * 24 * 3600
    member.writes("oi")
    assert member.now.proof.proved is None


@pytest.mark.parametrize(
    ("before", "now", "moved", "known"),
    [
        ("5517988880001", "5517988880001", False, "5517988880001"),
        ("551788880001", "5517988880001", False, "5517988880001"),  # the ninth digit
        ("5517988880001", "5517988880002", True, "5517988880002"),
        (None, "5517988880001", False, "5517988880001"),
        ("5517988880001", None, False, "5517988880001"),
    ],
)
def test_the_number_somebody_writes_from(before: str | None, now: str | None, moved: bool, known: str) -> None:
    systems = Systems()
    who = {"identifier": {"system": systems.sid("whatsapp/usuario"), "value": "BR.1"}}

    def identity(number: str | None) -> dict[str, object]:
        url = systems.extension("telefone")
        return {**who, "extension": [{"url": url, "valueString": number}]} if number else who

    task, other = met({"for": identity(before)}, {"sender": identity(now)}, systems)
    assert (other, phone(task["for"], systems)) == (moved, known)


def test_an_emergency_comes_before_a_proof() -> None:
    member = Member(found=Found())
    member.writes("ver")
    member.writes("não consigo respirar")
    assert member.now.state == "emergency"


def test_what_the_record_knows_raises_and_is_named_as_recorded() -> None:
    member = proved()
    for text in ("dor de garganta", "mim", "30"):
        member.writes(text)
    known = member.now.interview.findings["anticoagulant"]
    assert (known.present, known.source, known.quote) == (True, "recorded", "Varfarina 5 mg")


def test_a_child_is_one_of_the_members_dependants() -> None:
    member = proved()
    member.writes("dor de garganta")
    member.taps("Sobre uma criança")
    assert [one.title for one in member.says[0].options] == ["Lia", "Outra pessoa"]
    member.taps("Lia")
    assert (member.now.whom, member.now.interview.pending is not None) == ("Patient/lia", True)
    member.writes("8 anos")
    assert (member.now.joined, member.names[0][:4]) == ("Patient/lia", "ask:")


@pytest.mark.parametrize(("said", "whom"), [("é a Lia", "Patient/lia"), ("minha sobrinha", "")])
def test_a_dependant_may_be_named_in_words(said: str, whom: str) -> None:
    member = proved()
    member.writes("dor de garganta")
    member.taps("Sobre uma criança")
    member.writes(said)
    assert (member.now.whom, member.names) == (whom, ["ask:age"])


def test_who_proved_nothing_has_nobody_looked_up() -> None:
    member = Member(found=Found())
    for text in ("dor de garganta", "uma criança", "8 anos"):
        member.writes(text)
    assert member.now.interview.about == "child"


@pytest.mark.parametrize(
    ("found", "texts", "what"),
    [
        (Found((ANA,)), ("ver", "15/05/1980", "4567"), DECIDED),
        (Found((ANA,), ()), ("ver", "15/05/1980", "4567", "dor de garganta", "mim", "30"), RECORDED),
        (Found((ANA,), ()), ("ver", "15/05/1980", "4567", "dor de garganta", "uma criança"), DEPENDANTS),
    ],
)
def test_a_turn_says_what_it_needs_to_know(found: Found, texts: tuple[str, ...], what: str) -> None:
    member = Member(found=found)
    for text in texts[:-1]:
        member.writes(text)
    with pytest.raises(Look) as asked:
        member.writes(texts[-1])
    assert asked.value.what == what
    assert asked.value.patient == "Patient/ana"
