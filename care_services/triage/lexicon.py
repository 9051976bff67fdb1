"""Which concepts a text names: words, beginnings of words (`sangr*`) and phrases (`caixa_do_peito`), found by looking
words up and not by trying each pattern, because the scanner runs on every message before it is answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

Span = tuple[int, int]
Phrases = Sequence[tuple[tuple[str, ...], str]]
"""The words of each, and its concept."""
LONG = 5


class Lexicon:
    """The entries of all concepts, ready to be looked up."""

    def __init__(self, entries: Mapping[str, Iterable[str]]) -> None:
        self._words: dict[str, set[str]] = defaultdict(set)
        self._stems: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        self._pairs: dict[tuple[str, str], list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        self._phrase_stems: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        self._first: set[str] = set()
        for concept, forms in entries.items():
            for form in forms:
                self._add(concept, form)
        self._lengths = sorted(self._stems)
        self._stem_lengths = sorted({len(stem) for stem in self._phrase_stems})
        self._by_word = lru_cache(maxsize=65536)(self._of)  # people use the same words again and again

    def _add(self, concept: str, form: str) -> None:
        parts = tuple(form.split("_"))
        if len(parts) > 1:
            first = parts[0]
            if first.endswith("*"):
                self._phrase_stems[first[:-1]].append((parts, concept))
            elif parts[1].endswith("*"):
                self._phrases[first].append((parts, concept))
            else:  # most phrases: found by two words, since one begins too many
                self._pairs[first, parts[1]].append((parts, concept))
                self._first.add(first)
        elif form.endswith("*"):
            self._stems[len(form) - 1][form[:-1]].add(concept)
        else:
            self._words[form].add(concept)

    def knows(self, word: str) -> bool:
        """Whether the word alone names a concept or begins a phrase; a beginning counts from five letters on."""
        return (
            word in self._words
            or word in self._phrases
            or word in self._first
            or any(length >= LONG and word[:length] in self._stems[length] for length in self._lengths)
        )

    def whole(self, word: str) -> bool:
        """Whether the word as it stands names a concept."""
        return word in self._words

    def names(self, word: str) -> bool:
        """Whether the word alone names a concept, by a beginning of any length."""
        return word in self._words or any(word[:length] in self._stems[length] for length in self._lengths)

    def mentions(self, words: Sequence[str], sentence: Sequence[int]) -> dict[str, list[Span]]:
        """Concept -> where it is named, as (first word, end). No phrase crosses a full stop."""
        found: dict[str, list[Span]] = defaultdict(list)
        last = len(words) - 1
        for at, word in enumerate(words):
            concepts, phrases, by_beginning = self._by_word(word)
            for concept in concepts:
                found[concept].append((at, at + 1))
            pairs = self._pairs.get((word, words[at + 1]), ()) if at < last else ()
            for begun in (phrases, pairs, by_beginning):
                if begun:
                    self._phrases_at(begun, words, sentence, at, found)
        return found

    def _of(self, word: str) -> tuple[Sequence[str], Phrases, Phrases]:
        """The concepts that a word names, and the phrases that it begins, as it stands and by its own beginning."""
        stems = [self._stems[length].get(word[:length], ()) for length in self._lengths if length <= len(word)]
        begun = [self._phrase_stems.get(word[:length], ()) for length in self._stem_lengths if length <= len(word)]
        concepts = chain(self._words.get(word, ()), *stems)
        return tuple(concepts), self._phrases.get(word, ()), tuple(chain.from_iterable(begun))

    @staticmethod
    def _phrases_at(
        phrases: Phrases,
        words: Sequence[str],
        sentence: Sequence[int],
        at: int,
        found: dict[str, list[Span]],
    ) -> None:
        for parts, concept in phrases:
            end = at + len(parts)
            if end <= len(words) and sentence[end - 1] == sentence[at] and all(map(_is, parts, words[at:end])):
                found[concept].append((at, end))


def _is(form: str, word: str) -> bool:
    return word.startswith(form[:-1]) if form.endswith("*") else word == form
