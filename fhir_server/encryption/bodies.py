"""A stored body of which values are cut out and encrypted, and the way back: bytes, without parsing what is read.

    1 | id of the data key, 4 | nonce, 12 | length, 4 | what was cut out, encrypted | zstd frame of the rest

A zero byte, which JSON never has, stands where something was cut out. The rest of the body is associated data: a
ciphertext opens only in the version of the resource that it was cut out of. AES-256-GCM, NIST SP 800-38D.
"""

from __future__ import annotations

import secrets
from struct import Struct

import orjson
from cryptography.exceptions import InvalidTag

from fhir_server.encryption.keys import NONCE, CannotOpen, cipher, current
from fhir_server.encryption.values import spans

MARK = b"\x01"
"""The first byte of such a body; a zstd frame begins otherwise, and so does JSON."""
GAP = b"\0"
_HEAD = Struct(">cI12sI")


def cut(body: bytes) -> tuple[bytes, bytes] | None:
    """The body with gaps, and what stood there; None where there is nothing to encrypt."""
    ring = current()
    if ring is None or not ring.patterns.concern(body):
        return None
    found = spans(body, ring.patterns.values(orjson.loads(body)))
    if not found:
        return None
    rest, end = [], 0
    for start, after in found:
        rest.append(body[end:start])
        end = after
    rest.append(body[end:])
    return GAP.join(rest), GAP.join(body[start:after] for start, after in found)


def sealed(frame: bytes, taken: bytes) -> bytes:
    """The stored form of the compressed rest and what was cut out of it."""
    ring = current()
    assert ring is not None
    nonce = secrets.token_bytes(NONCE)
    head = _HEAD.pack(MARK, ring.newest, nonce, len(taken) + 16)
    return head + ring.ciphers[ring.newest].encrypt(nonce, taken, head + frame) + frame


def parts(stored: bytes) -> tuple[bytes, bytes, bytes]:
    """Head, ciphertext and frame of a stored form. Raises CannotOpen."""
    head = stored[: _HEAD.size]
    if len(head) < _HEAD.size:
        raise CannotOpen("it is cut off")
    end = _HEAD.size + _HEAD.unpack(head)[3]
    return head, stored[_HEAD.size : end], stored[end:]


def opened(stored: bytes) -> tuple[bytes, bytes]:
    """The compressed rest of a stored form, and what was cut out of it. Raises CannotOpen."""
    head, ciphertext, frame = parts(stored)
    _, key, nonce, _ = _HEAD.unpack(head)
    try:
        return frame, cipher(key).decrypt(nonce, ciphertext, head + frame)
    except InvalidTag:
        raise CannotOpen("it is not as it was written") from None


def whole(rest: bytes, taken: bytes) -> bytes:
    """The body of its rest and what was cut out of it. Raises CannotOpen."""
    around, within = rest.split(GAP), taken.split(GAP)
    if len(around) != len(within) + 1:
        raise CannotOpen("it is not as it was written")
    pieces = [b""] * (len(around) + len(within))
    pieces[::2], pieces[1::2] = around, within
    return b"".join(pieces)


def key_of(stored: bytes) -> int | None:
    """Id of the data key of a stored body; None: nothing of it is encrypted."""
    return int.from_bytes(stored[1:5], "big") if stored[:1] == MARK else None
