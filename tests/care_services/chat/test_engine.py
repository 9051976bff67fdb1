"""What a conversation answers and does, turn by turn; contract, section 3."""

from __future__ import annotations

from dataclasses import replace

import pytest

from care_services.chat.clinical import AGAIN
from care_services.chat.conversation import Choice, Conversation, Forward, Located
from care_services.chat.engine import returned, silent
from care_services.chat.known import Found, Near
from care_services.chat.silence import Then
from care_services.consent import NOTICES, Consented
from care_services.triage.levels import LEVELS
from care_services.triage.rule_set import rules
from tests.care_services.chat.talking import NOON, Member

STROKE = "minha mãe acordou com a boca torta"


def in_state(state: str) -> Member:
    """A member who has come there by talking."""
    member = Member()
    if state == "new":
        return member
    member.writes("oi")
    if state in ("safety", "interview", "concluded"):
        member.taps("Tenho um sintoma")
        if state != "safety":
            for _ in range(20):
                if member.now.state == state:
                    break
                asked = member.now.question
                assert asked is not None
                reply = {"ask:about": "Sobre mim", "ask:age": "34 anos", "ask:story": "estou com tosse e coriza",
                         "ask:screen": "Nenhum destes", "ask:onset": "2 dias, não está piorando"}  # fmt: skip
                member.writes(reply.get(asked.name, "Não"))
    elif state == "emergency":
        member.writes(STROKE)
    elif state == "human":
        member.writes("atendente")
    elif state == "authorization":
        member.taps("Autorização")
    elif state in ("appointment", "medication", "general"):
        member.taps("Outros assuntos")
        member.taps({"appointment": "Consulta", "medication": "Remédios", "general": "Outra coisa"}[state])
    assert member.now.state == state
    return member


STATES = ["new", "open", "safety", "interview", "concluded", "emergency", "human", "authorization", "appointment",
          "medication", "general"]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_an_emergency_is_told_at_once_in_any_state(state: str) -> None:
    member = in_state(state)
    before = member.now.told
    came = member.writes(STROKE)
    assert member.now.state == "emergency"
    assert member.now.interview.level == "emergency"
    if before == "emergency":
        assert came.effects == (Forward(member.now.seen[-1]),)
    else:
        assert member.names == ["M-04", "where_emergency"]
        assert member.desks == [("nurse-callback", "stat")]
        assert member.levels == ["emergency"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("word", ["atendente", "HUMANO!", "pessoa"])
def test_a_person_is_one_word_away(state: str, word: str) -> None:
    member = in_state(state)
    member.writes(word)
    assert member.now.state in ("human", "emergency")
    assert member.names == ["M-13"]
    if state not in ("human", "emergency"):
        [(code, _)] = member.desks
        clinical = state in ("safety", "interview", "concluded")
        assert code == ("nurse-callback" if clinical else "service-desk")
    if state in ("safety", "interview"):
        assert member.levels == ["urgent"]


def test_first_contact_is_told_that_it_is_a_machine() -> None:
    member = Member()
    member.writes("bom dia")
    assert [one.title for one in member.says[0].options] == ["Tenho um sintoma", "Autorização", "Outros assuntos"]
    assert "assistente automático" in member.says[0].text
    assert member.now.state == "open"
    other = Member()
    other.writes("estou com febre desde ontem")
    assert other.names[0] == "notice"
    assert other.now.state == "safety"


def test_from_a_symptom_to_a_level() -> None:
    member = in_state("interview")
    while member.now.state == "interview":
        asked = member.now.question
        assert asked is not None
        assert len(member.says) == 1
        member.writes({"ask:story": "tosse e coriza", "ask:onset": "2 dias, não"}.get(asked.name, "Não"))
    assert member.now.state == "concluded"
    [level] = member.levels
    assert member.now.told == level
    assert member.names == [{"non-urgent": "M-10", "less-urgent": "M-09", "urgent": "M-08"}[level]]
    assert [code for code, _ in member.desks] == ["nurse-callback"]
    assert "{" not in member.says[0].text


def test_a_new_sign_after_a_level_opens_the_screen_again_and_keeps_the_floor() -> None:
    member = in_state("concluded")
    floor = member.now.interview.level
    member.writes("agora estou com vômito também")
    assert member.now.state in ("safety", "interview")
    assert LEVELS.index(member.now.interview.level) >= LEVELS.index(floor)
    member.writes("dor no peito")
    assert member.now.told in ("very-urgent", "emergency")


def test_pushback_changes_nothing_and_offers_a_person() -> None:
    member = Member()
    member.writes("desmaiei e voltei")
    assert member.now.told == "very-urgent"
    for text in ("mas não é nada", "já melhorou, não quero gastar", "deixa pra lá", "tenho certeza"):
        member.writes(text)
        assert member.now.interview.level == "very-urgent"
    assert member.now.state == "human"  # M-11 twice, then a person
    assert [name for one in member.turns for name in [say.name for say in one.says]].count("M-11") == 2


def test_who_thinks_of_suicide_is_not_sent_to_drive_anywhere() -> None:
    member = Member()
    member.writes("eu quero me matar, já comprei o veneno")
    assert member.names[-2:] == ["M-06", "where_suicide"]
    assert member.now.state == "emergency"
    assert ("nurse-callback", "stat") in member.desks


def test_buttons_of_an_earlier_question_repeat_the_current_one() -> None:
    member = in_state("safety")
    member.taps("Sobre mim")
    asked = member.now.question
    assert asked is not None
    member.taps("Sobre uma criança", at=-1)
    assert member.says[0].text.startswith("Esse botão era de uma pergunta anterior.")
    assert member.says[0].text.endswith(asked.text)
    assert member.now.interview.about == "self"
    assert member.now.state == "safety"


def test_a_row_of_the_screen_counts_even_when_it_is_old() -> None:
    member = in_state("interview")
    asked = [say.name for one in member.turns for say in one.says if say.options]
    member.taps("Rosto ou fala alterados", at=asked.index("ask:screen"))
    assert member.now.told in ("very-urgent", "emergency")


def test_nobody_understood_three_times_is_a_persons() -> None:
    member = in_state("open")
    for expected in ("menu_again", "menu_again", "M-13"):
        member.writes("xyzzy plugh")
        assert member.names == [expected]
    assert member.now.state == "human"
    assert member.desks == [("service-desk", "routine")]


def test_two_unread_answers_are_a_nurses() -> None:
    member = in_state("interview")
    for _ in range(8):
        if member.now.state != "interview":
            break
        member.writes("xyzzy plugh")
    assert member.now.state == "human"
    assert member.levels == ["urgent"]
    assert member.desks == [("nurse-callback", "urgent")]


def test_menu_in_an_interview_is_asked_first() -> None:
    member = in_state("safety")
    member.writes("menu")
    assert member.names == ["leave_interview"]
    assert member.now.state == "safety"
    member.taps("Continuar")
    assert member.names == ["ask:about"]
    member.writes("menu")
    member.taps("Sair das perguntas")
    assert member.names == ["menu"]
    assert (member.levels, member.desks) == (["urgent"], [("nurse-callback", "urgent")])
    assert member.now.state == "open"


@pytest.mark.parametrize("state", STATES)
def test_stop_and_return_in_any_state(state: str) -> None:
    member = in_state(state)
    kept = member.now.state
    assert Choice(NOTICES, False, Consented()) in member.writes("SAIR").effects
    assert member.names == ["M-16"]
    assert member.writes("voltar").effects == ()
    assert member.names == ["notices_offer"]
    assert Choice(("reminders",), True, Consented()) in member.taps("Lembretes").effects
    assert member.names == ["notices_on"]
    assert member.now.state == kept
    member.writes("quero parar de sentir isso")
    assert not any(isinstance(one, Choice) for one in member.turns[-1].effects)


def test_an_administrative_request_reaches_the_desk_with_a_protocol() -> None:
    member = in_state("authorization")
    member.writes("ressonância do joelho, pedido 8812")
    assert member.desks == [("service-desk", "routine")]
    assert member.now.state == "human"
    assert f"Protocolo {member.now.protocol}" in member.says[0].text
    pictured = in_state("authorization")
    pictured.sends("image")
    assert pictured.desks == [("service-desk", "routine")]
    sick = in_state("medication")
    sick.writes("o remédio é losartana e estou com tosse")
    assert sick.desks == [("pharmacist", "routine")]
    assert sick.now.state == "safety"


@pytest.mark.parametrize("state", STATES)
def test_voice_is_answered_and_in_clinical_states_a_persons(state: str) -> None:
    member = in_state(state)
    came = member.sends("audio")
    if state == "human":
        assert came.says == ()
        assert [type(one) for one in came.effects] == [Forward]
        return
    assert "áudios" in came.says[-1].text
    clinical = state in ("safety", "interview", "concluded", "emergency")
    assert ("Já pedi a uma pessoa" in came.says[-1].text) is clinical
    assert bool(member.desks) is (clinical and state != "emergency")
    assert member.sends("sticker").says == member.sends("reaction").says == ()


def test_emergency_buttons() -> None:
    member = in_state("emergency")
    member.found = Found(near=Near(task="Task/1"))
    member.taps("Não consigo ligar")
    assert member.names == ["M-05"]
    member.writes("rua das flores 12")
    assert member.names == ["emergency_again"]
    assert [type(one) for one in member.turns[-1].effects] == [Forward, Located]
    member.writes("menu")
    assert member.now.state == "emergency"


def test_what_to_do_is_repeated_until_somebody_has_taken_over() -> None:
    member = in_state("emergency")
    told = []
    for text in ("ela está pior", STROKE, "rua das flores 12", "e agora?", "alguém?", "oi?", "por favor"):
        member.writes(text)
        told += member.names
    assert told == [name for name in AGAIN for _ in range(2)]  # in other words each time, and not without end
    other = in_state("emergency")
    other.now = replace(other.now, taken=True)
    assert other.writes("ela está pior").says == ()
    assert other.turns[-1].effects == (Forward(other.now.seen[-1]),)


@pytest.mark.parametrize("helped", ["já liguei", "o SAMU chegou"])
def test_nothing_is_repeated_once_help_is_there(helped: str) -> None:
    member = in_state("emergency")
    member.writes(helped)
    assert member.names == ["emergency_called"]
    assert member.writes("obrigada").says == ()
    member = in_state("emergency")
    member.taps("Já liguei")
    assert member.writes("obrigada").says == ()


def test_an_emergency_that_comes_late_is_told_then_asked() -> None:
    member = Member()
    member.writes(STROKE, late=7 * 3600)
    assert member.names == ["M-04", "where_emergency", "late_emergency"]


def test_why() -> None:
    member = Member()
    member.writes("desmaiei e voltei")
    member.writes("por que?")
    assert member.names == ["M-17"]
    assert "desmaiei" in member.says[0].text.lower()
    member.taps("Quero revisão")
    assert member.desks == [("nurse-callback", "urgent")]


def test_requests_about_own_data_have_a_protocol() -> None:
    member = in_state("open")
    member.writes("meus dados")
    assert member.desks == [("data-subject-request", "routine")]
    assert "Protocolo P-" in member.says[0].text
    assert member.names == ["request_taken", "proof_born"]


def test_requests_about_own_data_wait_for_nobody_who_has_the_talk() -> None:
    member = in_state("human")
    member.writes("apagar")
    assert member.desks == [("data-subject-request", "routine")]
    assert (member.now.state, member.names) == ("human", ["request_taken"])


def test_silences() -> None:
    asked = in_state("safety").now
    reminded = silent(asked, Then.REMIND, rules(), "P", NOON + 999)
    assert reminded.conversation.state == "safety"
    assert reminded.says[0].text.endswith("É sobre você ou outra pessoa?")
    over = silent(reminded.conversation, Then.NURSE, rules(), "P", NOON + 2000)
    assert over.conversation.interview.level == "urgent"
    assert over.conversation.state == "human"
    ended = silent(in_state("authorization").now, Then.END, rules(), "P", NOON)
    assert (ended.conversation.state, [one.name for one in ended.says]) == ("open", ["ended"])
    assert silent(in_state("human").now, Then.RETURN, rules(), "P", NOON).conversation.state == "open"


def test_an_episode_is_over_a_day_after_its_end_and_a_conversation_after_half_a_year() -> None:
    member = in_state("concluded")
    member.clock += 25 * 3600
    member.writes("oi")
    assert (member.now.state, member.now.told, member.now.interview.level) == ("open", None, "non-urgent")
    member.clock += 181 * 24 * 3600
    member.writes("oi")
    assert member.names == ["M-01"]


def test_a_professional_alone_ends_an_emergency() -> None:
    member = in_state("emergency")
    member.clock += 40 * 24 * 3600
    member.writes("oi")
    assert member.now.state == "emergency"
    assert returned(member.now).state == "open"
    assert returned(member.now).interview.level == "non-urgent"


def test_an_edit_is_scanned_and_has_no_other_turn() -> None:
    member = in_state("open")
    assert member.hears(member.message("quero um boleto", "edit")).says == ()
    member.hears(member.message(STROKE, "edit"))
    assert member.names == ["M-04", "where_emergency"]


def test_a_conversation_begins_new() -> None:
    assert Conversation().state == "new"


def test_the_third_contact_for_a_complaint_in_three_days_goes_to_a_person() -> None:
    member = Member()
    seen = []
    for days in (0, 25, 25):
        member.clock += days * 3600
        member.writes("estou com tosse e coriza")
        for _ in range(30):
            asked = member.now.question
            if asked is None or member.now.state not in ("safety", "interview"):
                break
            reply = {"ask:about": "Sobre mim", "ask:age": "34 anos", "ask:screen": "Nenhum destes",
                     "ask:onset": "2 dias, não está piorando"}  # fmt: skip
            member.writes(reply.get(asked.name, "Não"))
        seen.append((member.now.state, member.now.told))
    assert seen == [("concluded", "less-urgent"), ("concluded", "less-urgent"), ("human", "urgent")]


def test_well_being_told_to_a_question_is_no_alarm() -> None:
    member = in_state("interview")
    for _ in range(20):
        asked = member.now.question
        assert asked is not None
        if asked.name == "ask:confused":
            break
        member.writes("Não")
    member.writes("confuso? tô lúcido")
    assert member.now.told is None
