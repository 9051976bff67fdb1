"""JSON in and out: exact decimals, and errors that say where."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.r4 import MalformedJson, parse, serialize


@pytest.mark.parametrize(
    "text",
    ["1.10", "0.0000001", "1E+5", "100000000000000000000", "-0.0", "-0", "0.10000000000000000000001", "12", "1.0e10"],
)
def test_numbers_keep_their_digits(text: str) -> None:
    written = serialize(parse(text.encode())).decode()
    before, after = Decimal(text), Decimal(written)
    assert (before.as_tuple(), before) == (after.as_tuple(), after)


@pytest.mark.parametrize(
    ("raw", "reason", "line", "column"),
    [
        (b'{"a": 1,\n "a": 2}', "duplicate key", 2, 2),
        (b'{"a": {"b": 1}, "c": [{"b": 1, "d": {}, "b": 2}]}', "duplicate key", 1, 41),
        (b'{"x": "\\"", "a\\u0062": 1, "ab": 2}', "duplicate key", 1, 27),
        (b'{"a": 1,\n "b" 2}', "Expecting ':' delimiter", 2, 6),
        (b'{"a": 1} x', "Extra data", 1, 10),
        (b"", "Expecting value", 1, 1),
        (b'{"a": "\xff"}', "not valid UTF-8", 1, 8),
        (b'{"a": NaN}', "NaN is not a JSON number", 0, 0),
        (b"[" * 100_000, "nested too deep", 0, 0),
        (b'{"a":\n "\\ud83d\\ude00 \\ud800"}', "a lone surrogate", 2, 16),
        (b'{"a": "\\uDC00\\uD800"}', "a lone surrogate", 1, 8),
    ],
)
def test_malformed(raw: bytes, reason: str, line: int, column: int) -> None:
    with pytest.raises(MalformedJson) as caught:
        parse(raw)
    assert (caught.value.reason, caught.value.line, caught.value.column) == (reason, line, column)


def test_lone_surrogate_is_refused_when_written() -> None:
    with pytest.raises(MalformedJson):
        serialize({"a": "\ud800"})


def test_surrogate_pairs_and_escaped_backslashes_are_text() -> None:
    assert parse(b'["\\ud83d\\ude00", "\\\\ud800", "\\uD83D\\uDE00"]') == ["\U0001f600", "\\ud800", "\U0001f600"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.decimals(allow_nan=False, allow_infinity=False, places=5)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_back_the_same(value: object) -> None:
    assert parse(serialize(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_say_why(raw: bytes) -> None:
    try:
        value = parse(raw)
    except MalformedJson:
        return
    assert value == json.loads(raw, parse_float=Decimal)
