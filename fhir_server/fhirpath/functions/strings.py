"""String functions. https://hl7.org/fhirpath/N1/#string-manipulation"""

from __future__ import annotations

import base64
import binascii
import html
import json
from collections.abc import Callable

from fhir_server.fhirpath.code import EMPTY, Items, bounded
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.functions.signature import Function, check_of_items, integer_of, on_items, on_text, text_of


def _test(call: Callable[[str, str], bool]) -> Function:
    def test(items: Items, argument: Items) -> bool | None:
        text, other = text_of(items), text_of(argument)
        return None if text is None or other is None else call(text, other)

    return check_of_items(test, 1)


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(0, length)]


def _substring_of(items: Items, start: Items, length: Items | None = None) -> Items:
    text, begin = text_of(items), integer_of(start)
    count = None if length is None else integer_of(length)
    if text is None or begin is None:
        return EMPTY
    found = _substring(text, begin, count)
    return EMPTY if found is None else [found]


def _replace(text: str, pattern: str, substitution: str) -> str:
    if not pattern:
        return bounded(substitution + "".join(character + substitution for character in bounded(text)))
    if text.count(pattern) * len(substitution) > 1_000_000:
        raise FhirPathError("text has become too long")
    return bounded(text.replace(pattern, substitution))


def _join(items: Items, separator: Items | None = None) -> Items:
    parts = [text for item in items if (text := text_of([item])) is not None]
    between = text_of(separator) if separator is not None else ""
    return EMPTY if between is None or not items else [bounded(between.join(parts))]


def _split(items: Items, separator: Items) -> Items:
    text, between = text_of(items), text_of(separator)
    if text is None or between is None:
        return EMPTY
    return list(text) if not between else list(text.split(between))


def _decoded(decode: Callable[[str], bytes]) -> Callable[[str], str | None]:
    def call(text: str) -> str | None:
        try:
            return decode(text).decode()
        except (ValueError, binascii.Error):
            return None

    return call


_ENCODERS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "urlbase64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
}
_DECODERS: dict[str, Callable[[str], str | None]] = {
    "base64": _decoded(lambda text: base64.b64decode(text, validate=True)),
    "urlbase64": _decoded(lambda text: base64.b64decode(text, altchars=b"-_", validate=True)),
    "hex": _decoded(bytes.fromhex),
}


def _json_unescape(text: str) -> str | None:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


_ESCAPERS: dict[str, Callable[[str], str | None]] = {
    "html": html.escape,
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}
_UNESCAPERS: dict[str, Callable[[str], str | None]] = {"html": html.unescape, "json": _json_unescape}


def _by_format(table: dict[str, Callable[[str], str | None]]) -> Function:
    def call(text: str, name: str) -> str | None:
        convert = table.get(name)
        return None if convert is None else convert(text)

    return on_text(call, text_of)


def _characters(items: Items) -> Items:
    text = text_of(items)
    return EMPTY if text is None else list(text)


STRINGS: dict[str, Function] = {
    "startsWith": _test(str.startswith),
    "endsWith": _test(str.endswith),
    "contains": _test(str.__contains__),
    "indexOf": on_text(str.find, text_of),
    "lastIndexOf": on_text(str.rfind, text_of),
    "substring": on_items(_substring_of, 1, 2),
    "upper": on_text(str.upper),
    "lower": on_text(str.lower),
    "replace": on_text(_replace, text_of, text_of),
    "length": on_text(len),
    "toChars": on_items(_characters),
    "trim": on_text(str.strip),
    "split": on_items(_split, 1),
    "join": on_items(_join, 0, 1),
    "encode": _by_format(dict(_ENCODERS)),
    "decode": _by_format(_DECODERS),
    "escape": _by_format(_ESCAPERS),
    "unescape": _by_format(_UNESCAPERS),
}
