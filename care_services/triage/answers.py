"""How an answer to a direct question is read: yes, no, or neither. Whatever else it says is scanned like any text."""

from __future__ import annotations

import re

from care_services.triage.normal import Words

_YES = re.compile(
    r"^(?:sim|s|ss|sii?m*|isso|claro|com certeza|certeza|aham|uhum|ahan|positivo|tem|tenho|ta|esta|to|estou|teve|tive|"
    r"fez|fiz|usa|uso|toma|tomo|foi|e|acho que sim|um pouco|pouco|mais ou menos|as vezes|demais|muito|bastante|"
    r"infelizmente sim|exato|verdade|ja|confirmo|ok)\b"
)
_NO = re.compile(
    r"^(?:nao|nops?|nope|negativo|nunca|nenhum|nenhuma|nada|jamais|nem|de jeito nenhum|de forma alguma|"
    r"que eu saiba nao|acho que nao|gracas a deus nao|so isso|nenhum destes|sem)\b"
)
_UNSURE = re.compile(
    r"^(?:nao|num|nem) (?:sei|faco ideia|tenho certeza|lembro|consigo (?:ver|dizer|saber))|"
    r"^(?:talvez|sei la|pode ser|como assim|nao entendi|q|o que)\b"
)


def read_yes_no(words: Words) -> bool | None:
    """True, False, or None where it is neither."""
    said = " ".join(words.words)
    if _UNSURE.match(said):
        return None
    if _NO.match(said) or said.endswith(" nao"):
        return False
    return True if _YES.match(said) else None


def read_severity(values: list[float], said_yes: bool | None) -> bool | None:
    """Whether a mark from 0 to 10, or a yes, says that it is very strong."""
    marks = [value for value in values if 0 <= value <= 10]
    return max(marks) >= 8 if marks else said_yes
