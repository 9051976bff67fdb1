"""Batches of the audit trail as they are read back. Whoever reads them decides who may."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import zstandard

from fhir_server.audit.chain import TAG, Batch
from fhir_server.postgres import Row
from fhir_server.statement import Parameters, Statement

_INT8 = Struct(">q")
_COLUMNS = "b.number, b.first, b.left_tag, b.tags, b.lines"


def batch_of(row: Row) -> Batch:
    """A row of the statement below."""
    number, first, before, tags, lines = row
    return unpacked(_INT8.unpack(number)[0], _INT8.unpack(first)[0], before, tags, lines)


def unpacked(number: int, first: int, before: bytes, tags: bytes, lines: bytes) -> Batch:
    """A batch of what `audit_batch` holds."""
    return Batch(
        number,
        first,
        before,
        tuple(zstandard.decompress(lines).split(b"\n")),
        tuple(tags[place : place + TAG] for place in range(0, len(tags), TAG)),
    )


def backwards(
    before: int | None, keys: Sequence[tuple[int, int]], period: tuple[int | None, int | None], limit: int
) -> Statement:
    """Batches up to a number (None: the last), newest first, that hold something of each key (kind, key) and touch the
    period (first instant, first instant after; None: open)."""
    parameters = Parameters()
    tests = ["true" if before is None else f"b.number <= {parameters.add(before, 'bigint')}"]
    for kind, key in keys:
        found = f"k.kind = {kind} and k.key = {parameters.add(key, 'bigint')} and k.batch = b.number"
        tests.append(f"exists (select from audit_key k where {found})")
    low, high = period
    if low is not None:
        tests.append(f"b.last_at >= {parameters.add(low, 'bigint')}")
    if high is not None:
        tests.append(f"b.first_at < {parameters.add(high, 'bigint')}")
    text = f"select {_COLUMNS} from audit_batch b where {' and '.join(tests)} order by b.number desc limit {limit}"
    return parameters.statement(text)
