"""Members of a case as people write them, in English or Portuguese, and what each means. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from care_services.triage.levels import LEVELS

Json = Any

ADMINISTRATIVE = "administrative"
GOLD = (*LEVELS, ADMINISTRATIVE)
"""What a case may be judged to be."""

_LEVELS = {
    "emergency": "emergency emergencia emergencial emergent emergente red vermelho vermelha 1 e resuscitation",
    "very-urgent": "very-urgent muito-urgente orange laranja 2 v",
    "urgent": "urgent urgente urgency urgencia yellow amarelo amarela 3 u",
    "less-urgent": "less-urgent pouco-urgente semi-urgent semi-urgente standard green verde 4",
    "non-urgent": "non-urgent nonurgent nao-urgente not-urgent routine rotina self-care blue azul 5",
    "administrative": "administrative administrativo administrativa administration admin none non-clinical nonclinical"
    " nao-clinico not-clinical no-symptom general out-of-scope",
}  # fmt: skip
_BY_NAME = {name: level for level, names in _LEVELS.items() for name in names.split()}
_ABOUT = {
    "self": "self me myself eu mim sobre-mim si proprio propria o-proprio a-propria own patient member",
    "child": "child crianca sobre-uma-crianca filho filha bebe baby infant son daughter kid newborn toddler",
}
_BY_WHOM = {name: whom for whom, names in _ABOUT.items() for name in names.split()}
_SEX = {
    **dict.fromkeys(["f", "female", "feminino", "feminina", "mulher", "woman", "menina", "girl"], "F"),
    **dict.fromkeys(["m", "male", "masculino", "masculina", "homem", "man", "menino", "boy", "h"], "M"),
}
_YES = frozenset(["true", "yes", "y", "sim", "s", "1", "pregnant", "gravida", "gestante"])
_AFTER = frozenset(["postpartum", "post-partum", "puerpera", "puerperio", "pos-parto"])
_UNITS = (
    (("d",), 365.25), (("w", "sem"), 52.18), (("m",), 12.0), (("y", "a"), 1.0),
)  # fmt: skip
"""How the name of a unit begins, and how many of them are a year."""
_AGE = re.compile(r"(\d+(?:[.,]\d+)?) *([a-z]*)\.?(?: (?:de )?(?:old|idade|vida))?")


def without_accents(text: str) -> str:
    """The text as it stands, but for accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def plain(text: str) -> str:
    """Lower case without accents, as the patterns of cases are written."""
    return without_accents(text.casefold())


def level(told: Json, member: str) -> str:
    """A level of urgency, or administrative. Raises ValueError: it is none."""
    if told is None:
        return ADMINISTRATIVE
    name = _name(told)
    if not name:
        return ADMINISTRATIVE
    words = [one for one in _BY_NAME if re.search(rf"(?:^|-){one}(?:-|$)", name)]
    found = _BY_NAME[max(words, key=len)] if words else None  # "level-emergency", "3-urgent", "orange (very urgent)"
    if found is None:
        raise ValueError(f"{member}: is none of {', '.join(GOLD)}")
    return found


def about(told: Json) -> str:
    """self, child or other."""
    if told is None or told == "":
        return "self"
    name = _name(told)
    return _BY_WHOM.get(name, "other")


def age(told: Json) -> float | str | None:
    """In years; as it is written where that is no age in figures."""
    if told is None or isinstance(told, bool):
        return None
    if isinstance(told, (int, float)):
        return float(told)
    if isinstance(told, dict):
        told = f"{told.get('value', '')} {told.get('unit', '')}"
    text = " ".join(plain(str(told)).split())
    found = _AGE.fullmatch(text)
    if found is None:
        return str(told).strip() or None
    value = float(found[1].replace(",", "."))
    parts = next((count for names, count in _UNITS if found[2].startswith(names)), None)
    if found[2] and parts is None:
        return str(told)
    return value / (parts or 1.0)


def sex(told: Json) -> str | None:
    """F or M; None: it is not told."""
    return _SEX.get(_name(told)) if told else None


def pregnant(told: Json) -> str | None:
    """yes, no or postpartum; None: it is not told. A number is weeks."""
    if told is None or told == "":
        return None
    if isinstance(told, (bool, int, float)):
        return "yes" if told else "no"
    name = _name(told)
    return "postpartum" if name in _AFTER else "yes" if name in _YES or re.match(r"[1-9]\d*-(?:w|sem)", name) else "no"


def intent(told: Json) -> str:
    """The name of an intent, such as "symptom_report". Raises ValueError: it is no text."""
    if not isinstance(told, str) or not _name(told):
        raise ValueError("intent: is no text")
    return _name(told).replace("-", "_")


def reply(told: Json) -> str:
    """What somebody says: a text, or yes or no; empty where nothing is told."""
    if isinstance(told, bool):
        return "Sim" if told else "Não"
    if isinstance(told, list):
        return "\n".join(str(one) for one in told)
    return "" if told is None else str(told).strip()


def _name(told: Json) -> str:
    return re.sub(r"[^a-z0-9]+", "-", plain(str(told))).strip("-")
