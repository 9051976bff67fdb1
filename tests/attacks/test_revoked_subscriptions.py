"""Attacks 25 and 80: a Subscription kept after its grant was revoked; tables that access depends on are away."""

from __future__ import annotations

import secrets
import time

import psycopg
import pytest

from smart_auth import revocations
from tests.attacks.neighbour import Neighbour
from tests.attacks.record import EVERYTHING, Record


def test_25_a_subscription_ends_with_the_grant_it_was_made_by(record: Record, neighbour: Neighbour) -> None:
    caller = record.caller
    grant = f"grant-{record.mark}"
    owner = caller.token(EVERYTHING, client="teller", subject="teller", id=grant)
    subscription = {
        "resourceType": "Subscription", "status": "requested", "reason": "x",
        "criteria": f"Observation?identifier=urn:o|told-{record.mark}",
        "channel": {"type": "rest-hook", "endpoint": f"{neighbour.url}/hook"},
    }  # fmt: skip
    made = caller.get("Subscription", owner, "POST", subscription)
    assert made.status == 201, made.body
    until, told = time.monotonic() + 20, record.observation("a", "told")
    while not neighbour.heard:
        assert time.monotonic() < until, "it is told at first"
        record.put(told | {"note": [{"text": secrets.token_hex(4)}]})
        time.sleep(0.5)
    with caller.engine.begin() as connection:
        revocations.revoke(connection, f"grant:{grant}")
    time.sleep(3)
    before = len(neighbour.heard)
    for _ in range(3):
        record.put(told | {"note": [{"text": secrets.token_hex(4)}]})
    time.sleep(2)
    assert len(neighbour.heard) == before, "and nothing after its grant has ended"
    with caller.engine.begin() as connection:
        ended = connection.exec_driver_sql(
            "select ended from subscription_owner where %s = any(names)", (f"grant:{grant}",)
        )
        assert ended.scalar_one() is True, "which is remembered longer than the revocation"


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
