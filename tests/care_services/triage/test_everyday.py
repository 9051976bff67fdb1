"""How everyday a story sounds, and what its weights were learnt from."""

from __future__ import annotations

import hashlib
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.triage.doubt import everyday
from care_services.triage.everyday import Everyday, features
from care_services.triage.rule_set import rules
from tests.care_services.triage.conftest import Refused

CASES = Path(__file__).parent / "cases"


def test_a_story_is_weighed_by_its_words_and_pairs() -> None:
    learnt = Everyday({"coriza": -4.0, "boca torta": 6.0, "0 dias": -3.0}, below=-1.0, above=2.0, learnt={})
    assert features(["ha", "3", "dias"]) == {"ha", "0", "dias", "ha 0", "0 dias"}
    assert learnt.score(["coriza"]) == -4
    assert learnt.score(["boca", "torta"]) == pytest.approx(6 / 3**0.5)
    assert learnt.score(["12", "dias"]) == pytest.approx(-3 / 3**0.5)
    assert learnt.score([]) == inf
    assert learnt.sounds_everyday(["coriza"])
    assert not learnt.sounds_everyday(["palavra"])
    assert learnt.sounds_grave(["boca", "torta"])
    assert not learnt.sounds_grave([])


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("oi, tô com coriza e a garganta arranhando desde ontem, trabalhando normal", True),
        ("quero marcar consulta com dermatologista, umas espinhas no rosto faz uns meses", True),
        ("meu pai acordou com a boca torta e não levanta o braço", False),
        ("ela tá gelada, suando e não responde direito", False),
        ("xyzzy", False),
        ("", False),
    ],
)
def test_what_sounds_everyday(story: str, expected: bool) -> None:
    assert everyday(story, rules()) is expected


@given(st.text())
def test_any_text_sounds_of_something(text: str) -> None:
    assert everyday(text, rules()) in (True, False)


def test_the_weights_were_learnt_from_the_cases_as_they_are() -> None:
    learnt = rules().everyday.learnt
    assert learnt
    for name, digest in learnt.items():
        held = hashlib.sha256((CASES / f"{name}.jsonl").read_bytes()).hexdigest()
        assert held == digest, f"{name}: python -m scripts.train_everyday"


@pytest.mark.parametrize(("name", "old", "new"), [
    ("everyday.toml", "below =", "beneath ="),
    ("everyday_words.txt", "", "heavy coriza\n"),
])  # fmt: skip
def test_weights_that_cannot_be_read_are_refused(refused: Refused, name: str, old: str, new: str) -> None:
    assert "everyday.toml, everyday_words.txt" in refused(name, lambda text: text.replace(old, new, 1))
