"""Attacks 25 and 63: Subscriptions to what is not one's own or labelled, and one kept after its grant was revoked."""

from __future__ import annotations

import secrets
import time

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from fhir_server.subscriptions.switchboard import websocket_url
from smart_auth import revocations
from tests.attacks.caller import bundle
from tests.attacks.conftest import Labelled, Rows
from tests.attacks.neighbour import Neighbour
from tests.attacks.record import EVERYTHING, Record
from tests.journeys.listener import by_topic


def heard_at_once(record: Record, token: str, id: str) -> str:
    """What is said to who opens a websocket and asks to be bound to a Subscription."""
    head = {"Authorization": f"Bearer {token}"}
    try:
        with connect(websocket_url(record.caller.site.fhir_base), additional_headers=head) as socket:
            socket.send(f"bind {id}")
            return str(socket.recv(timeout=10, decode=True))
    except InvalidStatus as error:
        return (error.response.body or b"").decode()


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


def test_63_what_a_subscription_tells(record: Record, labelled: Labelled, rows: Rows) -> None:
    """Only who may read everything is told: not even how often something happened is for others."""
    call, client = record.caller.get, f"listener-{record.mark}"
    rows([{"role": f"client:{client}", "types": ["Subscription", "Condition"], "interactions": "crus"}])
    service = record.caller.token("system/*.rs", client=client)
    conditions = record.caller.token("system/Subscription.rs system/Condition.rs")
    nurse = record.caller.token("user/*.cruds", roles=("nurse",), subject=f"nurse-{record.mark}")
    wanted = by_topic(record.caller.hub.client, f"Condition?patient={record.a}", type="websocket")
    made = call("Subscription", record.operator, "POST", wanted)
    assert made.status == 201, made.body
    path = f"Subscription/{made.json()['id']}"
    channel = {"type": "websocket"}
    asked = {"resourceType": "Subscription", "status": "requested", "reason": "x", "criteria": "Condition?code=F32"}
    plain = call("Subscription", record.operator, "POST", asked | {"channel": channel}).json()["id"]
    record.until("Encounter", service, 403)
    until = time.monotonic() + 20
    while f"{labelled.psy}".encode() not in call(f"{path}/$events?content=full-resource", record.operator).body:
        assert time.monotonic() < until, "who may read everything is told"
        stored = call(labelled.psy, record.operator).json()
        record.put(stored | {"note": [{"text": secrets.token_hex(4)}]})
        time.sleep(0.5)
    for token in (service, nurse, record.token(), conditions):
        for operation in ("$events", "$events?content=full-resource", "$status", "$get-ws-binding-token"):
            assert record.status(f"{path}/{operation}", token) == 403, operation
        for operation in ("$status", "$get-ws-binding-token"):
            assert record.status(f"Subscription/{operation}", token) == 403, operation
        assert record.status("Subscription", token, "POST", wanted) == 403
        assert record.status(path, token, "PUT", made.json() | {"reason": "y"}) in (403, 404)
        assert "OperationOutcome" in heard_at_once(record, token, plain)
    assert heard_at_once(record, record.operator, plain) == f"bound {plain}"
    for one in (path, f"Subscription/{plain}"):
        assert record.status(one, record.operator, "DELETE") == 204
