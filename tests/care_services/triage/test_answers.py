"""How a reply to a question is read."""

from __future__ import annotations

import pytest

from care_services.triage.normal import words_of
from care_services.triage.rule_set import rules


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("sim", True),
        ("tá bem mole", True),
        ("tá dormindo direto", True),
        ("não", False),
        ("respira bem", False),
        ("tô fazendo xixi normal", False),
        ("fez xixi agora há pouco", False),
        ("mama bem, acorda e sorri", False),
        ("sim, mama bem", None),
        ("fala bem enrolado", None),
        ("respirando mal", None),
        ("não sei", None),
        ("tem nada", False),
        ("tô sem febre", False),
        ("agora não", False),
        ("tomo nada", False),
        ("fiz teste, negativo", False),
        ("tá mamando", False),
        ("tá tudo bem", False),
        ("teve, mas agora tá bem", True),
        ("é só uma queimação", None),
        ("tá sem ar", True),
        ("tem não, moça", False),
        ("tá bem, graças a Deus", False),
        ("Deus me livre", False),
        ("zero", False),
        ("afunda sim, e tá gemendo", True),
        ("diz que sim", True),
        ("tô com falta de ar, febre não", True),
    ],
)
def test_a_reply(reply: str, read: bool | None) -> None:
    assert rules().answers.yes_no(words_of(reply, rules().spellings)) is read


@pytest.mark.parametrize(
    ("asked", "read"), [("Está sangrando, um sangramento que não para?", False), ("Teve uma convulsão?", True)]
)
def test_what_has_stopped_is_a_no_only_to_what_does_not_stop(asked: str, read: bool) -> None:
    assert rules().answers.yes_no(words_of("já parou", rules().spellings), asked=asked) is read


@pytest.mark.parametrize(
    ("reply", "asked", "read"),
    [
        ("um pouco", "A dor na barriga é muito forte?", None),
        ("um pouco", "Está vomitando?", True),
        ("só a esquerda, inchada, quente e dolorida", "Uma perna só está inchada, quente ou dolorida?", True),
        ("só dolorida", "Uma perna só está inchada, quente ou dolorida?", None),
        ("dolorida, inchada nem quente", "Uma perna só está inchada, quente ou dolorida?", None),
        ("a dor na barriga começou ontem", "A dor na barriga é muito forte ou começou de repente?", None),
        ("uso DIU", "Pode haver gravidez?", None),
        ("uso", "Usa remédio para afinar o sangue?", True),
        ("já parou faz tempo", "Usa remédio para afinar o sangue?", None),
        ("foi da bicicletinha parada", "Sofreu um acidente grave ou caiu de um lugar alto?", None),
        ("foi um acidente de moto", "Sofreu um acidente grave ou caiu de um lugar alto?", True),
        ("é a de todo mês", "A dor na barriga é muito forte ou começou de repente?", None),
        ("foi de repente", "A dor na barriga é muito forte ou começou de repente?", True),
        ("foi de repente, igual à outra vez", "A dor na barriga é muito forte ou começou de repente?", True),
        ("foi vindo devagar, igual sempre", "É a pior dor de cabeça da vida, ou começou de repente?", False),
        ("foi vindo devagar, mas agora é a pior da vida", "É a pior dor da vida, ou começou de repente?", True),
        ("é igual sempre", "É a pior dor de cabeça da vida, ou começou de repente?", None),
        ("tá mole, sem dor", "A dor na barriga é muito forte ou começou de repente?", False),
        ("tá muito forte, sem dor nas costas", "A dor na barriga é muito forte ou começou de repente?", True),
        ("tá dura, sem dor", "A barriga está dura como uma tábua, sem poder encostar?", True),
        ("36,9, sem febre", "Está com febre?", False),
        ("só a batedeira, não levei choque", "Levou um choque elétrico?", False),
        ("ninguém se queimou, só o bolo", "Queimou o rosto, as mãos, as partes íntimas ou uma área grande?", False),
        ("o nariz não estanca e a gengiva também", "Está com algum sangramento?", None),
        ("fico zonzo, não desmaiei", "Está com tontura ou sensação de desmaio?", None),
        ("quase não tem urina", "Arde ou sai sangue ao urinar?", None),
        ("desmaiou, não vomitou", "Depois da pancada vomitou, desmaiou, ficou sonolento ou confuso?", None),
        ("respiro normal, era brincadeira", "Está com falta de ar?", False),
        ("não é brincadeira, tá doendo muito", "Está com alguma dor?", None),
        ("não, foi zoeira", "Está com alguma dor?", False),
        ("foi o carro que engasgou kkk, comigo nada", "Engasgou com alguma coisa e ainda não respira bem?", False),
        ("foi um pão que engasgou", "Engasgou com alguma coisa e ainda não respira bem?", True),
        ("brincadeira à parte, tá doendo muito", "Está com alguma dor?", None),
        ("foi numa brincadeira na escola", "Bateu a cabeça?", None),
        ("era brincadeira, mas agora dói", "Está com alguma dor?", None),
    ],
)
def test_a_reply_to_what_is_asked(reply: str, asked: str, read: bool | None) -> None:
    assert rules().answers.yes_no(words_of(reply, rules().spellings), asked=asked) is read


@pytest.mark.parametrize(
    ("code", "reply", "read"),
    [
        ("fever", "39", True),
        ("fever", "deu 36,7", False),
        ("fever", "há 3 dias", None),
        ("cold_baby", "35,2", True),
        ("sugar_low_named", "48", True),
        ("chest_pain", "39", None),
    ],
)
def test_a_number_answers_what_is_measured(code: str, reply: str, read: bool | None) -> None:
    assert rules().answers.by_number(code, words_of(reply, rules().spellings)) is read
