"""Transactions of many as one request: each has its own answer, and nobody fails for another's fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.gathered import LONGEST_REST, MOST, Gathered
from tests.hub_process import HubProcess

Json = Any
SYSTEM = "urn:example"


@pytest.fixture(scope="module")
def served(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), {"database_url": module_database}) as hub:
        yield hub


class Counted(FhirClient):
    """Knows how many transactions it sent."""

    sent = 0

    async def transaction(self, bundle: bytes, *, minimal: bool = False) -> bytes:
        self.sent += 1
        return await super().transaction(bundle, minimal=minimal)


@pytest.fixture
async def record(served: HubProcess) -> AsyncIterator[Counted]:
    async with httpx2.AsyncClient(timeout=60) as http:
        yield Counted(http, f"http://127.0.0.1:{served.port}/fhir")


def basic(value: str) -> Json:
    code = {"coding": [{"code": "example"}]}
    return {"resourceType": "Basic", "code": code, "identifier": [{"system": SYSTEM, "value": value}]}


def new(resource: Json) -> Json:
    return {"fullUrl": f"urn:uuid:{uuid4()}", "resource": resource, "request": {"method": "POST", "url": "Basic"}}


async def test_who_comes_together_goes_together_and_hears_of_its_own(record: Counted) -> None:
    together = Gathered(record)
    names = [str(uuid4()) for _ in range(30)]
    answers = await asyncio.gather(*(together.transaction([new(basic(one)), new(basic(one))]) for one in names))
    assert record.sent <= 2
    for name, told in zip(names, answers, strict=True):
        for one in told:
            stored = await record.read("/".join(one["location"].split("/")[-4:-2]))
            assert stored["identifier"][0]["value"] == name


async def test_nobody_fails_for_another(record: Counted) -> None:
    together = Gathered(record)
    wrong = {**new({"resourceType": "Basic", "id": "x"}), "request": {"method": "PUT", "url": "Basic/x"}}
    answers = await asyncio.gather(
        together.transaction([new(basic("a"))]), together.transaction([wrong, new(basic("half"))]),
        together.transaction([new(basic("b"))]), return_exceptions=True,
    )  # fmt: skip
    assert [isinstance(one, FhirRefused) for one in answers] == [False, True, False]
    assert [one async for one in record.search("Basic", {"identifier": f"{SYSTEM}|half"})] == []
    assert len([one async for one in record.search("Basic", {"identifier": f"{SYSTEM}|a,{SYSTEM}|b"})]) == 2


async def test_what_is_there_already_is_not_made_again(record: Counted) -> None:
    together, name = Gathered(record), str(uuid4())
    criteria = {"identifier": f"{SYSTEM}|{name}"}
    made, new = await together.create(basic(name), criteria)
    there, again = await together.create(basic(name), criteria)
    assert (new, again) == (True, False)
    assert (made["id"], made["meta"]["versionId"]) == (there["id"], there["meta"]["versionId"]) == (made["id"], "1")


async def test_more_than_go_at_a_time_go_one_after_another(record: Counted) -> None:
    together = Gathered(record)
    answers = await asyncio.gather(*(together.transaction([new(basic("many"))]) for _ in range(2 * MOST + 1)))
    assert len(answers) == 2 * MOST + 1
    assert record.sent == 3


async def test_who_has_a_part_of_the_time_leaves_the_server_to_others_for_the_rest(record: Counted) -> None:
    slow = Slow(record)
    together = Gathered(slow, 0, share=1 / 3)  # type: ignore[arg-type]
    await asyncio.gather(*(together.transaction([new(basic("slow")) for _ in range(MOST)]) for _ in range(3)))
    assert len(slow.took) == 3
    for (begun, ended), (again, _) in pairwise(slow.took):
        assert again - ended >= min(2 * (ended - begun), LONGEST_REST) * 0.9  # clocks differ


class Slow:
    """A record of which it is known when it was at work."""

    def __init__(self, record: Counted) -> None:
        self._record = record
        self.took: list[tuple[float, float]] = []

    async def transaction(self, bundle: bytes, *, minimal: bool = False) -> bytes:
        begun = time.monotonic()
        answer = await self._record.transaction(bundle, minimal=minimal)
        self.took.append((begun, time.monotonic()))
        return answer
