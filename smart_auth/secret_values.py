"""Values that cannot be guessed, and what is kept of them; no slow hash is needed. RFC 6749, 10.10

What is looked up by its value is kept as a digest; what is looked up by its owner with a salt, by Argon2id.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

_HASHER = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
_NOBODY = (
    "$argon2id$v=19$m=8192,t=1,p=1$+WmsMZZlUTCNV2Vov0shFQ$"
    "9e17AY1d0TT8L0VQWQhtxHQLeIC+HaEJJnEHDs0G7PY"
)  # of the parameters above, and of no value that anybody knows


def new() -> str:
    """A new one: 256 bits, safe in URLs."""
    return secrets.token_urlsafe(32)


def digest(value: str) -> str:
    """What is stored instead of it."""
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def hashed(value: str) -> str:
    """What is stored of it beside its owner."""
    return _HASHER.hash(value)


def verified(kept: str | None, value: str) -> bool:
    """Whether it is the one kept; takes as long where there is none."""
    try:
        return _HASHER.verify(kept or _NOBODY, value) and kept is not None
    except VerificationError:
        return False
