"""Typing errors in clinical words alone. A word that is known, or common in Portuguese (`rules/common_words.txt`), is
never touched; another one becomes the clinical word that sounds the same or is one slip of the fingers away."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

SHORTEST = 5
"""Shorter words have too many neighbours."""
SHORTEST_STEM = 6
"""A shorter beginning says too little of the word."""
TWO_SLIPS = 9
"""From this length on two slips are forgiven."""

LONG_SMALL = 8
"""A shorter diminutive is taken as it stands."""
_SMALL = ("inho", "inha")
_TWICE, _NEVER_TWICE = re.compile(r"([a-z])\1"), re.compile(r"([abdfghijklmnpqtuvwxyz])\1")
"""A letter twice in a row; one that no Portuguese word has so."""
_UNSAID = re.compile(r"(?!ps|pn|gn|mn)[bcdfgjklmnpqrtvxz][bcdfgjkmnpqstvxz]")
"""Two consonants that begin no word: a vowel was left out."""

_SOUNDS = (
    (re.compile("^h"), ""), (re.compile("ch|sh"), "x"), (re.compile("ph"), "f"), (re.compile("qu(?=[ei])"), "k"),
    (re.compile("gu(?=[ei])"), "g"), (re.compile("g(?=[ei])"), "j"), (re.compile("c(?=[ei])"), "s"),
    (re.compile("[cq]"), "k"), (re.compile("z"), "s"), (re.compile("sc|xc"), "s"), (re.compile("y"), "i"),
    (re.compile("w"), "v"), (re.compile("lh"), "li"), (re.compile("l(?=[bcdfgjkmnpqrstvxz]|$)"), "u"),
    (re.compile("m(?=[pb]|$)"), "n"), (re.compile("ei(?=[rjx])"), "e"), (re.compile("ou"), "o"),
    (re.compile("o$"), "u"), (re.compile("e$"), "i"), (re.compile(r"([a-z])\1"), r"\1"),
)  # fmt: skip


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """How the word is said, roughly: words written differently and said the same have one sound."""
    for spelling, heard in _SOUNDS:
        word = spelling.sub(heard, word)
    return word


def slips(one: str, other: str, most: int) -> int:
    """Letters added, left out, changed or swapped with the next (optimal string alignment); most + 1 where there are
    more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


_SWAPS = (
    ("x", "ch"), ("ch", "x"), ("z", "s"), ("s", "z"), ("ss", "c"), ("c", "ss"), ("k", "c"), ("k", "qu"), ("u", "l"),
    ("o", "ou"), ("i", "e"), ("u", "o"), ("rr", "r"), ("r", "rr"), ("n", "m"), ("m", "n"), ("sh", "ch"), ("w", "u"),
    ("y", "i"), ("j", "g"), ("g", "j"), ("era", "eira"),
)  # fmt: skip


def variants(word: str) -> Iterator[str]:
    """The word with one sound written as another spelling writes it: "xumbinho" chumbinho, "roco" rouco."""
    for written, other in _SWAPS:
        at = word.find(written)
        while at >= 0:
            yield word[:at] + other + word[at + len(written) :]
            at = word.find(written, at + 1)


class Spelling:
    """Corrects words towards `clinical`, the words and beginnings (`sangr*`) of the lexicon."""

    def __init__(
        self,
        clinical: Iterable[str],
        common: frozenset[str],
        known: Callable[[str], bool],
        names: Callable[[str], bool],
        whole: Callable[[str], bool],
    ) -> None:
        self._common, self._known, self._names, self._whole = common, known, names, whole
        self._by_sound: dict[str, str] = {}
        self._by_gap: dict[str, set[str]] = defaultdict(set)
        self._stems: set[int] = set()
        for form in sorted(clinical):
            word = form.rstrip("*")
            if len(word) < SHORTEST:
                continue
            if not form.endswith("*"):
                self._by_sound.setdefault(sound(word), word)
            elif len(word) < SHORTEST_STEM:
                continue
            else:
                self._stems.add(len(word))
            for gap in _gaps(word):
                self._by_gap[gap].add(form)
        self.corrected = lru_cache(maxsize=65536)(self._corrected)

    def usual(self, word: str) -> bool:
        """Whether a word without accents is one of Portuguese, or known to the rules."""
        return word in self._common or self._known(word)

    def _corrected(self, word: str) -> str:
        """The clinical word meant, or the word as it is."""
        if len(word) < SHORTEST - 1 or word[0].isdigit() or word in self._common:
            return word
        known = self._known(word)
        once = (_NEVER_TWICE if known else _TWICE).sub(r"\1", word)
        if once != word and len(word) > SHORTEST and self.usual(once):
            return once
        if known:
            return word
        written = list(variants(word))
        if _UNSAID.match(word):
            written += [f"{word[0]}{vowel}{word[1:]}" for vowel in "aeiou"]
        whole = next((variant for variant in written if self._whole(variant)), None)
        if whole:
            return whole
        small = word.removesuffix("s").endswith(_SMALL)  # dictionaries leave diminutives out
        if len(word) >= (LONG_SMALL if small else SHORTEST):
            meant = self._by_sound.get(sound(word)) or self._nearest(word, small)
            if meant:
                return meant
        # By a beginning last of all: one of three letters names whatever follows it.
        return next((variant for variant in written if self._names(variant)), word)

    def _nearest(self, word: str, small: bool) -> str | None:
        """The clinical word that is fewest slips away, if one is near."""
        best: tuple[int, int, str] | None = None
        most = 2 if len(word) >= TWO_SLIPS else 1
        for start in {len(word), *(n + d for n in self._stems for d in (-1, 0, 1) if n + d <= len(word))}:
            head = word[:start]
            for form in self._near(head, most):
                stem = form.rstrip("*")
                whole = form == stem
                if (whole and start != len(word)) or stem[0] != word[0]:
                    continue
                if small and not (whole and stem.endswith(_SMALL)):
                    continue
                distance = slips(head, stem, 1 if len(stem) < TWO_SLIPS else most)
                if distance <= (1 if len(stem) < TWO_SLIPS else most):
                    choice = (distance, -len(stem), stem if whole else stem + word[start:])
                    best = min(best, choice) if best else choice
        return best[2] if best else None

    def _near(self, head: str, most: int) -> set[str]:
        found: set[str] = set()
        for gap in _gaps(head):
            found |= self._by_gap.get(gap, set())
        return found


def _gaps(word: str) -> set[str]:
    """The word, and the word with any one letter left out: two words one slip apart have one of them in common."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
