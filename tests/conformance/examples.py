"""The official R4 examples, and values compared digit by digit. https://hl7.org/fhir/R4/downloads.html"""

from __future__ import annotations

import json
import lzma
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from mappings.r4 import parse


@cache
def examples(data: Path) -> tuple[bytes, ...]:
    """All 731 examples as JSON bytes, in file order."""
    with lzma.open(data / "fhir-r4" / "examples" / "r4-examples.ndjson.xz") as lines:
        return tuple(line for line in lines if line.strip())


def resource(raw: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = parse(raw)
    return parsed


def _digits(text: str) -> tuple[str, object]:
    """A number by sign, digits and exponent: 1.10 is not 1.1, 1e-3 is 0.001."""
    return ("number", Decimal(text).as_tuple())


def exact(raw: bytes) -> Any:
    """The JSON value with the digits of its numbers, and without what a server sets."""
    value = json.loads(raw, parse_float=_digits, parse_int=_digits)
    meta = value.get("meta", {})
    meta.pop("versionId", None)
    meta.pop("lastUpdated", None)
    if not meta:
        value.pop("meta", None)
    return value


def difference(expected: Any, found: Any, path: str = "") -> str | None:
    """Path of the first difference, None when equal. Names no value."""
    if type(expected) is not type(found):
        return path
    if isinstance(expected, dict):
        if set(expected) != set(found):
            return f"{path}: members {sorted(set(expected) ^ set(found))}"
        parts = [difference(value, found[key], f"{path}.{key}") for key, value in expected.items()]
        return next((part for part in parts if part), None)
    if isinstance(expected, list):
        if len(expected) != len(found):
            return f"{path}: number of items"
        parts = [difference(*both, f"{path}[{at}]") for at, both in enumerate(zip(expected, found, strict=True))]
        return next((part for part in parts if part), None)
    return None if expected == found else path
