"""A pattern: concepts that together mean a finding, with room between them.

    "@dor ~5 @peito"              both, in either order, at most 5 words between
    "@nao @consegue >2 respirar"  in this order; without a number at most 3 words between
    "@aperto|peso @peito"         one of several; @name is a concept of the lexicon, a bare word stands for itself
    "? @peito ~8 escada"          only points to the finding: everyday words fit it too, so the finding is asked
    "! boca ~3 torta"             names the finding also in a story that sounds everyday, where others only point to it

A pattern that itself says "não" or "sem" is what section 5 calls a fixed phrase: negation does not touch it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from care_services.triage.lexicon import Span
from care_services.triage.normal import Words

DEFAULT_GAP = 3
MARKS = ("? ", "! ")
_DENIALS = ("nao", "sem", "nem", "parou", "perdeu")
NEGATING = frozenset((*_DENIALS, *("=" + word for word in (*_DENIALS, "num", "nunca", "perdi")), "dificil"))


class BadPattern(ValueError):
    """A pattern that cannot be read; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`elements[i]` are the keys one of which must be named; `links[i]` says how far element i + 1 may be from what was
    matched before, and whether it must come after. A key "=word" is a word that stands for itself."""

    source: str
    elements: tuple[tuple[str, ...], ...]
    links: tuple[tuple[bool, int], ...]
    fixed: bool
    points: bool = False
    """Whether it only says what to ask."""
    plain: bool = False
    """Whether it can mean nothing else, in whatever story."""

    def literals(self) -> Iterator[str]:
        """The words that stand for themselves."""
        return (key[1:] for keys in self.elements for key in keys if key[0] == "=")

    def concepts(self) -> Iterator[str]:
        """The concepts it names."""
        return (key for keys in self.elements for key in keys if key[0] != "=")

    def may_match(self, mentions: Mapping[str, Sequence[Span]]) -> bool:
        """Whether each of its elements is named at all."""
        for keys in self.elements:  # no generators: it is asked some hundred times for every message
            for key in keys:
                if key in mentions:
                    break
            else:
                return False
        return True

    def matches(self, mentions: Mapping[str, Sequence[Span]], words: Words, limit: int = 12) -> list[tuple[Span, ...]]:
        """Every way in which the text fits, at most `limit`: the span of each element, in the order of the pattern."""
        candidates = [[span for key in keys for span in mentions.get(key, ())] for keys in self.elements]
        found: list[tuple[Span, ...]] = []
        if all(candidates):
            self._extend(candidates, words, (), found, limit)
        return found

    def _extend(
        self,
        candidates: list[list[Span]],
        words: Words,
        so_far: tuple[Span, ...],
        found: list[tuple[Span, ...]],
        limit: int,
    ) -> None:
        at = len(so_far)
        if at == len(candidates):
            found.append(so_far)
            return
        for span in candidates[at]:
            if len(found) >= limit:
                return
            if so_far and not self._near(so_far, span, at, words):
                continue
            self._extend(candidates, words, (*so_far, span), found, limit)

    def _near(self, so_far: tuple[Span, ...], span: Span, at: int, words: Words) -> bool:
        if words.sentence[span[0]] != words.sentence[so_far[0][0]]:
            return False
        if self.denies(at - 1) and words.clause[span[0]] != words.clause[so_far[-1][0]]:
            return False  # a "não" ends at punctuation
        ordered, gap = self.links[at - 1]
        first, end = min(one[0] for one in so_far), max(one[1] for one in so_far)
        if ordered:
            return 0 <= span[0] - so_far[-1][1] <= gap
        return 0 <= span[0] - end <= gap or 0 <= first - span[1] <= gap

    def denies(self, at: int) -> bool:
        """Whether element `at` is a "não" or "sem"."""
        return self.fixed and all(key in NEGATING for key in self.elements[at])


def pattern(source: str) -> Pattern:
    """Reads a pattern. Raises BadPattern."""
    elements: list[tuple[str, ...]] = []
    links: list[tuple[bool, int]] = []
    link: tuple[bool, int] | None = None
    mark = source[:2] if source[:2] in MARKS else ""
    for part in source.removeprefix(mark).split():
        if part[0] in "~>":
            if link is not None or not elements or not part[1:].isdigit():
                raise BadPattern(f"{source!r}: {part!r} stands where it cannot")
            link = (part[0] == ">", int(part[1:]))
            continue
        keys = tuple(key[1:] if key.startswith("@") else "=" + key for key in part.split("|"))
        if any(key in ("", "=") for key in keys):
            raise BadPattern(f"{source!r}: an alternative is empty")
        if elements:
            links.append(link or (True, DEFAULT_GAP))
        elements.append(keys)
        link = None
    if not elements or link is not None:
        raise BadPattern(f"{source!r}: nothing stands at its end")
    fixed = any(key in NEGATING or key.startswith(("=nao_", "=sem_")) for keys in elements for key in keys)
    return Pattern(source, tuple(elements), tuple(links), fixed, mark == "? ", mark == "! ")
