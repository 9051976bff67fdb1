"""Telephone numbers as WhatsApp says them, and when two of them are the same line.

Brazilian mobile numbers got a ninth digit, a 9 in front of the other eight; WhatsApp knows many of them without it.
ANATEL, resolution 749/2022, plan of numbering: eight-digit numbers that begin with 2 to 5 are landlines.
"""

from __future__ import annotations

import re

_NOT_DIGIT = re.compile(r"\D")
_BRAZILIAN = re.compile(r"55([1-9][1-9])(9?)([0-9]{8})")
_LANDLINE = "2345"


def digits(number: str) -> str:
    """The digits of a number."""
    return _NOT_DIGIT.sub("", number)


def forms(number: str) -> tuple[str, ...]:
    """The number as it was received, and with or without its ninth digit where it can be a Brazilian mobile's.

    >>> forms("+55 17 9 8888-7777")
    ('5517988887777', '551788887777')
    """
    own = digits(number)
    found = _BRAZILIAN.fullmatch(own)
    if found is None:
        return (own,)
    area, ninth, rest = found.groups()
    if rest[0] in _LANDLINE:
        # With a 9 before it, it is a mobile number of nine digits as it stands: those have no shorter form.
        return (own,)
    return (own, f"55{area}{'' if ninth else '9'}{rest}")


_ZONES = {
    "68": "America/Rio_Branco", "69": "America/Porto_Velho", "92": "America/Manaus", "97": "America/Manaus",
    "95": "America/Boa_Vista", "65": "America/Cuiaba", "66": "America/Cuiaba", "67": "America/Campo_Grande",
}  # fmt: skip
"""Area code -> zone, where it is another than Brasília's."""


def zone(number: str) -> str | None:
    """The zone of the area that a Brazilian number is of, where it is another than Brasília's; None: it may be any.

    >>> zone("5592988887777")
    'America/Manaus'
    """
    found = _BRAZILIAN.fullmatch(digits(number))
    return _ZONES.get(found[1]) if found else None


def same(one: str, other: str) -> bool:
    """Whether two numbers are one line."""
    return digits(other) in forms(one)
