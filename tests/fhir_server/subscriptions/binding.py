"""Subscriptions served by websocket, and what binds a connection to them."""

from __future__ import annotations

import asyncio
from typing import Any

from fhir_server.statement import Statement
from tests.fhir_server.conftest import BASE
from tests.fhir_server.subscriptions.conftest import Relaying, topic


async def subscribed(relay: Relaying, content: str = "full-resource", *filters: str, **channel: Any) -> str:
    """Id of an active Subscription of the topic, served by websocket."""
    elements = topic(content, *(filters or ("Observation?",)), type="websocket", **channel)
    resource = {"resourceType": "Subscription", "status": "requested", "reason": "test", **elements}
    id = str((await relay.written("POST", "Subscription", resource))["id"])
    await relay.reaches(id, "active")
    return id


async def token(relay: Relaying, *ids: str) -> str:
    query = "&".join(f"id={id}" for id in ids)
    answer = await relay.client.get(f"Subscription/$get-ws-binding-token?{query}")
    assert answer.status_code == 200, answer.text
    found = {one["name"]: next(v for n, v in one.items() if n != "name") for one in answer.json()["parameter"]}
    assert found["websocket-url"] == f"ws{BASE.removeprefix('http')}/_websocket"
    return str(found["token"])


async def bound(relay: Relaying, *ids: str) -> str:
    return f"bind-with-token {await token(relay, *ids)}"


async def undelivered(relay: Relaying) -> int:
    rows = await relay.store.select(Statement("select count(*) from subscription_event where not delivered"))
    return int.from_bytes(rows[0][0], "big")


async def until_delivered(relay: Relaying) -> None:
    for _ in range(1000):
        if not await undelivered(relay):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not all is delivered")
