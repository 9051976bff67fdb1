"""Bundle.entry.request.url: text -> path segments and query. https://hl7.org/fhir/R4/bundle.html#bundle-unique"""

from __future__ import annotations

import re
from urllib.parse import unquote

from fhir_server.outcome import Invalid
from fhir_server.receive import pairs

Query = list[tuple[str, str]]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_UNSAFE_ESCAPE = re.compile(r"%(?:2f|5c|00)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_$.-]+(?:/[A-Za-z0-9_$.-]+)*")
_NO_SEGMENT = frozenset({"", ".", ".."})

MAX_URL = 16 * 2**10
"""Characters of a URL or of ifNoneExist."""


def parse_url(url: str, base: str) -> tuple[tuple[str, ...], Query]:
    """Decoded path segments below the FHIR base and decoded query parameters in order.

    Relative URLs are relative to `base`; absolute ones must stand below it. Raises Invalid: foreign base, empty, `.`
    and `..` segments, encoded slashes, fragments, broken escapes, more than `MAX_URL` characters.
    """
    if len(url) > MAX_URL:
        raise Invalid(f"the URL is longer than {MAX_URL} characters", code="too-long")
    path_text, mark, query_text = url.partition("?")
    if _PLAIN.fullmatch(path_text) is None:
        path_text = _below_base(path_text, base)
    path = tuple(path_text.split("/")) if path_text else ()
    if "%" in path_text:
        path = tuple(_decoded(segment) for segment in path)
    if any(segment in _NO_SEGMENT for segment in path):
        raise Invalid("the URL has an empty, '.' or '..' segment")
    return path, pairs(query_text) if mark else []


def _below_base(path: str, base: str) -> str:
    """`path` relative to the base; refuses what does not stand below it."""
    if "#" in path or "\\" in path or any(character <= " " for character in path):
        raise Invalid("the URL has a character that no FHIR URL has")
    if _SCHEME.match(path) or path.startswith("//"):
        if not base or not (path == base or path.startswith(base + "/")):
            raise Invalid("an absolute URL must stand below this server's base URL")
        path = path[len(base) :]
        return path[1:] if path.startswith("/") else path
    # "/Patient/1" is what many clients write for "Patient/1".
    return path[1:] if path.startswith("/") else path


def _decoded(segment: str) -> str:
    if _UNSAFE_ESCAPE.search(segment):
        raise Invalid("the URL has an encoded slash, backslash or NUL")
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise Invalid("the URL has an escape that is not UTF-8") from None
