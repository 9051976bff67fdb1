"""Pages stay whole while others write: nothing lost, nothing twice. https://hl7.org/fhir/R4/http.html#paging"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.hub_process import HubProcess
from tests.journeys.crowd import observation, token

WRITERS = 32
READERS = 4
ROUNDS = 4
BEFORE = 150


def reading(number: int, **more: Any) -> dict[str, Any]:
    day = f"2024-{1 + number % 12:02}-{1 + number % 28:02}"
    return observation("paging", "Patient/paging", effectiveDateTime=day, **more)


@pytest.fixture(scope="module")
def before(hub: HubProcess) -> list[str]:
    """Ids of the Observations that stand before anybody reads or writes."""
    client = hub.client
    assert client.request("PUT", "Patient/paging", {"resourceType": "Patient", "id": "paging"}).status == 201
    ids = [f"before-{number}" for number in range(BEFORE)]
    for number, name in enumerate(ids):
        row = reading(number, id=name, valueInteger=0)
        assert client.request("PUT", f"Observation/{name}", row).status == 201
    return ids


@pytest.mark.parametrize("order", ["", "&_sort=-date", "&_sort=date", "&_sort=_id", "&_sort=-_lastUpdated"])
def test_readers_see_each_row_once_while_writers_write(hub: HubProcess, before: list[str], order: str) -> None:
    client, done = hub.client, threading.Event()
    path = f"Observation?code={token('paging')}&_count=20{order}"
    moves = order.endswith("_lastUpdated")  # there an update rightly moves a row to where the reader was already
    start = {row["id"] for row in client.found(path)}
    walks: list[list[str]] = []
    wrong: list[tuple[int, bytes]] = []

    def read(_: int) -> None:
        while True:
            finished = done.is_set()
            walks.append([row["id"] for row in client.found(path)])
            if finished:
                break
        client.close()

    def write(writer: int) -> list[str]:
        created = []
        for turn in range(ROUNDS):
            number = writer * ROUNDS + turn
            answer = client.request("POST", "Observation", reading(number))
            if answer.status == 201:
                created.append(answer.headers["location"].split("/Observation/")[1].partition("/")[0])
            else:
                wrong.append((answer.status, answer.body))
            name = before[number % BEFORE]
            if not moves:
                row = reading(before.index(name), id=name, valueInteger=hash((order, writer, turn)) % 10**6)
                answer = client.request("PUT", f"Observation/{name}", row)
                if answer.status != 200:
                    wrong.append((answer.status, answer.body))
        client.close()
        return created

    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        readers = [pool.submit(read, number) for number in range(READERS)]
        try:
            created = [name for names in pool.map(write, range(WRITERS)) for name in names]
        finally:
            done.set()
        for reader in readers:
            reader.result()

    assert not wrong, wrong[:3]
    assert len(walks) >= READERS
    for walk in walks:
        assert not [name for name, count in Counter(walk).items() if count > 1], "a row came twice"
        assert start <= set(walk), "a row that stood there all the time was lost"
    assert len(created) == WRITERS * ROUNDS
    assert {row["id"] for row in client.found(path)} == start | set(created)


def test_history_pages_stay_whole_while_others_write(hub: HubProcess, before: list[str]) -> None:
    client = hub.client
    path = "Observation/_history?_count=20"
    first = client.get(path)
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    for name in before[:30]:
        assert client.request("PUT", f"Observation/{name}", reading(0, id=name, valueString=name)).status == 200
    seen = [entry["response"]["etag"] + entry["fullUrl"] for entry in first["entry"]]
    for bundle in client.pages(following):
        seen += [entry["response"]["etag"] + entry["fullUrl"] for entry in bundle["entry"]]
    assert len(seen) == len(set(seen))
    assert set(before) <= {name.rpartition("/")[2] for name in seen}
