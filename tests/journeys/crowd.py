"""Many clients at the same moment, and the resources they write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tests.hub_process import Client

SYSTEM = "http://example.org/journeys"
T = TypeVar("T")


def at_once(count: int, client: Client, act: Callable[[int], T]) -> list[T]:
    """What `act(0) ... act(count - 1)` give, each in a thread with a connection of its own, all let go together."""
    barrier = threading.Barrier(count)

    def one(number: int) -> T:
        client.request("GET", "/health/live")  # the connection stands before the race begins
        barrier.wait(60)
        try:
            return act(number)
        finally:
            client.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def patient(identifier: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": identifier}], **more}


def observation(code: str, subject: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": SYSTEM, "code": code}]},
        "subject": {"reference": subject},
        **more,
    }


def family(name: str, observations: int) -> dict[str, Any]:
    """A transaction that creates a Patient and Observations about it; all carry `name`."""
    mother = "urn:uuid:5c1ad4a2-3b7a-4a53-9e0e-6f0c1d0f5a01"
    rows = [(mother, patient(name))]
    rows += [
        (f"urn:uuid:5c1ad4a2-3b7a-4a53-9e0e-{number:012x}", observation(name, mother, valueInteger=number))
        for number in range(observations)
    ]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": url, "resource": row, "request": {"method": "POST", "url": row["resourceType"]}}
            for url, row in rows
        ],
    }


def token(value: str) -> str:
    """`system|value`, percent-encoded."""
    return f"{SYSTEM.replace(':', '%3A').replace('/', '%2F')}%7C{value}"
