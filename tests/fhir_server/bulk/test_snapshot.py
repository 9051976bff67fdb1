"""A snapshot's rows come in batches that fit memory, whatever their length."""

from __future__ import annotations

import time

import pytest

from fhir_server.bulk import snapshot as module
from fhir_server.bulk.snapshot import snapshot
from fhir_server.statement import Statement


def lengths(url: str, text: str) -> list[int]:
    with snapshot(url, time.time_ns() // 1000) as view:
        return [len(rows) for rows in view.rows(Statement(text))]


def test_batches(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short = lengths(database, "select n, '\\x00'::bytea from generate_series(1, 9000) n")
    assert (short[:4], sum(short)) == ([100, 400, 1600, 2000], 9000)
    assert max(short) == 2000
    monkeypatch.setattr(module, "BATCH_BYTES", 100_000)
    long = lengths(database, "select decode(repeat('00', 10000), 'hex') from generate_series(1, 250)")
    assert (long[:3], sum(long)) == ([100, 10, 10], 250)
    # One that is longer than all together still comes.
    assert lengths(database, "select decode(repeat('00', 200000), 'hex') from generate_series(1, 102)") == [100, 1, 1]
