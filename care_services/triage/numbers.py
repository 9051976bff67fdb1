"""Numbers in a text, in digits or in words: temperature, saturation, pressure, glucose, pulse, and spans of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_UNITS = {
    "zero": 0, "um": 1, "uma": 1, "dois": 2, "duas": 2, "tres": 3, "quatro": 4, "cinco": 5, "seis": 6, "meia": 6,
    "sete": 7, "oito": 8, "nove": 9, "dez": 10, "onze": 11, "doze": 12, "treze": 13, "quatorze": 14, "catorze": 14,
    "quinze": 15, "dezesseis": 16, "dezessete": 17, "dezoito": 18, "dezenove": 19,
}  # fmt: skip
_TENS = {
    "vinte": 20, "trinta": 30, "quarenta": 40, "cinquenta": 50, "sessenta": 60, "setenta": 70, "oitenta": 80,
    "noventa": 90,
}  # fmt: skip
_HUNDREDS = {
    "cem": 100, "cento": 100, "duzentos": 200, "trezentos": 300, "quatrocentos": 400, "quinhentos": 500,
    "seiscentos": 600, "setecentos": 700, "oitocentos": 800, "novecentos": 900,
}  # fmt: skip
DAYS = {
    "min": 1 / 1440,
    "hora": 1 / 24,
    "hrs": 1 / 24,
    "h": 1 / 24,
    "dia": 1.0,
    "semana": 7.0,
    "mes": 30.4,
    "ano": 365.25,
}
"""Units of time in days."""
_SPOKEN = frozenset({*_UNITS, *_TENS, *_HUNDREDS, "e"})
_UNIT = {"meses": "mes", "minuto": "min", "minutos": "min", "diazinhos": "dia", "aninhos": "ano", "mesinhos": "mes"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number and the words it stands in."""

    value: float
    first: int
    end: int


def numbers(words: Sequence[str]) -> Iterator[Number]:
    """The numbers among the words, in their order. "39 e meio" and "trinta e nove e meio" are 39.5."""
    at = 0
    while at < len(words):
        word = words[at]
        if word not in _SPOKEN and not word[0].isdigit():  # as nearly all
            at += 1
            continue
        value, end = _whole(words, at)
        if value is None:
            at += 1
            continue
        if words[end : end + 2] == ("e", "meio") or words[end : end + 2] == ("e", "meia"):
            value, end = value + 0.5, end + 2
        elif end + 1 < len(words) and words[end] in ("virgula", "ponto"):
            part, after = _whole(words, end + 1)
            if part is not None and 0 <= part < 10:
                value, end = value + part / 10, after
        yield Number(value, at, end)
        at = end


def _whole(words: Sequence[str], at: int) -> tuple[float | None, int]:
    word = words[at]
    if word[0].isdigit():
        try:
            return float(word.replace(",", ".")), at + 1
        except ValueError:  # 18/11, 10:30, 1.200,5
            return None, at
    total: float | None = None
    for table, largest in ((_HUNDREDS, 1000), (_TENS, 100), (_UNITS, 20)):
        joined = at + 1 if total is not None and at < len(words) and words[at] == "e" else at
        found = table.get(words[joined]) if joined < len(words) else None
        if found is not None and found < largest and (found < 10 or total is None or total % 100 == 0 or largest > 20):
            total, at = (total or 0) + found, joined + 1
    return total, at


def durations(words: Sequence[str]) -> Iterator[Number]:
    """Spans of time in days: "3 semanas", "um mês e meio", "ontem", "semana passada"."""
    for number in numbers(words):
        if number.end < len(words):
            unit = words[number.end]
            singular = unit if unit in DAYS else _UNIT.get(unit, unit.removesuffix("s"))
            if singular in DAYS:
                value = number.value + 0.5 * (words[number.end + 1 : number.end + 3] in (("e", "meio"), ("e", "meia")))
                yield Number(value * DAYS[singular], number.first, number.end + 1)
    for at, word in enumerate(words):
        follows = words[at + 1] if at + 1 < len(words) else ""
        if word in ("hoje", "agora", "agorinha"):
            yield Number(0, at, at + 1)
        elif word in ("ontem", "onte"):
            yield Number(1, at, at + 1)
        elif word in ("anteontem", "antes_de_ontem", "antonte", "trasanteontem"):
            yield Number(2, at, at + 1)
        elif word in ("semana", "mes") and follows in ("passada", "passado", "retrasada", "retrasado"):
            yield Number(DAYS[word] * (2 if follows.startswith("retras") else 1), at, at + 2)
        elif word in ("essa", "esta", "nessa", "nesta") and follows == "semana":
            yield Number(4, at, at + 2)
        elif word in ("segunda", "terca", "quarta", "quinta", "sexta", "sabado", "domingo") and (
            follows == "passada" or (at and words[at - 1] in ("na", "no", "nessa", "nesse"))
        ):
            yield Number(7, at, at + 1)
        elif word in ("quinzena", "quinzenas"):
            yield Number(15, at, at + 1)
