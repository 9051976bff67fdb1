"""Words of a text: places, spellings, and that nothing breaks them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from care_services.triage.normal import normalised, words_of
from care_services.triage.rule_set import rules

ALPHABET = st.sampled_from("aábcçdeéiíoóõnñmtvqpsrlhu \n.,!?-0123456789/\u0301\u200b🚨ßŒ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NÃO consigo respirar!!", "nao consigo respirar"),
        ("vc n tá beeeem, pq?", "voce nao ta bem porque"),
        ("mal-estar  do\nrecém-nascido", "mal estar do recem nascido"),
        ("d\u200bor no pe\u0301", "dor no pe"),
        ("39,5 e 18/11", "39,5 e 18/11"),
        ("oq q eu faço", "o que que eu faco"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert normalised(text, rules().spellings) == expected


def test_quotes_are_the_members_own_writing() -> None:
    words = words_of("Tô com  DÔR no peito, viu?", rules().spellings)
    assert words.quote(2, 5) == "DÔR no peito"
    assert words.clause[4] != words.clause[5]


@given(st.one_of(st.text(), st.text(ALPHABET)))
@example("A:I")
def test_twice_is_once_and_every_word_has_its_place(text: str) -> None:
    once = normalised(text, rules().spellings)
    assert normalised(once, rules().spellings) == once
    words = words_of(text, rules().spellings)
    assert all(0 <= start < end <= len(text) for start, end in words.spans)
