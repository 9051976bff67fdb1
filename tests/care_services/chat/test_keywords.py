"""Words that mean something everywhere, if they are the whole message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.chat.keywords import WORDS, Keyword, keyword, plain


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Atendente", Keyword.HUMAN),
        ("ATENDENTE!!!", Keyword.HUMAN),
        ("  humano ", Keyword.HUMAN),
        ("*pessoa*", Keyword.HUMAN),
        ("Menu", Keyword.MENU),
        ("início", Keyword.MENU),
        ("SAIR", Keyword.STOP),
        ("Não quero receber.", Keyword.STOP),
        ("voltar", Keyword.RETURN),
        ("Emergência", Keyword.EMERGENCY),
        ("SOCORRO!!!", Keyword.EMERGENCY),
        ("192", Keyword.EMERGENCY),
        ("Por quê?", Keyword.WHY),
        ("meus dados", Keyword.OWN_DATA),
        ("Meus pontos!", Keyword.BALANCE),
        ("tirei meus pontos ontem", None),
        ("cancelar", Keyword.CANCEL),
        ("ver", Keyword.SEE),
        ("sem IA", Keyword.NO_MODEL),
        # near misses
        ("não quero falar com atendente", None),
        ("quero parar de sentir dor", None),
        ("vou sair de casa", None),
        ("1920", None),
        ("foi uma emergência ontem", None),
        ("cancelar consulta", None),
        ("atendentes", None),
        ("s o c o r r o", None),
        ("", None),
        ("🙂", None),
    ],
)
def test_whole_messages_alone(text: str, found: Keyword | None) -> None:
    assert keyword(text) is found


@given(st.text())
def test_plain_stays_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(st.sampled_from(sorted(WORDS)), st.sampled_from(["", "!", "...", "?!", " 🙂"]), st.booleans())
def test_case_and_punctuation_change_nothing(word: str, tail: str, upper: bool) -> None:
    assert keyword((word.upper() if upper else word.capitalize()) + tail) is WORDS[word]


@pytest.mark.parametrize("word", sorted(WORDS))
def test_near_misses_of_every_word(word: str) -> None:
    for near in (f"{word} x", f"x {word}", f"{word}x", f"x{word}", word[:-1], f"{word}s", f"nao {word}"):
        assert keyword(near) is None or plain(near) in WORDS
