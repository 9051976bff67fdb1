"""Where a page ended, as an opaque token in the link to the next one: stateless, bound to its search.

A position is data, never a permission: whoever follows the link is judged again by its own Access.
https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from fhir_server.outcome import Invalid

_DIGEST = 8
_write = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Position:
    """The last resource shown: its sort keys as text (None: no value) and its rid."""

    keys: tuple[str | None, ...]
    rid: int


def encode(position: Position, binding: str) -> str:
    """The token of a position in the search that `binding` names."""
    payload = _write([*position.keys, position.rid]).encode()
    return urlsafe_b64encode(_digest(payload, binding) + payload).rstrip(b"=").decode()


def decode(token: str, binding: str, keys: int) -> Position:
    """The position in a token. Raises Invalid unless it was made for this very search with this many sort keys."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        payload = raw[_DIGEST:]
        values = json.loads(payload)
    except (ValueError, UnicodeError):
        raise _refused() from None
    if raw[:_DIGEST] != _digest(payload, binding) or not isinstance(values, list) or len(values) != keys + 1:
        raise _refused()
    *shown, rid = values
    if (
        type(rid) is not int
        or not -(2**63) <= rid < 2**63
        or not all(one is None or isinstance(one, str) for one in shown)
    ):
        raise _refused()
    return Position(tuple(shown), rid)


def checked(position: Position, sql_types: Sequence[str]) -> Position:
    """The position, if its keys are values of these types. Raises Invalid: the checksum is no secret."""
    for shown, sql_type in zip(position.keys, sql_types, strict=True):
        if shown is not None and not _is_value(shown, sql_type):
            raise _refused()
    return position


def _is_value(text: str, sql_type: str) -> bool:
    if sql_type == "text":
        return "\0" not in text
    if sql_type == "numeric":
        return _NUMERIC.fullmatch(text) is not None
    return _INTEGER.fullmatch(text) is not None and -(2**63) <= int(text) < 2**63


_INTEGER = re.compile("-?[0-9]{1,19}")
_NUMERIC = re.compile(r"-?(?:[0-9]{1,10000}(?:\.[0-9]{1,10000})?|Infinity)")


def _digest(payload: bytes, binding: str) -> bytes:
    return blake2b(payload, digest_size=_DIGEST, key=blake2b(binding.encode("utf-8", "replace")).digest()).digest()


def _refused() -> Invalid:
    return Invalid("_cursor belongs to another search; follow the links of the Bundle as they are", code="invalid")
