"""Search parameters of type string: element -> rows, value -> condition. https://hl7.org/fhir/R4/search.html#string

Compared without case, accents, punctuation and repeated space (docs/decisions/string-search.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any
from unicodedata import category, normalize

from fhir_server.outcome import Invalid
from fhir_server.schema.search_rows import PLACES_AND_PEOPLE
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.paths import Leaf
from fhir_server.search.probe import Probe, one_of
from fhir_server.search.rows import hash64
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.values import unescape
from fhir_server.statement import Parameters

LIMIT = 500
"""Characters of a text that are indexed, since an index row must stay below a third of a page."""
WORD = ":word"
_LAST = "\U0010ffff"
_INDEXED = frozenset(PLACES_AND_PEOPLE)
_TRIGRAM = re.compile("[a-z0-9]{3}")
"""What there must be in a text that is looked for by the index of trigrams; without, it would be read as a whole."""
_SEPARATORS = frozenset(("Pd", "Pc", "Zs", "Zl", "Zp", "Cc"))
_JOINING_SLASH = frozenset("/\\,;:")


@lru_cache(maxsize=32768)
def normalised(text: str) -> str:
    """Text as it is compared: casefolded, without accents and punctuation, single spaces, at most LIMIT characters.

    Dashes, slashes, commas and colons part words; other punctuation vanishes: "O'Brien" is "obrien", "Smith-Jones"
    is "smith jones".
    """
    folded = normalize("NFKD", text.casefold())
    if not folded.isalnum():
        folded = " ".join("".join(map(_compared, folded)).split())
    return folded[:LIMIT].rstrip()


@lru_cache(maxsize=4096)
def _compared(character: str) -> str:
    kind = category(character)
    if kind in _SEPARATORS or character in _JOINING_SLASH:
        return " "
    return "" if kind[0] in "PMC" else character


@lru_cache(maxsize=32768)
def row(text: str) -> tuple[str, int]:
    """Normalised text and the hash of the original."""
    return normalised(text), hash64(text)


def _text(value: Any) -> Iterator[str]:
    yield value


def _concept(value: dict[str, Any]) -> Iterator[str]:
    if "text" in value:
        yield value["text"]
    for coding in value.get("coding", ()):
        yield from _display(coding)


def _display(value: dict[str, Any]) -> Iterator[str]:
    if "display" in value:
        yield value["display"]


def _members(*names: str) -> Callable[[dict[str, Any]], Iterator[str]]:
    def texts(value: dict[str, Any]) -> Iterator[str]:
        for name in names:
            found = value.get(name)
            if isinstance(found, list):
                # null stands for a primitive with extensions only
                yield from (item for item in found if item is not None)
            elif found is not None:
                yield found

    return texts


def later_words(family: str) -> Iterator[str]:
    """What follows the first word of a family name: "Carreno Quinones" is found by "Quinones" too."""
    words = normalised(family).split()
    for position in range(1, len(words)):
        yield " ".join(words[position:])


TEXTS: dict[str, Callable[[Any], Iterator[str]]] = {
    "string": _text,
    "markdown": _text,
    "code": _text,
    "uri": _text,
    "CodeableConcept": _concept,
    "Coding": _display,
    "HumanName": _members("text", "family", "given", "prefix", "suffix"),
    "Address": _members("text", "line", "city", "district", "state", "postalCode", "country"),
}
"""FHIR type -> the texts in it that are searched."""


def is_family(leaf: Leaf) -> bool:
    """Whether later words of a family name are searched on their own, as the specification advises.

    Their rows stand under param_id of "<name>:word", so that neither :exact nor _sort takes them for the name.
    """
    return leaf.data_type == "HumanName" or (leaf.moves[-1:] == (("key", "family"),) and leaf.data_type == "string")


def emitter(data_type: str, ids: Sequence[int], word_ids: Sequence[int] = ()) -> Emit | None:
    """Writes the `string` rows of an element of the type; None for types a string search does not cover.

    `word_ids`: where the later words of a family name go.
    """
    texts = TEXTS.get(data_type)
    if texts is None:
        return None

    def emit(value: Any, sink: Sink) -> None:
        for text in texts(value):
            found = row(text)
            for param_id in ids:
                sink.string.append((param_id, *found))
        if word_ids:
            family = value.get("family") if data_type == "HumanName" else value
            for text in later_words(family or ""):
                for param_id in word_ids:
                    sink.string.append((param_id, *row(text)))

    return emit


def starts_with(column: str, prefix: str, parameters: Parameters) -> str:
    """SQL that a column of collation "C" starts with the prefix, as a range the index can be entered at."""
    first, beyond = parameters.add(prefix, "text"), parameters.add(prefix + _LAST, "text")
    return f"{{t}}.{column} >= {first} and {{t}}.{column} < {beyond}"


def _starts(text: str, parameters: Parameters) -> str:
    return starts_with("normalised", normalised(text), parameters)


def _exact(text: str, parameters: Parameters) -> str:
    # The normalised text enters the index, the hash of the original decides.
    folded, original = parameters.add(normalised(text), "text"), parameters.add(hash64(text), "bigint")
    return f"{{t}}.normalised = {folded} and {{t}}.exact_hash = {original}"


def _contains(text: str, parameters: Parameters) -> str:
    return f"position({parameters.add(normalised(text), 'text')} in {{t}}.normalised) > 0"


def _contains_by_index(text: str, parameters: Parameters) -> str:
    parameters.bitmaps = True
    # What is normalised has no %, _ or backslash.
    return f"{{t}}.normalised like {parameters.add(f'%{normalised(text)}%', 'text')}"


def _ends(text: str, parameters: Parameters) -> str:
    folded = parameters.add(normalised(text), "text")
    return f"right({{t}}.normalised, length({folded})) = {folded}"


def _compares(sign: str) -> Callable[[str, Parameters], str]:
    return lambda text, parameters: f"{{t}}.normalised {sign} {parameters.add(normalised(text), 'text')}"


MODIFIERS: dict[str | None, Callable[[str, Parameters], str]] = {
    None: _starts,
    "exact": _exact,
    "contains": _contains,
    # Operators of _filter; no modifier of a URL has such a name.
    "eq": _compares("="),
    "ne": _compares("<>"),
    "co": _contains,
    "sw": _starts,
    "ew": _ends,
    "gt": _compares(">"),
    "lt": _compares("<"),
    "ge": _compares(">="),
    "le": _compares("<="),
}


def condition(parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters) -> Probe:
    """Probe of one text. Raises Invalid."""
    ids = parameter.param_ids
    if modifier is None and any(map(is_family, parameter.leaves)):
        ids += parameter.ids(WORD)
    return text_condition(parameter.code, ids, value, modifier, parameters)


def text_condition(
    code: str, param_ids: Sequence[int], value: str, modifier: str | None, parameters: Parameters
) -> Probe:
    """Probe of one text over the `string` rows of some param_ids. Raises Invalid."""
    if modifier not in MODIFIERS:
        raise Invalid(
            f"search parameter '{code}' is a string; ':{modifier}' is not supported, only :exact and :contains",
            code="not-supported",
        )
    text = unescape(value)
    if not normalised(text) and modifier != "exact":
        raise Invalid(f"search parameter '{code}': the value has no letter or digit to search for", code="value")
    test = MODIFIERS[modifier]
    if test is _contains and _INDEXED.issuperset(param_ids) and _TRIGRAM.search(normalised(text)):
        test = _contains_by_index
    return Probe("string", f"{one_of('param_id', param_ids)} and {test(text, parameters)}")
