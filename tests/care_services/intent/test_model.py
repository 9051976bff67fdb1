"""What members want, on texts that the grammar does not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_services.intent.examples import examples
from care_services.intent.features import features, number
from care_services.intent.model import WEIGHTS, WORDS, digest, intent_of, model
from hub.evaluation.run_intent import evaluate_intent, gates_of

CASES = Path(__file__).parent / "cases"
UNSEEN = (CASES / "set13.jsonl", CASES / "set14.jsonl")
"""What the classifier has not learnt from."""


def test_the_gates_of_a_release_on_texts_it_has_not_learnt_from() -> None:
    figures, faults = evaluate_intent(UNSEEN)
    assert faults == []
    assert [gate.name for gate in gates_of(figures) if not gate.reached] == []


def test_it_has_not_learnt_from_those() -> None:
    learnt = {text for text, _ in examples()}
    assert not [
        line for path in UNSEEN for line in path.read_bytes().splitlines() if orjson.loads(line)["text"] in learnt
    ]


def test_the_weights_are_of_this_grammar() -> None:
    with np.load(WEIGHTS) as kept:
        assert kept["digest"].item() == digest(), "python -m scripts.train_intent"


def test_words_that_no_example_holds_weigh_something() -> None:
    seen = {name for text, _ in examples() for name in features(text) if name[0] == "="}
    with np.load(WORDS) as words, np.load(WEIGHTS) as weights:
        unseen = [f"={word}" for word in words["words"].item().split("\n") if f"={word}" not in seen]
        known = np.isin([number(name) for name in unseen], weights["numbers"])
    assert len(unseen) > 20_000
    assert known.mean() > 0.9


@pytest.mark.parametrize(
    "text", ["quero marcar consulta, tô com dor no peito e suando", "segunda via e minha mãe não acorda"]
)
def test_an_emergency_comes_before_every_wish(text: str) -> None:
    assert intent_of(text) == "emergency_situation"


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_any_text_has_an_intent(text: str) -> None:
    assert sum(model().probabilities(text).values()) == pytest.approx(1)
