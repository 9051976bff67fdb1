"""Too much at once: refused at once, given up in time, and everything well again afterwards."""

from __future__ import annotations

import asyncio

import httpx2
import psycopg
import pytest

from fhir_server.dispatch import Settings
from tests.fhir_server.conftest import Served

pytestmark = pytest.mark.alone


async def test_requests_beyond_the_limit_are_told_to_come_again(database: str, served: Served) -> None:
    async with served(database, Settings(max_concurrent=4)) as client:
        with psycopg.connect(database) as blocker:
            blocker.execute("lock table resource")
            waiting = [asyncio.create_task(client.get(f"Patient/p{n}")) for n in range(4)]
            await asyncio.sleep(0.1)
            refused = await asyncio.gather(*[client.get("Patient/p") for _ in range(10)])
        assert [response.status_code for response in refused] == [503] * 10
        assert refused[0].headers["retry-after"] == "1"
        assert refused[0].json()["issue"][0]["code"] == "throttled"
        assert [(await task).status_code for task in waiting] == [404] * 4
        assert (await client.get("Patient/p")).status_code == 404


async def test_a_request_is_given_up_at_its_deadline(database: str, served: Served) -> None:
    async with served(database, Settings(deadline=0.5)) as client:
        with psycopg.connect(database) as blocker:
            blocker.execute("lock table resource")
            late: list[httpx2.Response] = await asyncio.gather(
                client.get("Patient/p"),
                client.get("Patient?name=x"),
                client.put("Patient/p", json={"resourceType": "Patient", "id": "p"}),
                client.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [
                    {"request": {"method": "PUT", "url": "Patient/q"},
                     "resource": {"resourceType": "Patient", "id": "q"}}]}),
            )  # fmt: skip
            assert [response.status_code for response in late] == [503] * 4
            assert {response.json()["issue"][0]["code"] for response in late} == {"timeout"}
        assert (await client.get("Patient?name=x")).status_code == 200
        assert (await client.put("Patient/r", json={"resourceType": "Patient", "id": "r"})).status_code == 201
        assert (await client.get("Patient/q")).status_code == 404
