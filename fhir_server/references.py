"""What stored resources refer to. https://hl7.org/fhir/R4/references.html#literal"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from fhir_server.resource_types import TYPE_ID


def references_of(body: bytes) -> Iterator[str]:
    """Every Reference.reference in a resource as it is stored, contained resources included."""
    # Stored JSON has no blanks between its tokens and escapes quotes within texts: these bytes are always a member.
    _, *after = body.split(b'"reference":"')
    for rest in after:
        end = rest.index(b'"')
        if b"\\" in rest[:end]:
            yield json.JSONDecoder().raw_decode('"' + rest.decode())[0]
        else:
            yield rest[:end].decode()


@lru_cache(maxsize=8192)
def local_reference(reference: str, base: str) -> tuple[str, str] | None:
    """(type, id) of a reference to a resource of this server, else None."""
    if reference.startswith(base) and reference[len(base) : len(base) + 1] == "/":
        reference = reference[len(base) + 1 :]
    parts = reference.split("/")
    if len(parts) == 2 or (len(parts) == 4 and parts[2] == "_history"):
        return (parts[0], parts[1]) if parts[0] in TYPE_ID and parts[1] else None
    return None
