"""Sealed secrets open with their key, under their name, unchanged, and no other way."""

from __future__ import annotations

import pytest

from smart_auth.seal import Seal, SealError, new_key


def test_opens_with_its_key_and_name_only() -> None:
    seal = Seal(new_key())
    sealed = seal.close(b"secret", "name")
    assert b"secret" not in sealed
    assert seal.open(sealed, "name") == b"secret"
    assert seal.close(b"secret", "name") != sealed
    for other, text, name in (
        (Seal(new_key()), sealed, "name"),
        (seal, sealed, "other"),
        (seal, sealed[:-1] + bytes([sealed[-1] ^ 1]), "name"),
        (seal, b"", "name"),
    ):
        with pytest.raises((SealError, ValueError)):
            other.open(text, name)


@pytest.mark.parametrize("key", ["", "short", "not base64!", "A" * 40, "A" * 48])
def test_a_key_is_32_bytes(key: str) -> None:
    with pytest.raises(SealError):
        Seal(key)
