"""Attack 25: Subscriptions to what is B's, and one kept after its grant was revoked."""

from __future__ import annotations

import secrets
import time

from smart_auth import revocations
from tests.attacks.caller import bundle
from tests.attacks.neighbour import Neighbour
from tests.attacks.record import EVERYTHING, Record


def test_25_subscriptions(record: Record, token: str) -> None:
    subscription = {
        "resourceType": "Subscription", "status": "requested", "reason": "x",
        "criteria": f"Observation?patient={record.b}",
        "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:1/", "payload": "application/fhir+json"},
    }  # fmt: skip
    for bearer in (
        token,
        record.caller.token("system/Subscription.cruds"),
        record.caller.token("system/Observation.rs system/Subscription.cruds"),
    ):
        assert record.caller.get("Subscription", bearer, "POST", subscription).status == 403
        made = record.caller.get("", bearer, "POST", bundle("transaction", ("POST", "Subscription", subscription)))
        assert made.status == 403


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
