"""Escapes and parts of search values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.values import split_components, split_parts, split_prefix, split_values, unescape


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (r"a\,b,c", [r"a\,b", "c"]),
        (r"a\\,b", ["a\\\\", "b"]),
        ("", [""]),
        (",", ["", ""]),
        (r"s|a\|b", [r"s|a\|b"]),
        ("a\\", ["a\\"]),
    ],
)
def test_values(text: str, parts: list[str]) -> None:
    assert split_values(text) == parts


def test_parts_and_components() -> None:
    assert split_parts(r"http://s|a\|b\,c") == ["http://s", "a|b,c"]
    assert split_components(r"a|b$c\$d$e") == ["a|b", r"c\$d", "e"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("5", ("eq", "5")), ("ge5", ("ge", "5")), ("ap2020", ("ap", "2020")), ("xx5", ("eq", "xx5")), ("", ("eq", ""))],
)
def test_prefix(text: str, found: tuple[str, str]) -> None:
    assert split_prefix(text) == found


@given(st.lists(st.text(r"ab\,|$"), min_size=1))
def test_escaped_values_come_back(values: list[str]) -> None:
    escaped = ",".join(re.sub(r"([\\,$|])", r"\\\1", value) for value in values)
    assert [unescape(part) for part in split_values(escaped)] == values
