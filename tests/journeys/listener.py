"""An endpoint for subscriptions in a thread, for tests and measurements that drive a hub in a process of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fhir_server.subscriptions.endpoint import Endpoint, listening


@contextmanager
def endpoint_in_thread() -> Iterator[Endpoint]:
    """Listens until left; what it was told can be read at any time."""
    endpoint, ready, loop = Endpoint(), threading.Event(), asyncio.new_event_loop()
    leave = asyncio.Event()

    async def listen() -> None:
        async with listening(endpoint):
            ready.set()
            await leave.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(listen(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)


def subscription(endpoint: Endpoint, criteria: str = "Observation?") -> dict[str, object]:
    """An R4 Subscription with payload."""
    channel = {"type": "rest-hook", "endpoint": endpoint.url, "payload": "application/fhir+json"}
    return {
        "resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria,
        "channel": channel,
    }  # fmt: skip
