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
    assert short == [2000, 2000, 2000, 2000, 1000]
    monkeypatch.setattr(module, "BATCH_BYTES", 100_000)
    long = lengths(database, "select decode(repeat('00', 10000), 'hex') from generate_series(1, 25)")
    assert long == [10, 10, 5]
    # One that is longer than all together still comes.
    assert lengths(database, "select decode(repeat('00', 200000), 'hex') from generate_series(1, 3)") == [1, 1, 1]
    # Long ones after short ones do not come by the thousand.
    mixed = (
        "select decode(repeat('00', case when n <= 4000 then 1 else 10000 end), 'hex') from generate_series(1, 4020) n"
    )
    assert lengths(database, mixed) == [2000, 2000, 10, 10]
