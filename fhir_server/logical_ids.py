"""Logical ids that the server assigns. https://hl7.org/fhir/R4/resource.html#id"""

from __future__ import annotations

import os
import time

_VERSION_7, _DRAWN = 0x7 << 76 | 0b10 << 62, 0xFFF << 64 | (1 << 62) - 1


def new_id() -> str:
    """A new logical id: a UUID of version 7, so that ids made together stand together in the index. RFC 9562."""
    drawn = int.from_bytes(os.urandom(10), "big") & _DRAWN
    text = f"{(time.time_ns() // 1_000_000) << 80 | _VERSION_7 | drawn:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
