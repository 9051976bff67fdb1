"""What a message names: exam, procedure, specialty, medicine, city, number of a protocol or card, date, weekday, time.

By rules alone, and total: any text has its entities, be they none. Pure. The care services' contract, section 3.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

from care_services.entities.dates import moments
from care_services.entities.entity import Entity
from care_services.entities.numbered import numbered
from care_services.triage.lexicon import Lexicon
from care_services.triage.normal import Words, words_of
from care_services.triage.rule_set import rules
from care_services.triage.scanner import LONGEST


def entities(text: str, today: date) -> tuple[Entity, ...]:
    """What a text names, in its order. today: of the member, for a date without a year and for "amanhã"."""
    words = words_of(text[:LONGEST], rules().spellings)
    found = [*named(words), *numbered(words), *moments(words, today)]
    return tuple(sorted(found, key=lambda one: (one.first, one.end, one.kind)))


def named(words: Words) -> Iterator[Entity]:
    """What stands in the vocabulary; the longest where one name holds another ("remédio de pressão", "pressão")."""
    spans = []
    for concept, places in _lexicon().mentions(words.words, words.sentence).items():
        kind, _, name = concept.partition(":")
        spans += [Entity(kind, name, *span) for span in places]
    for one in spans:
        if not any(_holds(other, one) for other in spans):
            yield one


def _holds(other: Entity, one: Entity) -> bool:
    return other.first <= one.first and one.end <= other.end and other.end - other.first > one.end - one.first


@cache
def _lexicon() -> Lexicon:
    kinds = tomllib.loads((Path(__file__).parent / "vocabulary.toml").read_text(encoding="utf-8"))
    return Lexicon(
        {
            f"{kind}:{name}": [form.replace(" ", "_") for form in forms]
            for kind, names in kinds.items()
            for name, forms in names.items()
        }
    )
