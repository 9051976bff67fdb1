"""Text of other systems: charsets, names, cards, phones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.text import Decoded, card_key, damaged, decode, match_key, phone

NAME = "JOSÉ DA CONCEIÇÃO"


@pytest.mark.parametrize(
    ("source", "declared", "found"),
    [
        (NAME.encode(), None, Decoded(NAME, "utf-8", False)),
        (NAME.encode("cp1252"), None, Decoded(NAME, "cp1252", False)),
        (NAME.encode("latin-1"), "iso-8859-1", Decoded(NAME, "iso-8859-1", False)),
        (NAME.encode(), "no-such-charset", Decoded(NAME, "utf-8", False)),
        (NAME.encode(), "ascii", Decoded(NAME, "utf-8", False)),
        (b"\x81", None, Decoded("\x81", "latin-1", False)),
        (NAME.encode().decode("latin-1").encode(), None, Decoded(NAME.encode().decode("latin-1"), "utf-8", True)),
    ],
)
def test_decode(source: bytes, declared: str | None, found: Decoded) -> None:
    assert decode(source, declared) == found


@given(st.binary(max_size=50))
def test_any_bytes_are_text(source: bytes) -> None:
    assert decode(source).text.encode(decode(source).charset) == source


@pytest.mark.parametrize(
    ("text", "is_damaged"),
    [
        (NAME, False),
        ("CORAÇÃO", False),
        ("coraÃ§Ã£o", True),
        ("CONCEIÃ‡ÃƒO", True),
        ("JOS\ufffd", True),
        ("João Ãvila", False),
    ],
)
def test_damaged(text: str, is_damaged: bool) -> None:
    assert damaged(text) is is_damaged


@given(st.sampled_from("áàâãéêíóôõúçÁÀÂÃÉÊÍÓÔÕÚÇ"))
def test_a_letter_decoded_twice_is_damaged(letter: str) -> None:
    assert damaged(letter.encode().decode("latin-1"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("José da Conceição e Silva", "JOSE CONCEICAO SILVA"),
        ("  d'Ávila-Souza  ", "D AVILA SOUZA"),
        ("DOS SANTOS", "SANTOS"),
        ("JOSE\u0301", "JOSE"),
        ("", ""),
    ],
)
def test_match_key(name: str, key: str) -> None:
    assert match_key(name) == key


@given(st.text(max_size=40))
def test_a_match_key_is_its_own(name: str) -> None:
    assert match_key(match_key(name)) == match_key(name)


@pytest.mark.parametrize(
    ("area", "number", "found"),
    [
        ("17", "30000000", "+551730000000"),
        ("17", "99123-4567", "+5517991234567"),
        ("017", "30000000", "+551730000000"),
        (None, "(17) 3000-0000", "+551730000000"),
        (None, "30000000", "30000000"),
        ("1", "30000000", "130000000"),
    ],
)
def test_phone(area: str | None, number: str, found: str) -> None:
    assert phone(area, number) == found


def test_cards_are_text() -> None:
    assert card_key("00900000001234567") == card_key("900000001234567") != card_key("9000000012345670")
