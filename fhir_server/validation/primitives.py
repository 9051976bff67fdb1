"""Formats of the primitive types. https://hl7.org/fhir/R4/datatypes.html#primitive"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date as calendar_date
from decimal import Decimal

from fhir_server.narrative import narrative_fault
from mappings.r4 import Json

Format = Callable[[Json], str | None]
"""Value -> what is wrong with it, in words that complete "must be ..." sentences; None if it is well-formed."""

_MAX_STRING = 1024 * 1024
_MAX_INTEGER = 2**31 - 1

_YEAR = r"(?!0000)[0-9]{4}"
_MONTH = r"-(?:0[1-9]|1[0-2])"
_DAY = r"-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SPACE = re.compile(r"\s")
_DATE = re.compile(f"{_YEAR}(?:{_MONTH}(?:{_DAY})?)?")
_DATE_TIME = re.compile(f"{_YEAR}(?:{_MONTH}(?:{_DAY}(?:T{_TIME}{_ZONE})?)?)?")
_INSTANT = re.compile(f"{_YEAR}{_MONTH}{_DAY}T{_TIME}{_ZONE}")
_TIME_OF_DAY = re.compile(_TIME)
_CODE = re.compile(r"[^\s]+(?:\s[^\s]+)*")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def _not_text(value: Json) -> str:
    if value is None:
        return "must not be null"
    if type(value) is list:
        return "must be a single value, not an array"
    return "must be a JSON string"


def _string(value: Json) -> str | None:
    if type(value) is not str:
        return _not_text(value)
    if not value:
        return "must not be empty"
    if _CONTROL.search(value):
        return "must not contain control characters"
    if len(value) > _MAX_STRING:
        return "must not be longer than 1,048,576 characters"
    return None


def _uri(value: Json) -> str | None:
    if type(value) is not str:
        return _not_text(value)
    if not value:
        return "must not be empty"
    # Split is quicker than a pattern on the short texts URIs are; it finds the same characters.
    if len(value.split(None, 1)) != 1 or value[0].isspace() or value[-1].isspace() or _CONTROL.search(value):
        return "must be a URI, without spaces"
    return None


def _pattern(pattern: re.Pattern[str], words: str) -> Format:
    matches = pattern.fullmatch

    def check(value: Json) -> str | None:
        if type(value) is not str:
            return _not_text(value)
        return None if matches(value) else words

    return check


def _dated(pattern: re.Pattern[str], words: str) -> Format:
    matches = pattern.fullmatch

    def check(value: Json) -> str | None:
        if type(value) is not str:
            return _not_text(value)
        if not matches(value):
            return words
        if value[8:10] > "28" and not _in_calendar(value):
            return "must be a day of the calendar"
        return None

    return check


def _in_calendar(value: str) -> bool:
    try:
        calendar_date(int(value[:4]), int(value[5:7]), int(value[8:10]))
    except ValueError:
        return False
    return True


def _boolean(value: Json) -> str | None:
    return None if value is True or value is False else "must be true or false, without quotes"


_DIGITS, _LEAST, _MOST = 1000, -1000, 308
"""R4 bounds no decimal; one beyond these breaks clients that read numbers as doubles, or costs more than it means."""


def _decimal(value: Json) -> str | None:
    if isinstance(value, Decimal):
        if _LEAST <= value.adjusted() <= _MOST and len(str(value)) <= _DIGITS:
            return None
        return f"must be a number below 1e{_MOST + 1} of at most {_DIGITS} digits"
    kind = type(value)
    return None if kind is int or kind is float else "must be a JSON number"


def _whole(low: int, words: str) -> Format:
    def check(value: Json) -> str | None:
        return None if type(value) is int and low <= value <= _MAX_INTEGER else words

    return check


def _base64(value: Json) -> str | None:
    if type(value) is not str:
        return _not_text(value)
    packed = _SPACE.sub("", value)
    if not packed:
        return "must not be empty"
    return None if len(packed) % 4 == 0 and _BASE64.fullmatch(packed) else "must be base64"


def _xhtml(value: Json) -> str | None:
    return narrative_fault(value) if type(value) is str else _not_text(value)


REMEMBERED: dict[str, set[str]] = {}
"""Primitive type -> texts found well-formed lately. Systems, codes, units, displays: most texts are the same few."""
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 4096, 256


def _remembering(kind: str, check: Format) -> Format:
    """The format of a primitive type, whose texts are remembered."""
    seen = REMEMBERED[kind] = set()

    def remembering(value: Json) -> str | None:
        fault = check(value)
        if fault is None and len(value) <= _LONGEST_REMEMBERED:
            if len(seen) >= _MOST_REMEMBERED:
                seen.clear()
            seen.add(value)
        return fault

    return remembering


FORMATS: Mapping[str, Format] = {
    "base64Binary": _base64,
    "boolean": _boolean,
    "canonical": _remembering("canonical", _uri),
    "code": _remembering("code", _pattern(_CODE, "must be a code: no spaces around it, only single ones within")),
    "date": _dated(_DATE, "must be a date: YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": _remembering(
        "dateTime", _dated(_DATE_TIME, "must be a date, or a date and time with seconds and time zone")
    ),
    "decimal": _decimal,
    "id": _pattern(_ID, "must be an id: 1 to 64 letters, digits, '-' and '.'"),
    "instant": _remembering("instant", _dated(_INSTANT, "must be a date and time with seconds and time zone")),
    "integer": _whole(-_MAX_INTEGER - 1, "must be a whole number of 32 bits, without quotes"),
    "markdown": _string,
    "oid": _pattern(_OID, "must be an OID: urn:oid:1.2.3"),
    "positiveInt": _whole(1, "must be a whole number from 1 to 2147483647, without quotes"),
    "string": _remembering("string", _string),
    "time": _pattern(_TIME_OF_DAY, "must be a time: hh:mm:ss"),
    "unsignedInt": _whole(0, "must be a whole number from 0 to 2147483647, without quotes"),
    "uri": _remembering("uri", _uri),
    "url": _uri,
    "uuid": _pattern(_UUID, "must be a UUID: urn:uuid: and lower-case hexadecimal digits"),
    "xhtml": _xhtml,
}
"""Primitive type -> its format."""
