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
_DENIES = re.compile(
    r"^(?:tem|tenho|teve|tive|tendo|sinto|senti|sentiu|e|foi|vi|tomo|tomei|tomou|uso|usa|faco|caiu|comi|bebi)? ?"
    r"(?:nada|nadinha|nenhuma?)"
    r"(?: (?:disso|desses?|dessas?|mesmo|nao|demais|de mais|de anormal|de diferente|gracas a deus))*$|"
    r"^(?:ta|esta|to|estou|continua|segue|agora|hoje) sem (?:febre|dor|dores|sangue|sangramento|falta de ar|inchaco|"
    r"manchas?|vomitos?|tosse|sintomas?|tontura|enjoo|queixas?)\b|"
    r"^(?:agora|hoje|ainda|ate agora|por enquanto|isso|eu|ele|ela|aqui) (?:nao|nunca|nada|nenhum|nenhuma)(?: mais)?$|"
    r"^(?:que nada|magina|imagina)$"
)
"""In the first clause of a reply: a no that does not begin with one ("tem nada não", "tô sem febre", "agora não")."""
_STOPPED = re.compile(r"^(?:ja |agora |mas ja )?(?:parou|estancou|cessou|secou)\b(?!.* (?:voltou|de novo))")
"""A no where something is asked that does not stop ("já parou")."""
_OTHER = re.compile(r"^(?:e|foi) (?:so|apenas|somente)\b")
"""What puts something lesser in the place of what was asked ("é só uma queimação")."""
_UNSURE = re.compile(
    r"^(?:nao|num|nem) (?:sei|faco ideia|tenho certeza|lembro|consigo (?:ver|dizer|saber))|"
    r"^(?:talvez|sei la|pode ser|como assim|nao entendi|q|o que)\b"
)

_WELL = re.compile(
    r"\b(?:ta|esta|to|estou|tudo|fica|ficou|anda|passa|se sente|me sinto)"
    r"(?: (?:tudo|muito|super|ele|ela|eu|agora|sempre|gracas a deus))* "
    r"(?:bem|otim[oa]|ok|tranquil[oa]|cert[oa]|de boa|bonzinho|boazinha|corad[oa]|lucid[oa]|consciente|animad[oa]|"
    r"ativ[oa]|mamando|comendo|bebendo|brincando|conversando|andando|sorrindo|rindo|aceitando|fazendo)$|"
    r"\b(?:mama|come|bebe|aceita|respira|respiro|anda|ando|urina|urino|reage|responde|brinca|consigo|consegue) sim$|"
    r"\b(?:normal|normais|normalmente|direitinho|certinho|clarinh[oa]|espert(?:o|a|inho|inha))$|"
    r"\b(?:mama|mamando|come|comendo|bebe|bebendo|toma|respira|respiro|respirando|enxerga|enxergo|ve|vejo|anda|ando|"
    r"urina|urino|mexe|mexo|fala|falo|engole|engulo|dorme|durmo|reage|acorda)"
    r"(?: (?:muito|super|sim|ate|de tudo|ele|ela|eu|agora))* (?:bem|tudo|normal|direito)$|"
    r"\b(?:muito|bastante|muitas?|bastantes) (?:xixi|fraldas?)(?: (?:molhadas?|cheias?|sim))*$|"
    r"\bfraldas? (?:bem )?(?:molhadas?|cheias?)$|"
    r"\b(?:fez|faz|fiz|faco|fazendo) xixi(?: (?:sim|agora|ha|pouco|hoje|de|manha|cedo|bem|toda|hora|direto))*$"
)
"""What says that all is well, where a sign was asked for: "respira bem", "tô fazendo xixi normal"."""
_NOT_WELL = re.compile(
    r"\b(?:nao|num|nem|sem|mal|pouco|pouquinho|menos|quase|antes|era|pior|piorou|mole|molinh[oa]|frac[oa]|mas|porem)\b"
)
_WAS = re.compile(r"^(?:sim|ja|teve|tive|foi)\b(?! (?:fez|mamou|comeu|bebeu))")
"""A yes about what was, which being well now does not take back."""


def read_yes_no(words: Words, asked: str = "") -> bool | None:
    """True, False, or None where it is neither, or where a yes comes with words that say that all is well. `asked`: the
    question, where it is one of a finding."""
    said = " ".join(words.words)
    if "não para" in asked and _STOPPED.match(said):
        return False
    if _UNSURE.match(said) or _OTHER.match(said):
        return None
    if _NO.match(said) or said.endswith((" nao", " negativo", " negativa")) or _DENIES.match(_first_clause(words)):
        return False
    if _says_well(words, said):
        return None if _WAS.match(said) else False
    return True if _YES.match(said) else None


def _first_clause(words: Words) -> str:
    return " ".join(word for word, clause in zip(words.words, words.clause, strict=True) if clause == words.clause[0])


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
