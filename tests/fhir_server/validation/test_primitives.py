"""Formats of primitive types: tables, and HL7's own patterns as the reference."""

from __future__ import annotations

import base64
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fhir_server.definitions import primitive_types, structure
from fhir_server.validation import primitives
from fhir_server.validation.primitives import FORMATS, REMEMBERED

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">text</div>'

GOOD: dict[str, list[Any]] = {
    "base64Binary": ["AAAA", "AA==", "AAA=", "AAAA\nAAAA", " AAAA "],
    "boolean": [True, False],
    "canonical": ["http://example.org/x|1.0", "#a"],
    "code": ["a", "in-progress", "a b"],
    "date": ["2024", "2024-02", "2024-02-29", "0001", "9999-12-31"],
    "dateTime": ["2024", "2024-02", "2024-02-29", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.123456789+14:00"],
    "decimal": [1, 0, -1, Decimal("1.10"), Decimal("1E-22"), Decimal("12345678901234567890")],
    "id": ["a", "A-1.b", "x" * 64],
    "instant": ["2024-02-29T12:00:00Z", "2016-12-31T23:59:60.5-05:30"],
    "integer": [0, -(2**31), 2**31 - 1],
    "markdown": ["# a\n\tb"],
    "oid": ["urn:oid:1.2.840", "urn:oid:0.0"],
    "positiveInt": [1, 2**31 - 1],
    "string": ["a", "two\r\nlines", "é漢😀", " "],
    "time": ["00:00:00", "23:59:60.123"],
    "unsignedInt": [0, 2**31 - 1],
    "uri": ["urn:uuid:x", "http://example.org/é", "x"],
    "url": ["mailto:a@example.org"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": [DIV],
}

BAD: dict[str, list[Any]] = {
    "base64Binary": ["", " ", "A", "AAA", "A===", "AA=A", "AA-_", "ÄÄÄÄ", 1],
    "boolean": ["true", 0, 1, None, [True]],
    "canonical": ["", "a b", " a", "a\n", 1],
    "code": ["", " a", "a ", "a  b", "a\n", 1, None, ["a"], {}],
    "date": ["", "0000", "24", "2024-1", "2024-13", "2024-00", "2024-02-30", "2023-02-29", "2024-01-32",
             "2024-01-01T00:00:00Z", "2024\n", "٢٠٢٤", 2024],
    "dateTime": ["2024-01-01T00:00", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01 00:00:00Z",
                 "2024-01-01T00:00:00z", "2024-02-30T00:00:00Z", "2024-01-01T00:00:00+14:30", "2024-01-01T"],
    "decimal": ["1.0", True, None, [1], Decimal("1E999999999"), Decimal("1E-99999"), Decimal("0." + "3" * 2000)],
    "id": ["", "a_b", "x" * 65, "a b", "é", "a\n", 1],
    "instant": ["2024", "2024-01-01", "2024-01-01T00:00:00", "2024-04-31T00:00:00Z"],
    "integer": [2**31, -(2**31) - 1, Decimal("1.0"), "1", True, None],
    "markdown": ["", "\x00", 1],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02", "urn:oid:1.2."],
    "positiveInt": [0, -1, 2**31, "1", True],
    "string": ["", "\x00", "a\x1f", 1, None, ["a"], {"a": 1}],
    "time": ["", "24:00:00", "12:00", "12:00:00Z", "12:60:00"],
    "unsignedInt": [-1, 2**31, "0", False],
    "uri": ["", "a b", "a\tb", "\n", None],
    "url": ["", "a b"],
    "uuid": ["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "urn:uuid:1"],
    "xhtml": ["", "text", "<div>text</div>", 1, None],
}  # fmt: skip


def test_every_primitive_type_has_a_format() -> None:
    assert set(FORMATS) == primitive_types() == set(GOOD) == set(BAD)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_well_formed(name: str, value: Any) -> None:
    assert FORMATS[name](value) is None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_malformed(name: str, value: Any) -> None:
    reason = FORMATS[name](value)
    assert reason
    assert reason.startswith("must ")


TEXTUAL = sorted(
    name
    for name in primitive_types()
    if structure(name).regex and name not in ("boolean", "decimal", "integer", "positiveInt", "unsignedInt")
)


PRINTED = st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" \n\t")
"""Our formats are stricter than HL7's patterns in refusing control characters and unusual spaces."""


@pytest.mark.parametrize("name", [name for name in TEXTUAL if name != "base64Binary"])
@settings(max_examples=30)
@given(data=st.data())
def test_accepts_what_hl7_accepts(name: str, data: st.DataObject) -> None:
    pattern = structure(name).regex
    assert pattern
    value = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True, alphabet=PRINTED))
    assume(value)
    if name in ("date", "dateTime", "instant") and len(value) >= 10:
        assume(_in_calendar(value[:10]))
    assert FORMATS[name](value) is None


@pytest.mark.parametrize("name", TEXTUAL)
@settings(max_examples=60)
@given(value=st.text(max_size=30) | st.text(alphabet="0123456789-:TZ+.urnoid= aA", max_size=30))
def test_refuses_what_hl7_refuses(name: str, value: str) -> None:
    if FORMATS[name](value) is None:
        pattern = structure(name).regex
        assert pattern
        if name == "base64Binary":
            value = re.sub(r"\s", "", value)
        assert re.fullmatch(pattern, value, re.ASCII)


def _in_calendar(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_every_moment_is_an_instant(moment: datetime, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    for text in (moment.replace(tzinfo=UTC).isoformat(), moment.replace(tzinfo=zone).isoformat()):
        assert FORMATS["instant"](text) is None
        assert FORMATS["dateTime"](text) is None
        assert FORMATS["date"](text[:10]) is None


@given(st.binary(min_size=1))
def test_base64(content: bytes) -> None:
    assert FORMATS["base64Binary"](base64.b64encode(content).decode()) is None
    assert FORMATS["base64Binary"](base64.encodebytes(content).decode()) is None


@given(st.integers())
def test_integers(value: int) -> None:
    assert (FORMATS["integer"](value) is None) == (-(2**31) <= value < 2**31)
    assert (FORMATS["unsignedInt"](value) is None) == (0 <= value < 2**31)
    assert (FORMATS["positiveInt"](value) is None) == (0 < value < 2**31)


@pytest.mark.parametrize("kind", REMEMBERED)
def test_only_what_is_well_formed_is_remembered(kind: str) -> None:
    for value in [*GOOD[kind], *BAD[kind]]:
        FORMATS[kind](value)
    assert REMEMBERED[kind] >= set(GOOD[kind])
    assert not REMEMBERED[kind].intersection(value for value in BAD[kind] if isinstance(value, str))


def test_neither_many_texts_nor_long_ones_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primitives, "_MOST_REMEMBERED", 10)
    for number in range(100):
        assert FORMATS["string"](f"text {number}") is None
    assert FORMATS["string"](long := "x" * 257) is None
    assert 0 < len(REMEMBERED["string"]) <= 10
    assert long not in REMEMBERED["string"]
