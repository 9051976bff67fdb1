"""The hub is killed again and again while it tells of changes: nothing is lost, nothing out of order.

https://hl7.org/fhir/R4/subscription.html
"""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hub_process import HubProcess, Unreachable
from tests.journeys.listener import by_topic, endpoint_in_thread, subscription, websocket_in_thread

WRITERS = 4
RESOURCES = 3
ROUNDS = 40
KILLS = 2


@pytest.fixture(params=["1", "2"])
def telling_hub(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Iterator[HubProcess]:
    """A hub that may be killed, with one worker or two, whose subscriptions may name this machine."""
    settings = {"database_url": database, "workers": request.param, "outbound_schemes": "http"}
    with HubProcess(tmp_path, settings | {"outbound_loopback": "true"}) as served:
        yield served


Written = dict[str, set[int]]
"""Id of an Observation -> its versions."""


def write_while_killed(hub: HubProcess) -> Written:
    """Everything in the history afterwards, acknowledged to the writers or not."""
    client = hub.client
    kills, alive = threading.Semaphore(0), threading.Event()
    alive.set()

    def write(writer: int) -> None:
        for turn in range(ROUNDS):
            for number in range(RESOURCES):
                name = f"w{writer}-{number}"
                row = {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": "x"},
                       "valueInteger": turn}  # fmt: skip
                while True:
                    alive.wait(60)
                    try:
                        assert client.request("PUT", f"Observation/{name}", row).status in (200, 201)
                        break
                    except Unreachable:
                        time.sleep(0.05)
            if writer == 0 and turn % (ROUNDS // (KILLS + 1)) == ROUNDS // (KILLS + 1) - 1:
                kills.release()

    def kill() -> None:
        for _ in range(KILLS):
            kills.acquire(timeout=120)
            alive.clear()
            hub.kill()
            hub.start()
            alive.set()

    killer = threading.Thread(target=kill)
    killer.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    killer.join()
    client.close()  # this thread's connection is one to a hub that was killed
    expected = {f"w{writer}-{number}": set[int]() for writer in range(WRITERS) for number in range(RESOURCES)}
    for name in expected:
        for bundle in client.pages(f"Observation/{name}/_history?_count=100"):
            expected[name] |= {int(entry["resource"]["meta"]["versionId"]) for entry in bundle["entry"]}
    assert all(len(found) >= ROUNDS for found in expected.values())
    return expected


def check(told: Callable[[], dict[str, list[int]]], expected: Written) -> None:
    """Nothing is missing, nothing came that was not written, nothing came after something newer."""
    limit = time.monotonic() + 20
    while {name: set(found) for name, found in told().items()} != expected and time.monotonic() < limit:
        time.sleep(0.1)
    found = told()
    missing = {name: sorted(versions - set(found.get(name, ()))) for name, versions in expected.items()}
    assert not any(missing.values()), missing
    assert {name: set(versions) for name, versions in found.items()} == expected
    for versions in found.values():
        assert versions == sorted(versions), "an older version was told after a newer one"


def test_killed_while_telling(telling_hub: HubProcess) -> None:
    client, chance = telling_hub.client, random.Random(7)
    with endpoint_in_thread() as endpoint:
        assert client.request("POST", "Subscription", subscription(endpoint)).status == 201
        endpoint.delay = lambda: chance.random() * 0.01
        behaviours: list[int | str] = [200, 200, 200, 200, 200, 500, "close"]
        endpoint.behaviours.extend(chance.choice(behaviours) for _ in range(80))

        def told() -> dict[str, list[int]]:
            found: defaultdict[str, list[int]] = defaultdict(list)
            for one in endpoint.taken():
                found[one.path.rpartition("/")[2]].append(int(one.json()["meta"]["versionId"]))
            return dict(found)

        check(told, write_while_killed(telling_hub))


def test_killed_while_a_websocket_is_told(telling_hub: HubProcess) -> None:
    """After each break the client binds again, and goes by the numbers of events, as the backport has it."""
    client = telling_hub.client
    id = client.request("POST", "Subscription", by_topic(client, "Observation?", type="websocket")).json()["id"]
    with websocket_in_thread(client, id) as socket:

        def told() -> dict[str, list[int]]:
            found: defaultdict[str, list[int]] = defaultdict(list)
            for number in list(socket.order):
                resource = socket.told[number][1]["resource"]
                found[resource["id"]].append(int(resource["meta"]["versionId"]))
            return dict(found)

        expected = write_while_killed(telling_hub)
        check(told, expected)
        assert socket.order == list(range(1, sum(map(len, expected.values())) + 1))
