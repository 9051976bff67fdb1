"""Numbers by which something of a member's is found: of a protocol or guide, of a card. Pure.

A protocol by the regulator (RN 395) has twenty digits; a card of the national health system (CNS) fifteen, the first
1, 2, 7, 8 or 9, whose sum weighted from 15 down to 1 is a multiple of 11. Other numbers are one only beside the word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from care_services.entities.entity import Entity
from care_services.triage.normal import Words

_PROTOCOL = re.compile("protocolos?|guias?|pedidos?|senha|solicitacao|solicitacoes|processo|autorizacao")
_CARD = re.compile("carteirinhas?|carteira|cartao|cns|matricula|sus|plano")
_BETWEEN = frozenset(
    {"numero", "nr", "no", "num", "n", "nao", "e", "o", "a", "da", "do", "de", "minha", "meu", "eh", "com", "ans"}
)
REACH = 4
"""Words between the word and its number."""
PROTOCOL, CARD = range(5, 21), range(6, 21)
"""Digits of a number that stands beside its word."""


def numbered(words: Words) -> Iterator[Entity]:
    """The numbers of protocols and cards in a text; digits alone, however they were grouped."""
    at = 0
    while at < len(words.words):
        end = at
        while end < len(words.words) and words.words[end][0].isdigit() and words.sentence[end] == words.sentence[at]:
            end += 1
        if end == at:
            at += 1
            continue
        digits = re.sub(r"\D", "", "".join(words.words[at:end]))
        kind = _kind(words, at, digits)
        if kind:
            yield Entity(kind, digits, at, end)
        at = end


def _kind(words: Words, at: int, digits: str) -> str | None:
    if len(digits) == 20:
        return "protocol"
    if cns(digits):
        return "card"
    for back in range(at - 1, max(-1, at - 2 - REACH), -1):
        word = words.words[back]
        if _PROTOCOL.fullmatch(word):
            return "protocol" if len(digits) in PROTOCOL else None
        if _CARD.fullmatch(word):
            return "card" if len(digits) in CARD else None
        if word not in _BETWEEN:
            return None
    return None


def cns(digits: str) -> bool:
    """Whether fifteen digits are a card of the national health system."""
    if len(digits) != 15 or digits[0] not in "12789":
        return False
    return sum(int(one) * weight for one, weight in zip(digits, range(15, 0, -1), strict=True)) % 11 == 0
