"""How encrypted identifiers are found: by a keyed code where others have a hash, the same for the same value.

HMAC-SHA-256 (RFC 2104), its first 64 bits: who has the rows but not the key can neither read a value nor try one.
"""

from __future__ import annotations

import hmac

from fhir_server.encryption.keys import current
from fhir_server.search.rows import hash64


def code(value: str, key: bytes) -> int:
    """The code of a text."""
    return int.from_bytes(hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256")[:8], "big", signed=True)


def written(value: str, system: str | None) -> int | None:
    """The code by which an identifier is stored; None where its hash is."""
    ring = current()
    return code(value, ring.index_keys[0]) if ring is not None and system in ring.systems else None


def asked(text: str, system: str | None) -> set[int]:
    """What an identifier may be stored by. system: None where any may be meant, "" where it has none.

    While a system is not indexed anew its values may stand by hash or by code.
    """
    ring = current()
    if ring is None or not ring.ever or (system is not None and system not in ring.ever):
        return {hash64(text)}
    codes = {code(text, key) for key in ring.index_keys}
    return codes if system in ring.indexed & ring.systems else {*codes, hash64(text)}
