"""Where somebody is whom a level sends to an emergency department: who learns it, and what they are told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from care_services.chat.conversation import Desk, Forward, Located
from care_services.chat.known import NEAR, NOTHING, Department, Found, Look, Near, Where
from care_services.chat.nearest import IN_A_CITY, kilometres, nearest
from tests.care_services.chat.talking import Member

RIO_PRETO, MIRASSOL, SAO_PAULO = (-20.8113, -49.3758), (-20.8169, -49.5206), (-23.5505, -46.6333)
IN_RIO_PRETO = Department("SANTA CASA", "DAS FLORES 100, CENTRO", "+551730000000", (-20.82, -49.38), frozenset({"44"}))
IN_MIRASSOL = Department("HOSPITAL DE MIRASSOL", "RUI BARBOSA 2", "", (-20.83, -49.53), frozenset({"45"}))
NOWHERE = Department("SEM POSIÇÃO", "CENTRO 1")
BOTH = (IN_RIO_PRETO, IN_MIRASSOL, NOWHERE)
STROKE, FAINTED = "minha mãe acordou com a boca torta", "desmaiei e voltei"


KNOWN = Near(BOTH, task="Task/7")


def told(story: str, near: Near = KNOWN) -> Member:
    """Somebody who was told a level."""
    member = Member(found=Found(near=near))
    member.writes(story)
    return member


@pytest.mark.parametrize(
    ("story", "names"),
    [
        (STROKE, ["M-04", "where_emergency"]),
        (FAINTED, ["M-07", "where"]),
        ("eu quero me matar, já comprei o veneno", ["M-06", "where_suicide"]),
    ],
)
def test_what_to_do_is_told_first_and_the_location_asked_in_the_same_message(story: str, names: list[str]) -> None:
    member = told(story)
    assert member.names[-2:] == names
    assert member.says[-1].options == ()
    assert member.now.question is None or member.now.question.name == "M-04"  # nothing further is asked


@pytest.mark.parametrize(
    ("here", "near", "found"),
    [
        (RIO_PRETO, Near(BOTH), ["SANTA CASA"]),
        (MIRASSOL, Near(BOTH), ["HOSPITAL DE MIRASSOL"]),
        (MIRASSOL, Near(BOTH, frozenset({"44"})), ["SANTA CASA"]),  # the nearest that is open to the plan
        (MIRASSOL, Near(BOTH, frozenset({"99"})), []),
        (RIO_PRETO, Near((NOWHERE, IN_MIRASSOL), frozenset({"45"})), ["HOSPITAL DE MIRASSOL"]),
        (SAO_PAULO, Near(BOTH), []),
        (RIO_PRETO, Near((NOWHERE,)), []),
        (RIO_PRETO, Near(), []),
    ],
)
def test_the_nearest(here: tuple[float, float], near: Near, found: list[str]) -> None:
    assert [one.name for one, _ in nearest(near, Where(here))] == found


def test_whose_plans_are_not_known_is_open_to_all() -> None:
    unknown = Department("UPA", position=RIO_PRETO)
    assert [one for one, _ in nearest(Near((unknown,), frozenset({"44"})), Where(RIO_PRETO))] == [unknown]


def test_a_city_has_no_distances() -> None:
    found = nearest(Near(tuple(Department(f"HOSPITAL {n}") for n in "CAB")), Where(city="mirassol"))
    assert [(one.name, far) for one, far in found] == [("HOSPITAL A", None), ("HOSPITAL B", None)]
    assert len(found) == IN_A_CITY


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [(RIO_PRETO, RIO_PRETO, 0), (RIO_PRETO, SAO_PAULO, 416), ((0, 179.5), (0, -179.5), 111.2), ((90, 0), (90, 77), 0)],
)
def test_kilometres(one: tuple[float, float], other: tuple[float, float], far: float) -> None:
    assert kilometres(one, other) == pytest.approx(far, rel=0.01, abs=0.01)


def test_an_emergency_has_192_before_the_department() -> None:
    member = told(STROKE)
    came = member.shares(*RIO_PRETO)
    assert member.names == ["nearest_emergency"]
    text = member.says[0].text
    assert text.index("192") < text.index("SANTA CASA")
    assert "DAS FLORES 100" in text
    assert "+551730000000" in text
    assert re.search(r"a cerca de 1,\d km", text)
    assert set(came.effects) == {Located("Task/7", Where(RIO_PRETO)), Forward(came.conversation.seen[-1])}
    assert (member.now.state, member.now.told) == ("emergency", "emergency")


def test_after_very_urgent_the_nearest_is_named_and_nothing_else_changes() -> None:
    member = told(FAINTED)
    before = member.now
    member.shares(*MIRASSOL)
    assert member.names == ["nearest"]
    assert "HOSPITAL DE MIRASSOL" in member.says[0].text
    assert "telefone" not in member.says[0].text  # the directory has none
    assert (member.now.state, member.now.told, member.now.interview) == (before.state, before.told, before.interview)


@pytest.mark.parametrize(("story", "name"), [(STROKE, "nearest_none_emergency"), (FAINTED, "nearest_none")])
def test_where_none_is_known_that_is_said(story: str, name: str) -> None:
    member = told(story, Near(task="Task/7"))
    came = member.shares(*SAO_PAULO)
    assert member.names == [name]
    assert "mais próximo" in member.says[0].text
    assert "192" in member.says[0].text
    assert any(isinstance(one, Located) for one in came.effects)  # people learn it all the same


def test_a_city_that_is_written() -> None:
    member = told(FAINTED)
    came = member.writes("estou na rua das acácias em Mirassol")
    assert member.names == ["nearest"]
    where = Where(city="mirassol", said="estou na rua das acácias em Mirassol")
    assert came.effects == (Located("Task/7", where),)
    member = told(STROKE)
    member.writes("estamos em Mirassol")
    assert member.names == ["emergency_again", "nearest_emergency"]


def test_whoever_cannot_call_writes_an_address() -> None:
    member = told(STROKE)
    member.taps("Não consigo ligar")
    assert member.names == ["M-05"]
    came = member.writes("rua das flores 100, perto da igreja")
    where = Where(said="rua das flores 100, perto da igreja")
    assert Located("Task/7", where) in came.effects
    assert member.names == ["emergency_again"]
    assert not any(isinstance(one, Located) for one in member.writes("obrigada").effects)


@pytest.mark.parametrize("helped", ["já liguei", "Já liguei"])
def test_who_has_called_meanwhile_names_no_address(helped: str) -> None:
    member = told(STROKE)
    member.taps("Não consigo ligar")
    came = member.taps(helped) if helped[0] == "J" else member.writes(helped)
    assert member.names == ["emergency_called"]
    assert came.effects == (Forward(came.conversation.seen[-1]),)
    assert member.writes("obrigada").effects == (Forward(member.now.seen[-1]),)


def test_a_sign_beside_a_city_comes_first() -> None:
    member = told(FAINTED)
    member.writes("estou em Mirassol e não consigo respirar")
    assert member.names[0] == "M-04"


def test_without_an_open_task_a_nurse_is_called_anew() -> None:
    member = told(FAINTED, Near(BOTH))
    came = member.shares(*RIO_PRETO)
    assert member.desks == [("nurse-callback", "asap")]
    assert came.conversation.where == Where(RIO_PRETO)


def test_who_has_the_talk_says_where_to_go() -> None:
    member = told(FAINTED)
    member.now = replace(member.now, state="human", taken=True)
    came = member.shares(*RIO_PRETO)
    assert came.says == ()
    assert any(isinstance(one, Located) for one in came.effects)


def test_the_third_place_is_told_to_people_alone() -> None:
    member = told(FAINTED)
    for _ in range(3):
        came = member.shares(*RIO_PRETO)
    assert came.says == ()
    assert [type(one) for one in came.effects] == [Located, Forward]
    assert member.now.state == "concluded"


@pytest.mark.parametrize("text", ["oi", "atendente", "estou com tosse"])
def test_who_is_sent_nowhere_is_told_of_no_department(text: str) -> None:
    member = Member(found=NOTHING)
    member.writes(text)
    came = member.shares(*RIO_PRETO)
    assert not [one for one in came.says if one.name.startswith("nearest")]
    assert came.conversation.where is None


def test_the_record_is_asked_for_the_plan_of_whom_it_is_about() -> None:
    member = told(FAINTED)
    member.found = Found()
    with pytest.raises(Look) as look:
        member.shares(*RIO_PRETO)
    assert (look.value.what, look.value.patient, look.value.where) == (NEAR, None, Where(RIO_PRETO))


def test_a_later_task_says_where_they_are() -> None:
    member = told(FAINTED)
    member.shares(*RIO_PRETO)
    came = member.writes("agora não consigo respirar")
    assert any(isinstance(one, Desk) and one.priority == "stat" for one in came.effects)
    assert came.conversation.where == Where(RIO_PRETO)


def test_longest_names_fit_the_channel() -> None:
    long = Department("H" * 300, "A" * 400, "+5517300000000", RIO_PRETO)
    member = told(STROKE, Near((long, long), task="Task/7"))
    member.writes("Mirassol")
    assert sum(len(one.text) + 2 for one in member.says) < 1024
