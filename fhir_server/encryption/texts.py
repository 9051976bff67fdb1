"""Texts that may name identifiers, encrypted whole: queries in the audit trail, requests of jobs. AES-256-GCM."""

from __future__ import annotations

import base64
import secrets

from cryptography.exceptions import InvalidTag

from fhir_server.encryption.keys import NONCE, CannotOpen, cipher, current

_BEGINS = "encrypted:1:"


def hidden(text: str, name: str) -> str:
    """The text as it is stored; it can be opened under the same name only. Itself where nothing is encrypted."""
    ring = current()
    if ring is None or not ring.systems or not text:
        return text
    nonce = secrets.token_bytes(NONCE)
    ciphertext = ring.ciphers[ring.newest].encrypt(nonce, text.encode("utf-8", "surrogatepass"), name.encode())
    return _BEGINS + base64.b64encode(ring.newest.to_bytes(4, "big") + nonce + ciphertext).decode()


def shown(text: str, name: str) -> str:
    """The text of its stored form. Raises CannotOpen."""
    if not text.startswith(_BEGINS):
        return text
    try:
        raw = base64.b64decode(text.removeprefix(_BEGINS), validate=True)
        opened = cipher(int.from_bytes(raw[:4], "big")).decrypt(raw[4 : 4 + NONCE], raw[4 + NONCE :], name.encode())
    except (ValueError, InvalidTag):
        raise CannotOpen("it is not as it was written") from None
    return opened.decode("utf-8", "surrogatepass")
