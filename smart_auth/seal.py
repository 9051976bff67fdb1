"""Secrets at rest: sealed by a key that is never in the database. AES-256-GCM, NIST SP 800-38D."""

from __future__ import annotations

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class SealError(Exception):
    """The key is not the one that sealed, or is no key at all."""


class Seal:
    """Seals and opens with one key."""

    def __init__(self, key: str) -> None:
        """key: 32 bytes in base64. Raises SealError."""
        try:
            raw = base64.b64decode(key.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise SealError("the key is not base64") from None
        if len(raw) != 32:
            raise SealError("the key is not 32 bytes in base64")
        self._raw, self._cipher = raw, AESGCM(raw)

    def close(self, secret: bytes, name: str) -> bytes:
        """The secret sealed; it can be opened under the same name only."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """The secret. Raises SealError."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag:
            raise SealError("what was sealed cannot be opened with this key") from None

    def derived(self, name: str) -> str:
        """A secret of this name, the same whenever it is asked for; it tells nothing of the key. RFC 5869"""
        raw = HKDF(algorithm=SHA256(), length=32, salt=None, info=name.encode()).derive(self._raw)
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def new_key() -> str:
    """A new key, in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()
