"""Well-being told instead of a no, and a lack told by a reply that begins with one."""

from __future__ import annotations

import pytest

from care_services.triage.rule_set import rules
from care_services.triage.scanner import scan
from tests.care_services.triage.conftest import Refused


def understood(code: str, reply: str) -> bool | None:
    """How the reply to the finding's question is read."""
    return rules().answers.yes_no(scan(reply, rules()).words, code, rules().findings[code].ask)


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        ("drowsy", "tá espertíssimo, pulando e virando cambalhota"), ("drowsy", "tá animada, brinca e bebe água"),
        ("fetal_movement_less", "já sinto as borboletinhas, sim"), ("fetal_movement_less", "mexe o dia todo"),
        ("not_feeding", "mama super bem de 3 em 3 horas"), ("no_urine", "fez três vezes hoje"),
        ("stiff_neck", "dobro o pescoço numa boa"), ("stiff_neck", "um pouco tensa, mas mexo normal"),
        ("one_side_weak", "tenho força"), ("legs_weak", "pernas firmes, subi no andaime hoje"),
        ("belly_rigid", "tá mole"), ("bleeding_heavy", "só um risquinho no papel"),
        ("drooling", "dói mas engulo tudo"), ("limp", "molinha que nada"),
        ("speech_trouble", "tô falando mais que papagaio"),
        ("purple_spots", "são bolinhas vermelhas, some quando aperto"),
        ("cannot_breathe", "respiro normal, foi modo de dizer"), ("no_urine", "come, bebe e faz xixi normal"),
    ],
)  # fmt: skip
def test_what_a_body_does_is_a_no(code: str, reply: str) -> None:
    assert understood(code, reply) is False


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        ("fetal_movement_less", "não senti nada desde ontem"), ("fetal_movement_less", "quase nada"),
        ("not_feeding", "não quis nas últimas duas vezes"), ("not_feeding", "bem pouco"), ("no_urine", "não fez"),
        ("cannot_urinate", "não sai"), ("bleeding_heavy", "não para"), ("legs_weak", "não mexe nem sente as pernas"),
        ("unconscious", "não responde"), ("drooling", "não engulo nem saliva"), ("choking", "não tá passando ar"),
        ("sphincter_loss", "não seguro"), ("speech_trouble", "falou enrolado sim, depois normal"),
        ("belly_rigid", "dura"), ("not_feeding", "mama não"), ("limp", "nem reage"),
    ],
)  # fmt: skip
def test_what_it_does_not_do_is_a_yes(code: str, reply: str) -> None:
    assert understood(code, reply) is True


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        ("not_feeding", "não mama bem"), ("drowsy", "responde mas fica devagar"), ("drowsy", "sim, brincando"),
        ("no_urine", "fez ontem de noite"), ("not_feeding", "não quer papinha, mas mama bem"),
        ("drowsy", "tá dormindo, brincou muito"),
    ],
)  # fmt: skip
def test_what_may_mean_both_is_neither(code: str, reply: str) -> None:
    assert understood(code, reply) is None


@pytest.mark.parametrize(
    ("code", "reply"), [("fetal_movement_less", "não mexe menos não"), ("one_side_weak", "não sinto nada disso")]
)
def test_a_no_to_the_lack_itself_is_a_no(code: str, reply: str) -> None:
    assert understood(code, reply) is False


def test_an_opposite_of_what_is_not_there_is_refused(refused: Refused) -> None:
    more = '[flies]\nof = "wings"\n[sings]\nof = "drowsy"\nwell = "canta("\n'
    assert refused("opposites.toml", lambda text: text + more).splitlines() == [
        "opposites.toml flies: well is missing",
        "opposites.toml flies: no finding 'wings'",
        "opposites.toml: sings.well is no regular expression: missing ), unterminated subpattern at position 2",
        "opposites.toml sings: 'drowsy' has an opposite already",
    ]
