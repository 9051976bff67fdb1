"""Index rows that would say an encrypted value outside its identifier: they are left out.

A search parameter of the record's own may select any text, and criteria of a Subscription are one. Rows of texts cannot
be made codes; `identifier` finds what they would.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fhir_server.encryption.keys import current
from fhir_server.encryption.values import SHORT
from fhir_server.search.by_string import normalised
from fhir_server.search.contained import MARK
from fhir_server.search.rows import hash64

_HASHES: Mapping[str, tuple[int, ...]] = {
    "token": (1,), "patient_value": (2,), "canonical": (1,), "reference_other": (1,), "string": (2,),
    "composite": (1, 3),
}  # fmt: skip
_TEXTS: Mapping[str, int] = {"string": 1, "uri": 1}
"""Table -> where in a row, without its rid, a hash or a text stands."""

IndexRows = dict[str, Collection[tuple[Any, ...]]]


def withheld(rows: IndexRows, resource: Any, body: bytes, *, tokens: bool) -> IndexRows:
    """The rows of a resource and its body without those that say a value that is encrypted.

    tokens: also rows of hashes; those of R4's own parameters stay, for they are identifiers of other systems.
    """
    ring = current()
    if ring is None or not ring.patterns.concern(body):
        return rows
    values = {value for value in ring.patterns.values(resource) if len(value) >= SHORT}
    if not values:
        return rows
    forms = values | {value.casefold() for value in values} | {normalised(value) for value in values}
    hashes = {hash64(form) for form in forms}
    found: IndexRows = {}
    for table, some in rows.items():
        name, shift = table.removeprefix(MARK), len(table) - len(table.removeprefix(MARK))
        where = [place + shift for place in _HASHES.get(name, ())] if tokens else []
        text = _TEXTS.get(name)
        kept = [row for row in some if hashes.isdisjoint([row[place] for place in where])]
        if text is not None:
            kept = [row for row in kept if not any(form and form in row[text + shift] for form in forms)]
        if kept:
            found[table] = kept
    return found
