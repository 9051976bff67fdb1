"""What is told of a thing or of somebody in a tale is no sign of a body, and only asked."""

from __future__ import annotations

import pytest

from care_services.triage.rule_set import rules
from care_services.triage.scanner import scan
from tests.care_services.triage.conftest import Refused


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("meu carro morreu na subida, apagou do nada e ficou engasgando", "fainted"),
        ("meu carro morreu na subida, apagou do nada e ficou engasgando", "choking"),
        ("perdi a consulta porque meu corsa afogou e engasgou ontem", "choking"),
        ("sou confeiteira, o fermento morreu e desmaiou", "fainted"),
        ("meu celular esquentou e apagou do nada", "fainted"),
        ("foi o carro que engasgou, comigo nada", "choking"),
        ("a vilã tomou chumbinho e caiu dura no tapete", "poisoning"),
        ("ontem no valorant levei tiro na cabeça, facada, morri 30 vezes e o punho tá dolorido", "weapon_wound"),
        ("a vilã tomou o próprio veneno e caiu dura no tapete", "fainted"),
    ],
)
def test_what_is_told_of_no_body_is_asked(told: str, code: str) -> None:
    heard = scan(told, rules())
    assert code not in heard.present()
    assert heard.to_ask()[code].status == "pointed"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("o carro parou e ele desmaiou", "fainted"),
        ("o carro morreu na subida e desmaiei", "fainted"),
        ("meu pai bateu o carro apagou na hora", "fainted"),
        ("a gente tava no carro, minha mãe apagou do nada", "fainted"),
        ("dirigindo o carro apagou do nada", "fainted"),
        ("o carro atropelou ele", "major_trauma"),
        ("o carro capotou", "major_trauma"),
        ("o carro que meu pai dirigia parou porque ele apagou do nada", "fainted"),
        ("foi o pão que engasgou", "choking"),
        ("o pão entalou e engasgou ela", "choking"),
        ("o arroz entalou na garganta", "choking"),
        ("um passageiro do meu carro está tendo uma crise epiléptica", "seizure"),
        ("meu filho caiu e pergunta onde tá a moto toda hora, repete a mesma pergunta", "confused"),
        ("a vila ficou no escuro e meu avô tomou veneno", "poisoning"),
        ("o celular tocou, minha avó desmaiou", "fainted"),
        ("vi a novela e desmaiei", "fainted"),
        ("tava no valorant e comecei a ter uma convulsão", "seizure"),
        ("jogava valorant, levei um tiro na perna", "weapon_wound"),
        ("meu marido desmaiou no carro", "fainted"),
        ("a motorista do carro desmaiou", "fainted"),
    ],
)
def test_what_is_told_of_somebody_is_a_sign(told: str, code: str) -> None:
    assert code in scan(told, rules()).present()


def test_things_of_findings_that_are_not_there_are_refused(refused: Refused) -> None:
    more = '[birds]\nwords = "pato"\nfindings = "wings"\n'
    assert refused("subjects.toml", lambda text: text + more) == "subjects.toml birds: no finding 'wings'"
