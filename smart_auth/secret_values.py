"""Values that cannot be guessed, and what is kept of them: 256 random bits need no slow hash. RFC 6749, 10.10"""

from __future__ import annotations

import secrets
from hashlib import sha256


def new() -> str:
    """A new one: 256 bits, safe in URLs."""
    return secrets.token_urlsafe(32)


def digest(value: str) -> str:
    """What is stored instead of it."""
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
