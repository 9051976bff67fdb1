"""The hub's own services at its door, and the FHIR client they come with, against a served hub that asks for tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from adapters.fhir_client import FhirClient, FhirRefused, Issue, issues_of
from adapters.partner_errors import PartnerUnavailable
from hub import own_clients
from hub.authorization import tables
from hub.settings import Settings
from mappings import r4
from smart_auth import clients
from smart_auth.seal import Seal, new_key
from tests.hub_process import HubProcess

SYSTEM = "https://example.org/keys"


@pytest.fixture(scope="module")
def settings(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    key = new_key()
    folder = tmp_path_factory.mktemp("hub")
    with HubProcess(folder, {"database_url": module_database, "access": "smart", "key": key}) as hub:
        found = Settings(database_url=module_database, access="smart", key=key, port=hub.port, data=folder)
        own_clients.make_sure(found, module_database)
        yield found


@pytest.fixture
async def batch(settings: Settings) -> AsyncIterator[FhirClient]:
    async with own_clients.door(settings, own_clients.BATCH) as door:
        yield door


def organization(key: str, **more: Any) -> Any:
    return {"resourceType": "Organization", "identifier": [{"system": SYSTEM, "value": key}], "name": key, **more}


async def test_create_read_update(batch: FhirClient) -> None:
    made = await batch.create(organization("a"), {"identifier": f"{SYSTEM}|a"})
    again = await batch.create(organization("a", name="other"), {"identifier": f"{SYSTEM}|a"})
    assert again == made == await batch.read(f"Organization/{made['id']}")
    changed = await batch.update(made | {"name": "A"}, made["meta"]["versionId"])
    assert changed["meta"]["versionId"] == "2"
    with pytest.raises(FhirRefused) as refused:
        await batch.update(made | {"name": "B"}, "1")
    assert refused.value.status == 412
    there = await batch.update_where(organization("a", name="C"), {"identifier": f"{SYSTEM}|a"})
    assert (there["id"], there["name"]) == (made["id"], "C")


async def test_search_goes_over_all_pages(batch: FhirClient) -> None:
    entries = [
        {"resource": organization(f"page-{n}", name="Páginas"), "request": {"method": "POST", "url": "Organization"}}
        for n in range(7)
    ]
    bundle = r4.serialize({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    answer = r4.parse(await batch.transaction(bundle, minimal=True))
    assert [one["response"]["status"][:3] for one in answer["entry"]] == ["201"] * 7
    found = [one async for one in batch.search("Organization", {"name": "páginas", "_count": "3"})]
    assert {one["identifier"][0]["value"] for one in found} == {f"page-{n}" for n in range(7)}


async def test_decimals_keep_their_digits(batch: FhirClient) -> None:
    position = {"longitude": Decimal("-49.3790"), "latitude": Decimal("-20.81000")}
    made = await batch.create({"resourceType": "Location", "name": "x", "position": position})
    assert str(made["position"]["latitude"]) == "-20.81000"


async def test_what_the_server_refuses_names_elements_and_not_values(batch: FhirClient) -> None:
    with pytest.raises(FhirRefused) as refused:
        await batch.create(organization("b", active="secret words"))
    assert refused.value.status in (400, 422)
    assert any("active" in one.element for one in refused.value.issues)
    assert "secret" not in str(refused.value)


async def test_a_service_may_do_no_more_than_it_needs(settings: Settings) -> None:
    async with own_clients.door(settings, own_clients.DIRECTORY) as door:
        await door.create(organization("net"))
        with pytest.raises(FhirRefused) as refused:
            await door.create({"resourceType": "Patient"})
        assert refused.value.status == 403
        with pytest.raises(FhirRefused, match="link"):
            await door.send("GET", "https://elsewhere.example/fhir/Patient/1")


async def test_one_token_for_many_at_once_and_a_new_one_where_it_is_refused(settings: Settings) -> None:
    async with own_clients.door(settings, own_clients.DIRECTORY) as door:
        asked = 0
        http = door._http
        post = http.post

        async def counting(*positional: Any, **named: Any) -> httpx2.Response:
            nonlocal asked
            asked += 1
            return await post(*positional, **named)

        http.post = counting  # type: ignore[method-assign]
        await asyncio.gather(*(door.send("GET", "Organization?_count=1") for _ in range(20)))
        assert asked == 1
        with tables(str(settings.database_url)) as connection:
            from smart_auth.revocations import revoke

            revoke(connection, f"client:{own_clients.DIRECTORY}")
        await asyncio.sleep(1.1)  # tokens hold from a full second on
        for _ in range(50):
            await door.send("GET", "Organization?_count=1")
            if asked == 2:
                break
            await asyncio.sleep(0.1)
        assert asked == 2


def test_registrations_are_mended_and_what_was_switched_off_stays_so(settings: Settings) -> None:
    url = str(settings.database_url)
    with tables(url) as connection:
        clients.switch_off(connection, own_clients.SIMULATORS)
    own_clients.make_sure(settings, url)
    with tables(url) as connection:
        there = {one.client_id: one for one in clients.listed(connection)}
    assert set(own_clients.SCOPES) <= set(there)
    assert not there[own_clients.SIMULATORS].active
    assert there[own_clients.BATCH].active


def test_keys_are_the_same_again_and_differ() -> None:
    sealing = Seal(new_key())
    kids = {own_clients.key_of(sealing, service).kid for service in own_clients.SCOPES}
    assert len(kids) == len(own_clients.SCOPES)
    assert own_clients.key_of(sealing, "a").kid == own_clients.key_of(sealing, "a").kid
    assert own_clients.key_of(Seal(new_key()), "a").kid != own_clients.key_of(sealing, "a").kid


async def test_a_server_that_is_away() -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(PartnerUnavailable):
            await FhirClient(http, "http://127.0.0.1:9/fhir").read("Patient/1")


@pytest.mark.parametrize(("status", "after"), [(503, 7.0), (429, 7.0), (500, 7.0)])
async def test_statuses_that_say_nothing_of_the_request(status: int, after: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx2.AsyncClient() as http:
        with pytest.raises(PartnerUnavailable) as away:
            await FhirClient(http, f"http://127.0.0.1:{port}/fhir").read("Patient/1")
    assert away.value.retry_after == after


def test_issues_of_what_is_none() -> None:
    assert issues_of(b"<html>") == issues_of(b"[]") == issues_of(b'{"resourceType":"Patient"}') == ()
    outcome = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"value","expression":["a.b"]}]}'
    assert issues_of(outcome) == (Issue("value", "a.b", ""),)
