"""Where a page ended, as an opaque token in the link to the next one: stateless, bound to its search.

A position is data, never a permission: whoever follows the link is judged again by its own Access.
https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b

from fhir_server.outcome import Invalid

_DIGEST = 8


@dataclass(frozen=True, slots=True)
class Position:
    """The last resource shown: its sort keys as text (None: no value) and its rid."""

    keys: tuple[str | None, ...]
    rid: int


def encode(position: Position, binding: str) -> str:
    """The token of a position in the search that `binding` names."""
    payload = json.dumps([*position.keys, position.rid], separators=(",", ":"), ensure_ascii=False).encode()
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
    if type(rid) is not int or not all(one is None or isinstance(one, str) for one in shown):
        raise _refused()
    return Position(tuple(shown), rid)


def _digest(payload: bytes, binding: str) -> bytes:
    return blake2b(payload, digest_size=_DIGEST, key=blake2b(binding.encode("utf-8", "replace")).digest()).digest()


def _refused() -> Invalid:
    return Invalid("_cursor belongs to another search; follow the links of the Bundle as they are", code="invalid")
