"""What members want, on texts that the grammar does not hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_services.intent.model import intent_of, model
from hub.evaluation.run_intent import evaluate_intent

TEXTS = Path(__file__).parent / "texts.jsonl"


def test_macro_f1_of_the_authoring_texts() -> None:
    figures, faults = evaluate_intent([TEXTS])
    assert faults == []
    assert figures.macro_f1 > 0.92


@pytest.mark.parametrize(
    "text", ["quero marcar consulta, tô com dor no peito e suando", "segunda via e minha mãe não acorda"]
)
def test_an_emergency_comes_before_every_wish(text: str) -> None:
    assert intent_of(text) == "emergency_situation"


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_any_text_has_an_intent(text: str) -> None:
    assert sum(model().probabilities(text).values()) == pytest.approx(1)
