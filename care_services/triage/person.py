"""What a text says of the person: age, in words or numbers. A span of time is an age only beside a word that makes it
one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from care_services.triage.lexicon import Span
from care_services.triage.measures import Facts
from care_services.triage.normal import Words
from care_services.triage.numbers import DAYS, Number, durations, numbers

YEAR = DAYS["ano"]
_WHO = re.compile(
    r"bebe|nenem|filh|^rn$|nascid|crianc|menin|sobrinh|net[oa]s?$|gemeo|guri|^mae$|^pai$|^vo$|^voz|^vov|^avo|idos|senhor|marido|espos|"
    r"mulher|homem|irma|sogr|ti[oa]$|prim[oa]|jovem|rapaz|moc[ao]|velh|^ele$|^ela$|nene|pequen|mainha|painho|amig|vizinh|"
    r"^eu$|cunhad|^sou$|patro|alun|curumim|pia$|bisa|avos$|paciente"
)
_GROWN = re.compile(
    r"^mae$|^pai$|^vo$|^voz|^vov|^avo|idos|senhor|marido|espos|mulher|homem|sogr|ti[oa]$|velh|mainha|painho|^eu$|^sou$|"
    r"cunhad|patro|bisa|avos$"
)
"""Of whom days, weeks and months tell how long, never how old."""
_NOT_AGE = re.compile("gravid|gesta|seman|barrig|operad|part[oa]|cirurg|cesari|cesare|cicatri|casad|fum|trabalh")
_BEFORE_NOT = frozenset(["ha", "faz", "a", "fazem", "quase", "uns", "umas", "tem_uns", "desde", "mais"])
_AFTER_NOT = frozenset(["atras", "que", "gestacao", "gravidez", "gravida", "casado", "casada", "seguidos", "passado"])


def said_of_person(words: Words, mentions: Mapping[str, list[Span]]) -> Facts:
    """`age` in years and `age_days`, where the text says one; the least age of several is taken when a baby is spoken
    of."""
    ages = [span.value for span in durations(words.words) if _is_age(words, span)]
    if not ages:
        return {}
    babies = "bebe" in mentions or "rn" in mentions
    return age_facts(min(ages) if babies else ages[0])


def age_facts(days: float) -> Facts:
    """The facts that an age makes."""
    return {"age": days / YEAR, "age_days": days}


def read_age(words: Words) -> Facts:
    """An answer to "how old?": "34", "34 anos", "2 meses", "menos de 1 ano". Nothing where it holds no age."""
    spans = [span for span in durations(words.words) if words.words[span.end - 1] not in ("hoje", "ontem")]
    if spans:
        less = words.words[max(0, spans[0].first - 2) : spans[0].first] == ("menos", "de")
        return age_facts(spans[0].value / 2 if less else spans[0].value)
    alone = next(numbers(words.words), None)
    return age_facts(alone.value * YEAR) if alone and 0 <= alone.value <= 120 else {}


def _is_age(words: Words, span: Number) -> bool:
    unit = words.words[span.end - 1]
    if not re.match("dia|seman|mes|ano", unit) or unit == "passada":
        return False
    after = words.words[span.end] if span.end < len(words.words) else ""
    after2 = words.words[span.end + 1] if span.end + 1 < len(words.words) else ""
    if after == "de" and re.match("vida|nascid|nacid|idade|nasc", after2):
        return True
    if after in _AFTER_NOT or (after == "de" and not re.match("idade", after2)):
        return False
    before = words.words[span.first - 1] if span.first else ""
    if before in _BEFORE_NOT:
        return False
    years = unit.startswith(("ano", "aninho"))
    near = words.words[max(0, span.first - 4) : span.first]
    if any(_NOT_AGE.search(word) for word in near):
        return False
    if before in ("de", "tem", "tenho", "com", "fez", "completou", "completa", "aos") or not span.first:
        return (years and span.value >= 0.5 * YEAR) or _aged(near, years)
    return _aged(near[-2:], years)


def _aged(near: tuple[str, ...], years: bool) -> bool:
    """Whether one of these words is somebody whose age may be told in years, or in less."""
    return any(_WHO.search(word) and (years or not _GROWN.search(word)) for word in near)
