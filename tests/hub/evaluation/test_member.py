"""A member of a case answers what is shown as somebody with a telephone does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from care_services.chat.buttons import Button
from care_services.triage.rule_set import rules
from hub.evaluation.cases import Case
from hub.evaluation.member import Member, Said, Shown, Tap
from tests.hub.evaluation.telling import answers, case

TEXTS = rules().texts


def shown(text: str, flow: str = "", item: str = "", **choices: str) -> Shown:
    taps = [Tap(Button(flow, "2026.1", item, key.replace("_", "-"), 3).id, title) for key, title in choices.items()]
    return Shown(text, tuple(taps))


def title(said: Said) -> str:
    return said.title if isinstance(said, Tap) else f"written: {said}"


ABOUT = shown(TEXTS["M-02"], "ask", "about", **{"0": "Sobre mim", "1": "Sobre uma criança", "2": "Outra pessoa"})
YES_NO = {"sim": "Sim", "nao": "Não", "nao_sei": "Não sei"}
ROWS = {"0": "Dor ou aperto no peito", "1": "Falta de ar forte", "2": "Rosto ou fala alterados", "9": "Nenhum destes"}
SCREEN = shown(TEXTS["M-03"], "ask", "screen", **ROWS)
MENU = shown(
    TEXTS["M-01"], "menu", "menu", symptom="Tenho um sintoma", authorization="Autorização", other="Outros assuntos"
)


@pytest.mark.parametrize(
    ("told", "question", "reply"),
    [
        ({"about": "self"}, ABOUT, "Sobre mim"), ({"about": "child"}, ABOUT, "Sobre uma criança"),
        ({"about": "other"}, ABOUT, "Outra pessoa"),
        ({"age": 71.0}, shown(TEXTS["age"]), "written: 71 anos"),
        ({"age": 2 / 12}, shown(TEXTS["age"]), "written: 2 meses"),
        ({"age": 0.02}, shown(TEXTS["age"]), "written: 7 dias"),
        ({"age": 1.5}, shown(TEXTS["age"]), "written: 18 meses"),
        ({"age": 0.0}, shown(TEXTS["age"]), "written: menos de 1 ano"),
        ({"age": 0.0, "forms": {"opening": ("bebê de 20 dias não mama",)}}, shown(TEXTS["age"]), "written: 20 dias"),
        ({"age": None}, shown(TEXTS["age"]), "written: adulto"),
        ({}, shown(f"{TEXTS['notice']}\n\n{TEXTS['age']}"), "written: 71 anos"),
        ({"pregnant": "yes"}, shown(TEXTS["pregnancy"], "ask", "pregnancy", **YES_NO), "Sim"),
        ({"pregnant": "no"}, shown(TEXTS["pregnancy"], "ask", "pregnancy", **YES_NO), "Não"),
        ({"pregnant": None}, shown(TEXTS["pregnancy"], "ask", "pregnancy", **YES_NO), "Não"),
        ({"pregnant": "postpartum"}, shown(TEXTS["pregnancy"], "ask", "pregnancy", **YES_NO),
         "written: Tive bebê há poucas semanas"),
        ({}, SCREEN, "Nenhum destes"),
        ({"answers": answers(fala="sim")}, SCREEN, "Rosto ou fala alterados"),
        ({"answers": answers(fala="não, normal")}, SCREEN, "Nenhum destes"),
        ({"answers": answers(fala="já parou")}, SCREEN, "Nenhum destes"),
        ({"answers": answers(dor="só coça")}, SCREEN, "Nenhum destes"),
        ({"answers": answers(dor="hoje nada")}, SCREEN, "Nenhum destes"),
        ({"answers": answers(fala="já parou, foram uns 3 minutos")}, SCREEN, "Nenhum destes"),
        ({"answers": answers(peito="mama tudo e já molhou seis fraldas hoje")}, SCREEN, "Nenhum destes"),
        ({"answers": answers(peito="é na pele mesmo, onde tem a bolha")}, SCREEN, "Nenhum destes"),
        ({"answers": answers(fala="tá muito enrolada")}, SCREEN,
         "written: Rosto ou fala alterados. tá muito enrolada"),
        ({"answers": answers(fala="parou e voltou")}, SCREEN, "written: Rosto ou fala alterados. parou e voltou"),
        ({"answers": answers(fala="sim, desde cedo")}, SCREEN, "written: Rosto ou fala alterados. sim, desde cedo"),
        ({"answers": answers(febre="sim")}, shown("Está com febre?", "ask", "fever", **YES_NO), "Sim"),
        ({"answers": answers(febre="uns 39")}, shown("Está com FEBRE?", "ask", "fever", **YES_NO), "written: uns 39"),
        ({}, shown("Está com febre?", "ask", "fever", **YES_NO), "Não"),
        ({"default": "Sim"}, shown("Está com febre?", "ask", "fever", **YES_NO), "Sim"),
        ({}, shown(TEXTS["onset"]), "written: Não"),
        # What stands before the question is not asked.
        ({"answers": answers(medico="sim")}, shown(f"{TEXTS['notice']}\n\nTosse?", "ask", "cough", **YES_NO), "Não"),
        ({}, shown(TEXTS["story"]), "written: minha mãe está muito estranha hoje, não sei o que é"),
        ({}, MENU, "Tenho um sintoma"),
        ({"gold": "administrative", "forms": {"opening": ("cadê minha autorização",)}}, MENU, "Autorização"),
        ({"gold": "administrative", "forms": {"opening": ("mudei de endereço",)}}, MENU, "Outros assuntos"),
    ],
)  # fmt: skip
def test_what_is_answered(told: dict[str, Any], question: Shown, reply: str) -> None:
    member = Member(case(**told), "opening", rules())
    member.begins()
    [said] = member.hears([question])
    assert title(said) == reply


def spoken(one: Case, replies: Sequence[Shown], **options: bool) -> tuple[Member, list[list[str]]]:
    member = Member(one, "opening", rules(), **options)
    said = [[title(each) for each in member.begins()]]
    said += [[title(each) for each in member.hears([reply] if reply.text else [])] for reply in replies]
    return member, said


@pytest.mark.parametrize("name", ["M-04", "M-06", "M-07", "M-08", "M-09", "M-10", "M-13"])
def test_a_level_or_a_person_ends_the_talk(name: str) -> None:
    member, said = spoken(case(), [shown(f"{TEXTS['notice']}\n\n{TEXTS[name]}".format(
        protocol=1, warning_signs="x", slot="x", minutes=1))])  # fmt: skip
    assert said[1] == []
    assert member.ended
    assert member.talk.person == (name == "M-13")


def test_silence_ends_it() -> None:
    assert spoken(case(), [shown("")])[1][1] == []


def test_pushback_four_times_after_the_level() -> None:
    told, again = shown(TEXTS["M-09"].format(slot="x", warning_signs="x")), shown(TEXTS["M-11"].format(action="x"))
    _, said = spoken(case(), [told, again, again, again, shown("")], pushback=True)
    assert [len(one) for one in said] == [1, 1, 1, 1, 1, 0]


def test_about_a_relative_is_about_another() -> None:
    member = Member(case(about="self", forms={"relative": ("dor",)}), "relative", rules())
    [said] = member.hears([ABOUT])
    assert title(said) == "Outra pessoa"


def test_a_level_counts_only_if_its_text_went_out() -> None:
    member, _ = spoken(case(), [shown(TEXTS["M-08"].format(warning_signs="x", protocol=1))])
    assert member.heard("urgent")
    assert not member.heard("emergency")
    member, _ = spoken(case(), [shown(TEXTS["M-04"])])
    assert member.heard("emergency")
    assert not member.heard("very-urgent")


def test_who_was_not_understood_does_not_know() -> None:
    member = Member(case(answers=answers(remedio="um rosinha de nada")), "opening", rules())
    question = shown("Usa remédio?", "ask", "anticoagulant", **YES_NO)
    assert [title(member.answer(question)) for _ in range(2)] == ["written: um rosinha de nada", "Não sei"]
