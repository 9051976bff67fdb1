"""How an answer to a direct question is read: yes, no, or neither. Whatever else it says is scanned like any text."""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter

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

_WELL = re.compile(
    r"\b(?:normal|normais|normalmente|direitinho|certinho|clarinh[oa]|espert(?:o|a|inho|inha))$|"
    r"\b(?:mama|mamando|come|comendo|bebe|bebendo|toma|respira|respiro|respirando|enxerga|enxergo|ve|vejo|anda|ando|"
    r"urina|urino|mexe|mexo|fala|falo|engole|engulo|dorme|durmo|reage|acorda)"
    r"(?: (?:muito|super|sim|ate|de tudo|ele|ela|eu|agora))* (?:bem|tudo|normal|direito)$|"
    r"\b(?:muito|bastante|muitas?|bastantes) (?:xixi|fraldas?)(?: (?:molhadas?|cheias?|sim))*$|"
    r"\b(?:fez|faz|fiz|faco|fazendo) xixi(?: (?:sim|agora|ha|pouco|hoje|de|manha|cedo|bem|toda|hora|direto))*$"
)
"""What says that all is well, where a sign was asked for: "respira bem", "tô fazendo xixi normal"."""
_NOT_WELL = re.compile(r"\b(?:nao|num|nem|sem|mal|pouco|pouquinho|menos|quase|antes|era)\b")


def read_yes_no(words: Words) -> bool | None:
    """True, False, or None where it is neither, or where a yes comes with words that say that all is well."""
    said = " ".join(words.words)
    if _UNSURE.match(said):
        return None
    if _NO.match(said) or said.endswith(" nao"):
        return False
    yes = bool(_YES.match(said))
    if _says_well(words, said):
        return None if said.startswith("sim") else False
    return True if yes else None


def _says_well(words: Words, said: str) -> bool:
    """Whether one of its clauses says so, and nothing denies or lessens it."""
    if _NOT_WELL.search(said.replace("ha pouco", "")):
        return False
    clauses = groupby(zip(words.clause, words.words, strict=True), key=itemgetter(0))
    return any(_WELL.search(" ".join(word for _, word in clause)) for _, clause in clauses)


def read_severity(values: list[float], said_yes: bool | None) -> bool | None:
    """Whether a mark from 0 to 10, or a yes, says that it is very strong."""
    marks = [value for value in values if 0 <= value <= 10]
    return max(marks) >= 8 if marks else said_yes
