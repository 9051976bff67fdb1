"""Attack 80: tables that access depends on are away."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.attacks.record import Record


@pytest.mark.parametrize("table", ["consent_effect", "label", "policy", "break_glass"])
def test_80_without_a_table_nobody_is_let_in(record: Record, guarded_database: str, table: str) -> None:
    nurse = record.caller.token("user/*.rs", roles=("nurse",), subject="nurse", fhir_user="Practitioner/nobody")
    path = f"Observation/lab-a-{record.mark}"
    assert record.caller.get(path, nurse).status == 200
    with psycopg.connect(guarded_database, autocommit=True) as connection:
        connection.execute(f"alter table {table} rename to {table}_away".encode())
        try:
            # Policies that were read less than 5 seconds ago hold meanwhile, in each worker.
            until, refused = time.monotonic() + 10, 0
            while refused < 12:
                for asked in (path, f"Observation?patient={record.a}"):
                    status = record.caller.get(asked, nurse).status
                    assert status in (200, 500, 503)
                    refused = 0 if status == 200 else refused + 1
                assert time.monotonic() < until
                time.sleep(0.2)
        finally:
            connection.execute(f"alter table {table}_away rename to {table}".encode())
    assert record.caller.get(path, nurse).status == 200
