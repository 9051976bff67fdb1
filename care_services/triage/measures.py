"""What a text says in numbers about a body: facts by name, the worst of each. Nothing is guessed: a number counts only
beside a word that says what it measures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from care_services.triage.normal import Words
from care_services.triage.numbers import Number, durations, numbers

Facts = dict[str, float]

_WORST: dict[str, Callable[[float, float], float]] = {
    "temp": max, "temp_low": min, "sat": min, "systolic": max, "diastolic": max, "systolic_low": min, "glucose": max,
    "glucose_low": min, "pulse": max, "pulse_low": min, "weeks": min, "postpartum_days": min, "surgery_days": min,
}  # fmt: skip

_FEVER = re.compile("febr|grau|temperatura|termometro|quent|febril|tempo$|axila|pelando")
_OXYGEN = re.compile(
    "satur|^sat$|oximetr|ossimetr|oxim|^aparelhinho$|^trocinho$|^trequinho$|^dedo$|oxigen|^spo|oxigenac|^o2|dedinho"
)
_SUGAR = re.compile("glic|acucar|dextro|destro|^hgt$|diabet|insulin|glicos|^furei$|^dl$|^mgdl$")
_PULSE = re.compile("batiment|batid|pulso|cora[cs]ao|^bpm$|frequencia|cardiac|^fc$")
_PRESSURE = re.compile("press|^pa$|^presao$")
_PREGNANT = re.compile("gravid|gesta|gestaca|buchud|barrig|prenh|nenem|bebe|semana|^ig$|prenatal")
_BIRTH = re.compile(
    "^part[oo]$|cesari|cesare|ganh(?:ei|ou|amos)|^pari|^pariu|nasce|resguardo|puerper|descansou|posparto"
)
_HAD_CHILD = re.compile(
    r"\bt(?:ive|eve) (?:(?:o|a|um|uma|meu|minha|seu|sua) )?(?:nene|bebe|filh|menin|part[oo]|gemeo)|\bde(?:i|u) a luz\b"
)
_CHILD = re.compile("nenem|bebe|filh|crianca|menin|part[oo]|luz|cesare|cesari|resguardo|puerper|nene|gemeos|pequen")
_SURGERY = re.compile(
    "^oper|cirurg|^lipo|abdominoplast|protese|cesare|cesari|vesicula|apendic|herniorraf|^ponto|bariatr|silicone|histerect"
)
_AHEAD = frozenset({"daqui", "em", "falta", "faltam", "dentro", "proximos", "proximas"})
"""Before a time that is still to come."""
_EXPECTS = re.compile("gravid|gesta|buchud|prenh|barrig")
_COUNTED = re.compile("ano|mes|dia|seman|hora|min|comprim|vez|reais|kg|quilo|ml|real|gota|capsul|por$|unidade|%$")


def worse(facts: Facts, others: Facts) -> Facts:
    """The facts with others added, of each the worst; of an age the first that was told."""
    result = dict(facts)
    for name, value in others.items():
        if name not in result:
            result[name] = value
        elif name in _WORST:
            result[name] = _WORST[name](result[name], value)
    return result


def measured(text: Words) -> Facts:
    """What the text says, by the name that conditions know it by."""
    facts: Facts = {}
    for name, value in _all(text):
        facts = worse(facts, {name: value})
    return facts


def _near(text: Words, at: Number, what: re.Pattern[str], reach: int) -> bool:
    return any(
        what.search(text.words[i])
        for i in range(max(0, at.first - reach), min(len(text.words), at.end + reach))
        if text.sentence[i] == text.sentence[at.first] or abs(i - at.first) <= 2
    )


def _nearer(text: Words, at: Number, what: re.Pattern[str], other: re.Pattern[str]) -> bool:
    """Whether a word of the one stands nearer than those of the other, within six words."""
    reach = next((reach for reach in range(1, 7) if _near(text, at, what, reach)), None)
    return reach is not None and not _near(text, at, other, reach)


def _all(text: Words) -> Iterator[tuple[str, float]]:
    found = list(numbers(text.words))
    pressed = set()
    for first, name, value in _pressures(text, found):
        pressed.add(first)
        yield name, value
    for number in found:
        value = number.value
        if number.first in pressed:
            continue
        if 34 <= value <= 43 and _near(text, number, _FEVER, 6) and not _counts(text, number):
            yield "temp", value
            yield "temp_low", value
        elif _bare_fever(text, number):
            yield "temp", value
        elif value > 340 and value <= 430 and _near(text, number, _FEVER, 4):  # 385: the comma left out
            yield "temp", value / 10
        if (
            40 <= value <= 100
            and _near(text, number, _OXYGEN, 10)
            and not (_counts(text, number) or _nearer(text, number, _SUGAR, _OXYGEN))
        ):
            yield "sat", value
        if 15 <= value <= 999 and _near(text, number, _SUGAR, 5) and not _counts(text, number):
            yield "glucose", value
            yield "glucose_low", value
        if 20 <= value <= 250 and _near(text, number, _PULSE, 4) and not _counts(text, number):
            yield "pulse", value
            yield "pulse_low", value
    for at, word in enumerate(text.words):
        here = Number(0, at, at + 1)
        if word in ("hi", "high") and _near(text, here, _SUGAR, 8):
            yield "glucose", 600
        if word in ("lo", "low") and _near(text, here, _SUGAR, 8):
            yield "glucose_low", 30
    yield from _times(text)


def _bare_fever(text: Words, number: Number) -> bool:
    """Whether a number is a temperature though nothing beside it says so: 38,4 alone, "deu 39", "tô com 38"."""
    if not 37.3 <= number.value <= 42 or _counts(text, number):
        return False
    before = text.words[number.first - 1] if number.first else ""
    return number.value % 1 > 0 or before in ("com", "deu", "marcou", "marca", "medi", "ta", "bateu")


def _counts(text: Words, number: Number) -> bool:
    """Whether the number counts things or time: "40 anos", "38 semanas", "50 comprimidos"."""
    after = text.words[number.end] if number.end < len(text.words) else ""
    return bool(
        re.match("ano|mes|dia|seman|hora|min|comprim|vez|reais|kg|quilo|ml|real|gota|capsul|por$|unidade|%$", after)
    )


def _pressures(text: Words, found: list[Number]) -> Iterator[tuple[int, str, float]]:
    words = text.words
    pairs: list[tuple[int, float, float]] = []
    for at, word in enumerate(words):
        parted = re.fullmatch(r"(\d{1,3})/(\d{1,3})", word)
        if parted:
            pairs.append((at, float(parted[1]), float(parted[2])))
    for one, other in pairwise(found):
        if other.first - one.end == 1 and words[one.end] in ("por", "x"):
            pairs.append((one.first, one.value, other.value))
            pairs.append((other.first, one.value, other.value))
    for at, high, low in pairs:
        named = _near(text, Number(0, at, at + 1), _PRESSURE, 12)
        if high < 30 and low < 30:
            high, low = high * 10, low * 10
        if 50 <= high <= 280 and 20 <= low <= 180 and low < high and (named or "/" not in words[at]):
            yield at, "systolic", high
            yield at, "diastolic", low
            yield at, "systolic_low", high
    taken = {at for at, _, _ in pairs}
    for number in found:
        if number.first in taken or _counts(text, number) or number.value != int(number.value):
            continue
        if not _near(text, number, _PRESSURE, 4):
            continue
        high = number.value * 10 if 5 <= number.value < 30 else number.value
        if 50 <= high <= 280:
            yield number.first, "systolic", high
            yield number.first, "systolic_low", high


def _times(text: Words) -> Iterator[tuple[str, float]]:
    for span in durations(text.words):
        unit = text.words[span.end - 1]
        if unit.startswith(("seman", "mes")) and 4 <= span.value / 7 <= 44 and _near(text, span, _PREGNANT, 6):
            before = text.words[span.first - 1] if span.first else ""
            past = before in ("ha", "faz", "tem", "com") and not _near(text, span, _EXPECTS, 5)
            if not past:
                yield "weeks", round(span.value / 7, 1)
        born = _near(text, span, _BIRTH, 6) or _HAD_CHILD.search(
            " ".join(text.words[max(0, span.first - 6) : span.end + 6])
        )
        if span.value <= 120 and born and _near(text, span, _CHILD, 8):
            yield "postpartum_days", span.value
        ahead = not _AHEAD.isdisjoint(text.words[max(0, span.first - 2) : span.first])
        if span.value <= 400 and not ahead and _near(text, span, _SURGERY, 6):
            yield "surgery_days", span.value
