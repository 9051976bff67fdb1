"""Writes care_services/triage/rules/common_words.txt: the everyday Portuguese words that the scanner would otherwise
take for a misspelt clinical word. Run it when the lexicon has changed; the words come from pyspellchecker's frequency
list and from the vocabulary of the entities."""

from __future__ import annotations

import gzip
import json
import tomllib
from importlib.resources import files

from care_services.intent.sampling import VOCABULARY
from care_services.triage.normal import folded
from care_services.triage.rule_set import RULES, rules

LEAST = 12
"""How often a word must stand in the list to be common; rarer ones are mostly slips themselves."""


def main() -> None:
    target = RULES / "common_words.txt"
    target.write_text("")
    rules.cache_clear()
    corrected = rules().spelling.corrected
    counted = json.loads(gzip.decompress((files("spellchecker") / "resources" / "pt.json.gz").read_bytes()))
    words = {folded(word) for word, count in counted.items() if count >= LEAST and word.isalpha()} | named()
    target.write_text("".join(f"{word}\n" for word in sorted(words) if corrected(word) != word))


def named() -> set[str]:
    """The words of the entities' vocabulary: a medicine is no misspelt sign."""
    kinds = tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))
    forms = (form for names in kinds.values() for forms in names.values() for form in forms)
    return {folded(word) for form in forms if not form.endswith("*") for word in form.split()}


if __name__ == "__main__":
    main()
