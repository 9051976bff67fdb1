"""Bodies at rest: compressed, then sealed by AES-256-GCM (NIST SP 800-38D), each openable in its own place alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT, _NONCE = b"\x01", 12
_LEVEL = 3
MOST = 64 * 1024 * 1024
"""Bytes of a body."""


class CannotOpen(Exception):
    """The key is not the one that sealed it, or it is not as it was stored."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A body as it is stored."""

    body: bytes = field(repr=False)
    hash: bytes
    """SHA-256 of what was sealed."""


class Sealing:
    """Seals and opens bodies with one key."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes."""
        if len(key) != 32:
            raise ValueError("the key is not 32 bytes")
        self._cipher = AESGCM(key)

    def seal(self, body: bytes, place: str) -> Sealed:
        """A body for a place, such as `raw(hash)`. Raises ValueError: it is too long."""
        if len(body) > MOST:
            raise ValueError(f"a body of a message has at most {MOST} bytes")
        nonce = secrets.token_bytes(_NONCE)
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(body)
        closed = _FORMAT + nonce + self._cipher.encrypt(nonce, packed, place.encode())
        return Sealed(closed, sha256(body).digest())

    def unseal(self, body: bytes, place: str) -> bytes:
        """What was sealed for this place. Raises CannotOpen."""
        nonce, closed = body[1 : 1 + _NONCE], body[1 + _NONCE :]
        try:
            if body[:1] != _FORMAT:
                raise CannotOpen("a stored body is of no known format")
            packed = self._cipher.decrypt(nonce, closed, place.encode())
            return zstandard.ZstdDecompressor().decompress(packed)
        except (InvalidTag, ValueError, zstandard.ZstdError):
            raise CannotOpen("a stored body cannot be opened with this key") from None


def raw(hash: bytes) -> str:
    """The place of bytes as they came: before they are stored, their hash is all there is of them."""
    return f"raw {hash.hex()}"


def mapped(id: int) -> str:
    """The place of what a message was mapped to."""
    return f"mapped {id}"


def edited(id: int, number: int) -> str:
    """The place of a correction."""
    return f"edit {id} {number}"


def report(run: int, name: str) -> str:
    """The place of a file that a run left."""
    return f"report {run} {name}"
