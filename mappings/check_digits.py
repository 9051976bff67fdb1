"""Check digits of Brazilian numbers.

A number that fails is told, never repaired: whether that is a warning (foreign data) or an error (what we write
ourselves) the caller says. python-stdnum takes 111.111.111-11 for a CPF, lower-case letters for a CNPJ, and knows none
of the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_SHAPES = {
    "cpf": re.compile(r"[0-9]{11}"),
    "cns": re.compile(r"[12789][0-9]{14}"),
    "cnpj": re.compile(r"[0-9A-Z]{12}[0-9]{2}"),
    "ans-registration": re.compile(r"[0-9]{6}"),
    "tuss": re.compile(r"[0-9]{8}"),
    "ibge-municipality": re.compile(r"[0-9]{7}"),
}


def _sum(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True))


def _cpf(digits: list[int]) -> bool:
    """Receita Federal: two digits, each from the weighted sum of all before it; eleven equal digits are none."""
    if len(set(digits)) == 1:
        return False
    return all(_sum(digits[:size], range(size + 1, 1, -1)) * 10 % 11 % 10 == digits[size] for size in (9, 10))


def _cns(digits: list[int]) -> bool:
    """Cartão Nacional de Saúde: https://rts.saude.gov.br, weights 15 to 1."""
    return _sum(digits, range(15, 0, -1)) % 11 == 0


_CNPJ = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def _cnpj(digits: list[int]) -> bool:
    """Instrução Normativa RFB 2.229/2024: letters count as their ASCII code less 48."""

    def check(size: int) -> int:
        remainder = _sum(digits[:size], _CNPJ[-size:]) % 11
        return 0 if remainder < 2 else 11 - remainder

    return digits[12] == check(12) and digits[13] == check(13)


def _ans_registration(digits: list[int]) -> bool:
    return digits[5] == (11 - _sum(digits[:5], (6, 5, 4, 3, 2)) % 11) % 10


def _tuss(digits: list[int]) -> bool:
    check = 11 - _sum(digits[:7], range(8, 1, -1)) % 11
    return digits[7] == (0 if check > 9 else check)


def _ibge(digits: list[int]) -> bool:
    products = (digit * weight for digit, weight in zip(digits, (1, 2, 1, 2, 1, 2), strict=False))
    return digits[6] == (10 - sum(product // 10 + product % 10 for product in products) % 10) % 10


_RULES: dict[str, Callable[[list[int]], bool]] = {
    "cpf": _cpf,
    "cns": _cns,
    "cnpj": _cnpj,
    "ans-registration": _ans_registration,
    "tuss": _tuss,
    "ibge-municipality": _ibge,
}


def wrong(kind: str, number: str) -> str | None:
    """Why a number is none of its kind, None if it is one.

    kind: cpf, cns, cnpj, ans-registration, tuss, ibge-municipality. Numbers are text without punctuation: leading zeros
    count.
    """
    if not _SHAPES[kind].fullmatch(number):
        return f"is not written as a {kind} is: {_WRITTEN[kind]}"
    if not _RULES[kind]([ord(character) - 48 for character in number]):
        return f"the check digit of the {kind} is wrong"
    return None


_WRITTEN = {
    "cpf": "11 digits",
    "cns": "15 digits, the first 1, 2, 7, 8 or 9",
    "cnpj": "12 digits or capital letters and 2 digits",
    "ans-registration": "6 digits",
    "tuss": "8 digits",
    "ibge-municipality": "7 digits",
}
