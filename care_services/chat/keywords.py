"""Words that mean something in every state, if they are the whole message. Pure.

The care services' contract, sections 3 and 9. A word inside a longer sentence is none of these: "não quero falar com
atendente de telemarketing" calls nobody, and "quero parar de sentir dor" stops nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from mappings.text import without_marks

_NOT_WORD = re.compile(r"[^0-9a-z]+")


class Keyword(Enum):
    """What somebody wants who says one word."""

    HUMAN = "human"
    MENU = "menu"
    STOP = "stop"
    RETURN = "return"
    """Notices again, after a stop: asked which."""
    REMINDERS = "reminders"
    WELLNESS = "wellness"
    POINTS = "points"
    BALANCE = "balance"
    """How many points there are."""
    EMERGENCY = "emergency"
    CANCEL = "cancel"
    """Asked what."""
    WHY = "why"
    OWN_DATA = "own-data"
    ERASE = "erase"
    CORRECT = "correct"
    SEE = "see"
    """Details of what was told of."""
    NO_MODEL = "no-model"
    """Refuses model assistance."""
    MODEL = "model"
    """Wants it again."""


WORDS: Mapping[str, Keyword] = {
    word: keyword
    for keyword, words in {
        Keyword.HUMAN: ("atendente", "humano", "pessoa", "falar com atendente", "falar com uma pessoa"),
        Keyword.MENU: ("menu", "inicio"),
        Keyword.STOP: ("sair", "parar", "descadastrar", "stop", "nao quero receber"),
        Keyword.RETURN: ("voltar",),
        Keyword.REMINDERS: ("quero lembretes",),
        Keyword.WELLNESS: ("quero bem estar",),
        Keyword.POINTS: ("quero pontos",),
        Keyword.BALANCE: ("meus pontos",),
        Keyword.EMERGENCY: ("emergencia", "socorro", "samu", "192"),
        Keyword.CANCEL: ("cancelar",),
        Keyword.WHY: ("por que", "porque"),
        Keyword.OWN_DATA: ("meus dados",),
        Keyword.ERASE: ("apagar", "apagar meus dados"),
        Keyword.CORRECT: ("corrigir", "corrigir meus dados"),
        Keyword.SEE: ("ver",),
        Keyword.NO_MODEL: ("sem ia", "nao quero ia", "sem robo", "sem inteligencia artificial"),
        Keyword.MODEL: ("com ia", "com inteligencia artificial"),
    }.items()
    for word in words
}
"""Whole messages, without accents, case and punctuation."""


def plain(text: str) -> str:
    """Text in small letters without accents, punctuation and doubled blanks.

    >>> plain("  Por  QUÊ?! ")
    'por que'
    """
    return _NOT_WORD.sub(" ", without_marks(text.lower())).strip()


def keyword(text: str) -> Keyword | None:
    """What a whole message means anywhere; None: it is no such word."""
    return WORDS.get(plain(text))


@cache
def heard_words() -> dict[str, Any]:
    """Words inside sentences that say how a talk goes on (`heard.toml`)."""
    return tomllib.loads((Path(__file__).parent / "heard.toml").read_text(encoding="utf-8"))
