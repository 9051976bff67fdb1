"""Cases for tests of the evaluation."""

from __future__ import annotations

import re
from typing import Any

from hub.evaluation.cases import Answer, Case


def case(**members: Any) -> Case:
    """A case with what is given, the rest as most have it."""
    given = {
        "id": "1", "gold": "emergency", "category": "stroke", "about": "other", "age": 71.0, "sex": "F",
        "pregnant": "no", "forms": {"opening": ("minha mãe está muito estranha hoje, não sei o que é",)},
        "answers": (), "default": "Não",
    }  # fmt: skip
    return Case(**{**given, **members})


def answers(**said: str) -> tuple[Answer, ...]:
    """What a case answers, by the word that a question has."""
    return tuple(Answer(re.compile(asks), reply) for asks, reply in said.items())
