"""Passwords: which may be chosen, and how they are kept. NIST SP 800-63B, 5.1.1; https://www.rfc-editor.org/rfc/rfc9106"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Collection

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
STRENGTH = 3
"""Of zxcvbn's 0 to 4: more than 10^8 guesses by someone who knows the common ones."""
HASHING = threading.BoundedSemaphore(2)
"""Passwords hashed at once by one process: each takes 32 MB and 0.1 s of a processor."""

_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
_NOBODY = (
    "$argon2id$v=19$m=32768,t=3,p=1$x7d4QCej3qaeU1+r18FSNg$"
    "ngC+x0g4XfdAF8mbBZ9X/kN9/N22/sBCGlIZPpEnijE"
)  # of the parameters above, and of no password that anybody knows
_SEARCHED = 72
"""Characters that are looked at: the search for common parts takes long where there are many."""
_LOCAL = ("senha", "saude", "brasil", "austa", "hospital", "clinica", "flamengo", "corinthians", "palmeiras")
"""Beside the lists that zxcvbn ships (common passwords, names, words, keyboard rows)."""


def unusable(password: str, about: Collection[str]) -> str | None:
    """Why a password may not be chosen: short, long or common; None: it may. about: login and names of its owner."""
    from zxcvbn import zxcvbn  # reads its lists when imported

    if len(password) < SHORTEST:
        return "short"
    if len(password) > LONGEST:
        return "long"
    own = [part.casefold() for text in about for part in (text, *text.split()) if part]
    found = zxcvbn(password[:_SEARCHED], user_inputs=[*own, *_LOCAL])
    return "common" if found["score"] < STRENGTH else None


def hashed(password: str) -> str:
    """What is kept of it."""
    with HASHING:
        return _HASHER.hash(_same(password))


def verified(kept: str | None, password: str) -> bool:
    """Whether it is the one kept; takes as long where there is none."""
    with HASHING:
        try:
            return _HASHER.verify(kept or _NOBODY, _same(password)) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def _same(password: str) -> str:
    """However the keyboard composed its letters."""
    return unicodedata.normalize("NFKC", password)
