from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import Invalid
from fhir_server.search.cursor import Position, checked, decode, encode

keys = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=3).map(tuple)
rids = st.integers(-(2**63), 2**63 - 1)


@given(keys, rids, st.text())
def test_a_position_survives(keys: tuple[str | None, ...], rid: int, binding: str) -> None:
    token = encode(Position(keys, rid), binding)
    assert decode(token, binding, len(keys)) == Position(keys, rid)
    assert token.isascii()


@given(keys, rids, st.text(), st.text())
def test_it_belongs_to_its_search(keys: tuple[str | None, ...], rid: int, binding: str, other: str) -> None:
    token = encode(Position(keys, rid), binding)
    if other != binding:
        with pytest.raises(Invalid):
            decode(token, other, len(keys))
    with pytest.raises(Invalid):
        decode(token, binding, len(keys) + 1)


@given(st.text())
def test_what_was_never_issued_is_refused(token: str) -> None:
    with pytest.raises(Invalid):
        decode(token, "a search", 0)


def test_a_changed_token_is_refused() -> None:
    token = encode(Position(("2020",), 7), "a search")
    for position in range(len(token)):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        # The last character holds bits that no byte needs.
        if position < len(token) - 1:
            with pytest.raises(Invalid):
                decode(changed, "a search", 1)


@pytest.mark.parametrize(
    ("key", "sql_type", "possible"),
    [
        ("-9223372036854775808", "bigint", True),
        ("9223372036854775808", "bigint", False),
        ("many", "bigint", False),
        ("1.50", "numeric", True),
        ("-Infinity", "numeric", True),
        ("1e5", "numeric", False),
        ("3", "integer", True),
        ("", "integer", False),
        ("smith", "text", True),
        ("a\0", "text", False),
        (None, "bigint", True),
    ],
)
def test_keys_are_values_of_their_type(key: str | None, sql_type: str, possible: bool) -> None:
    if possible:
        assert checked(Position((key,), 7), [sql_type]) == Position((key,), 7)
    else:
        with pytest.raises(Invalid, match="another search"):
            checked(Position((key,), 7), [sql_type])
