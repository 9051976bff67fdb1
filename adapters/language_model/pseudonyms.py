"""Names and numbers become tags before anything is sent, and tags become what they stood for. Pure, in memory alone.

The care services' contract, section 8: CPF, CNS, card, protocol, phone, e-mail, CEP, address, names and relatives. A
word too many taken out costs an answer some sense; one too few tells a stranger who somebody is. So any long number
goes, and any capitalised word inside a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from functools import cache
from importlib import resources
from itertools import islice

_GAP = r"[\s.\-/()\u200b-\u200f\u2060\ufeff]{0,3}"
_NUMBER = re.compile(rf"\+?\(?\d(?:{_GAP}\d){{6,}}")
_SPOKEN = re.compile(
    r"\b(?:zero|um|uma|dois|duas|tr[eê]s|quatro|cinco|seis|meia|sete|oito|nove)"
    r"(?:[\s,.\-]+(?:zero|um|uma|dois|duas|tr[eê]s|quatro|cinco|seis|meia|sete|oito|nove)\b){5,}",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b\d{1,2}[ºo]?\s+de\s+(?:janeiro|fevereiro|mar[cç]o|abril|maio|junho|julho|agosto|setembro|outubro|novembro|"
    r"dezembro)\s+(?:de\s+)?(?:\d{2}){1,2}\b",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.+%-]+\s?@\s?[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_STREET = (
    r"(?:rua|r\.|avenida|av\.?|travessa|alameda|rodovia|estrada|pra[cç]a|bairro|jardim|jd\.?|residencial|"
    r"condom[ií]nio|conjunto|vila|ch[aá]cara|s[ií]tio)"
)
_ADDRESSES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_STREET}\s+[^\n.;!?,]{{1,60}}?(?:,?\s*(?:n[º°o]?\.?\s*|n[uú]mero\s*)?\d{{1,5}}\b|(?=[\n.;!?,])|$)",
        rf"\b{_STREET}(?:\s+[^\s.;!?,]+){{1,4}}(?:,\s*\d{{1,5}}\b)?",
        r"\b(?:mor(?:o|a|amos|am|ava)|resid\w+|endere[cç]o(?:\s+[eé])?:?)\s+(?:n[oa]s?\s+|em\s+)?[^\n.;!?,]{2,60}",
        r"\b(?:n[uú]mero|n[º°]|apto?\.?|apartamento|casa|bloco|quadra|lote|edif[ií]cio)\s*\d+\w?\b",
    )
)
_KIN = (
    r"(?:m[aã]e|pai|filh[oa]s?|filhinh[oa]|av[oóô]|vov[oóô]|net[oa]s?|irm[aã]o?s?|marido|espos[oa]|mulher|namorad[oa]|"
    r"noiv[oa]|ti[oa]|sobrinh[oa]|prim[oa]|sogr[oa]|cunhad[oa]|genro|nora|enteado|enteada|padrasto|madrasta|vizinh[oa]|"
    r"amig[oa]|beb[eê]|menin[oa]|patroa|patr[aã]o|cuidador[a]?)"
)
_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_LINKING = r"(?:d[aeo]s?|e|du|del|von)"
_INTRODUCED = re.compile(
    r"\b(?:meu nome(?: completo)?(?: [eé])?|me chamo|me chamam de|(?:se|ele|ela) chama(?:-se)?|chama(?:-se|do|da)|"
    r"nome(?: completo)?|titular(?: [eé])?|benefici[aá]ri[oa]|paciente|aqui (?:[eé]|quem fala [eé])(?: [oa])?|"
    r"quem fala [eé](?: [oa])?|"
    rf"dr[ªa]?\.?|doutora?|sr[ªa]?\.?|senhora?|dona|seu|enfermeir[oa]|m[eé]dic[oa])[\s:,]+({_WORD}(?:\s+{_WORD}){{0,5}})",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    rf"\b{_KIN}[\s,]+(?:(?:[aoàá]|que)\s+)?(?:se chama\s+)?({_WORD}(?:\s+{_WORD}){{0,4}})", re.IGNORECASE
)
_CAPITALISED = re.compile(
    rf"(?:(?<=[^\W_]\s)|(?<=[,:]\s))([A-ZÀ-Þ][^\W\d_]+(?:\s+(?:{_LINKING}\s+)?[A-ZÀ-Þ][^\W\d_]+)*)"
)
_ANY_WORD = re.compile(_WORD)

Span = tuple[int, int, str]
_NAMES = ("NOME", "PARENTE")


def any_word(word: str) -> bool:
    """No dictionary: every word may be one."""
    return True


def hidden(
    texts: Sequence[str], names: Collection[str] = (), is_word: Callable[[str], bool] = any_word
) -> tuple[list[str], Callable[[str], str]]:
    """The texts with tags, and what makes tags again what they stood for.

    names: known to be somebody's. is_word: whether letters without accents are a word of the language; what is none may
    be a name.

    The same words have the same tag in all of them; no tag stands in a text already.
    """
    tags: dict[tuple[str, str], str] = {}
    back: dict[str, str] = {}
    whole = "\n".join(texts)
    numbers = (one for one in range(1, 10**9) if f"_{one}]" not in whole)

    def tag(kind: str, said: str) -> str:
        found = tags.get((kind, said))
        if found is None:
            found = tags[kind, said] = f"[{kind}_{next(numbers)}]"
            back[found] = said
        return found

    def restore(text: str) -> str:
        return _TAG.sub(lambda hit: back.get(hit[0], hit[0]), text)

    known = frozenset(part for name in names for word in _ANY_WORD.findall(name) if len(part := bare(word)) >= 3)
    return [_tagged(text, _spans(text, known, is_word), tag) for text in texts], restore


_TAG = re.compile(r"\[[A-Z]+_\d+\]")


def bare(word: str) -> str:
    """A word without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))


def _tagged(text: str, spans: Sequence[Span], tag: Callable[[str, str], str]) -> str:
    parts, at = [], 0
    for first, end, kind in spans:
        parts += [text[at:first], tag(kind, text[first:end])]
        at = end
    return "".join([*parts, text[at:]])


def _spans(text: str, known: Collection[str], is_word: Callable[[str], bool]) -> list[Span]:
    """What is taken out, in order, none over another."""
    found: list[Span] = [(*hit.span(), "EMAIL") for hit in _MAIL.finditer(text)]
    found += [(*hit.span(), "LINK") for hit in _LINK.finditer(text)]
    found += [(*hit.span(), _kind(hit[0])) for hit in _NUMBER.finditer(text)]
    found += [(*hit.span(), "NUMERO") for hit in _SPOKEN.finditer(text)]
    found += [(*hit.span(), "DATA") for hit in _DATE.finditer(text)]
    found += [(*hit.span(), "ENDERECO") for pattern in _ADDRESSES for hit in pattern.finditer(text)]
    for pattern, kind in ((_RELATIVE, "PARENTE"), (_INTRODUCED, "NOME")):
        for hit in pattern.finditer(text):
            end = _name_ends(text, *hit.span(1), is_word, introduced=kind == "NOME")
            if end > hit.start(1):
                found.append((hit.start(1), end, kind))
    found += _capitalised(text, is_word)
    found += _listed(text, known)
    return _merged(
        [(first, _family_ends(text, end, known) if kind in _NAMES else end, kind) for first, end, kind in found]
    )


def _kind(number: str) -> str:
    """What a long number probably is; any is taken out."""
    digits = sum(c.isdigit() for c in number)
    kinds = {8: "CEP", 9: "TELEFONE", 10: "TELEFONE", 11: "CPF", 13: "TELEFONE", 15: "CNS", 20: "PROTOCOLO"}
    return kinds.get(digits, "CARTAO" if digits > 13 else "NUMERO")


def _name_ends(text: str, first: int, end: int, is_word: Callable[[str], bool], *, introduced: bool) -> int:
    """Where the name that begins here ends: at a word that is none. A relative's is known, or no word at all."""
    last = first
    for hit in _ANY_WORD.finditer(text, first, end):
        word, plain = hit[0], bare(hit[0])
        if re.fullmatch(_LINKING, plain):
            continue
        if plain in _never_names():
            break
        named = word[0].isupper() or plain in _names() or (len(plain) > 2 and not is_word(plain))
        if not named and not (introduced and last == first):
            break
        last = hit.end()
    return last


def _capitalised(text: str, is_word: Callable[[str], bool]) -> list[Span]:
    """Words that begin with a capital, unless all of a text is in capitals: inside a sentence any, at its beginning
    what is no word."""
    letters = [c for c in text if c.isalpha()]
    if sum(c.isupper() for c in letters) > len(letters) / 2:
        return []
    found = [hit.span(1) for hit in _CAPITALISED.finditer(text) if not _never(hit[1])]
    found += [
        hit.span() for hit in _ANY_WORD.finditer(text) if hit[0][0].isupper() and len(hit[0]) > 3 and
        not is_word(bare(hit[0])) and not _never(hit[0])
    ]  # fmt: skip
    return [(first, end, "NOME") for first, end in found]


def _never(words: str) -> bool:
    return all(bare(word) in _never_names() for word in words.split())


def _listed(text: str, known: Collection[str]) -> list[Span]:
    """Names that are known, and common first names."""
    found: list[Span] = []
    for hit in _ANY_WORD.finditer(text):
        plain = bare(hit[0])
        common = plain in _names() and (hit[0][0].isupper() or plain not in _words_too())
        if common or plain in known:
            found.append((*hit.span(), "NOME"))
    return found


def _family_ends(text: str, end: int, known: Collection[str]) -> int:
    """Where the family names end that follow a name which ends here."""
    at = end
    for hit in islice(_ANY_WORD.finditer(text, end), 5):
        plain = bare(hit[0])
        named = plain in known or plain in _names() or plain in _families()
        if text[at : hit.start()].strip() or not (named or re.fullmatch(_LINKING, plain) or hit[0][0].isupper()):
            break
        at = hit.end()
        if named or (hit[0][0].isupper() and plain not in _never_names()):
            end = at
    return end


def _merged(spans: list[Span]) -> list[Span]:
    """Those that touch each other's letters become one, of the first one's kind."""
    found: list[Span] = []
    for first, end, kind in sorted(spans, key=lambda one: (one[0], -one[1])):
        if found and first < found[-1][1]:
            before = found[-1]
            found[-1] = (before[0], max(before[1], end), before[2])
        elif end > first:
            found.append((first, end, kind))
    return found


@cache
def _lists() -> dict[str, frozenset[str]]:
    text = resources.files("adapters.language_model").joinpath("names.txt").read_text()
    lines = (line.partition(":") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: frozenset(words.split()) for name, _, words in lines}


def _names() -> frozenset[str]:
    return _lists()["given"]


def _families() -> frozenset[str]:
    return _lists()["family"]


def _never_names() -> frozenset[str]:
    return _lists()["never"]


def _words_too() -> frozenset[str]:
    """Names that are words as well: only with a capital are they names."""
    return _lists()["words"]
