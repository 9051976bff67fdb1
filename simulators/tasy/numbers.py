"""Synthetic numbers with right check digits: of nobody, but as anybody's are written."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random


def _weighted(digits: Iterable[int], weights: Iterable[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def cpf(random: Random) -> str:
    """Eleven digits."""
    digits = [random.randrange(10) for _ in range(9)]
    if len(set(digits)) == 1:
        digits[8] = (digits[8] + 1) % 10
    for size in (9, 10):
        digits.append(_weighted(digits, range(size + 1, 1, -1)) * 10 % 11 % 10)
    return "".join(map(str, digits))


def cns(random: Random) -> str:
    """A provisional one: 15 digits that begin with 7, 8 or 9, their weighted sum a multiple of 11."""
    while True:
        digits = [random.choice((7, 8, 9)), *(random.randrange(10) for _ in range(13))]
        last = -_weighted(digits, range(15, 1, -1)) % 11
        if last < 10:
            return "".join(map(str, [*digits, last]))


def cnpj(random: Random, *, letters: bool = False) -> str:
    """Twelve digits, or letters too, and two check digits."""
    signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letters else "0123456789"
    number = "".join(random.choice(signs) for _ in range(8)) + "0001"
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    for size in (12, 13):
        remainder = _weighted((ord(sign) - 48 for sign in number), weights[-size:]) % 11
        number += "0" if remainder < 2 else str(11 - remainder)
    return number
