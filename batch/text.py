"""The text of a line: its charset, and what it lost before it came. Tasy contract, 10.3, 13. Pure.

A line is applied as it can be read; that a person should repair it in the ERP is a Task in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import orjson

from mappings.repair import repair, still_open
from mappings.tasy.site import Site
from mappings.text import damaged, decode

_SUSPICIOUS = ("Ã".encode(), "Â".encode(), "\ufffd".encode(), b"\\u")
"""Without any of these a line in UTF-8 is sound."""


def utf8(source: bytes) -> bytes:
    """A line in UTF-8; one that is in no UTF-8 is read as cp1252, else as Latin-1."""
    if source.isascii():
        return source
    try:
        source.decode()
    except UnicodeDecodeError:
        return decode(source).text.encode()
    return source


def wrong(source: bytes) -> str:
    """What is wrong with the text of a line that is JSON; "": nothing."""
    if not source.isascii():
        found = decode(source)
        if found.charset != "utf-8":
            return f"texto: não é UTF-8, lido como {found.charset}"
    if any(one in source for one in _SUSPICIOUS) and damaged(orjson.dumps(orjson.loads(source)).decode()):
        return "texto: perdeu caracteres antes de chegar"
    return ""


def repairs(targets: Sequence[tuple[str, str]], source: bytes, site: Site) -> list[bytes]:
    """Entries of a transaction that ask for the repair of a line's text; none where it is sound."""
    reason = wrong(source)
    if not reason:
        return []
    return [
        orjson.dumps(
            {
                "resource": repair(f"{kind}/{id}", reason, site),
                "request": {
                    "method": "POST",
                    "url": "Task",
                    "ifNoneExist": urlencode(still_open(f"{kind}/{id}", site)),
                },
            }
        )
        for kind, id in targets
    ]
