"""Synthetic numbers with right check digits: of nobody, but as anybody's are written."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

_SPREAD = 387_420_489
"""Without a factor in common with ten: multiplying by it goes through all numbers of so many digits once."""


def _weighted(digits: Iterable[int], weights: Iterable[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def cpf(number: int) -> str:
    """Eleven digits; another number below a thousand millions, another CPF."""
    digits = [int(sign) for sign in f"{number * _SPREAD % 10**9:09d}"]
    if len(set(digits)) == 1:
        digits[8] = (digits[8] + 1) % 10  # eleven equal digits are no CPF
    for size in (9, 10):
        digits.append(_weighted(digits, range(size + 1, 1, -1)) * 10 % 11 % 10)
    return "".join(map(str, digits))


def cns(random: Random) -> str:
    """A provisional one: 15 digits that begin with 7, 8 or 9, their weighted sum a multiple of 11."""
    while True:
        digits = [random.choice((7, 8, 9)), *map(int, f"{random.randrange(10**13):013d}")]
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
