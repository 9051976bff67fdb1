"""From a telephone to the record, over sockets: `hub simulate whatsapp`, and `hub serve` set to it as it prints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from adapters.fhir_client import FhirClient, FhirRefused
from hub import own_clients
from tests.hub.whatsapp.joined import Joined, joined_hub

Json = Any
ANA = "551788887777"
SECONDS = 20.0


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    folder = tmp_path_factory.mktemp("hub")
    with joined_hub(folder, module_database) as found:
        yield found
    assert (folder / "whatsapp" / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.fixture
async def record(joined: Joined) -> AsyncIterator[FhirClient]:
    async with own_clients.door(joined.settings, own_clients.WHATSAPP) as record:
        yield record


async def write(joined: Joined, http: httpx2.AsyncClient, **content: Any) -> str:
    answer = await http.post(f"{joined.phone}/_simulador/conversas/{ANA}", json={"nome": "Ana", "conteudo": content})
    assert answer.status_code == 202
    return str(answer.json()["id"])


async def kept(record: FhirClient, id: str) -> Json:
    """The Communication of a message, once it is there."""
    async with asyncio.timeout(SECONDS):
        while True:
            async for one in record.search("Communication", {"identifier": id, "_count": "1"}):
                return one
            await asyncio.sleep(0.1)


async def test_what_is_written_is_in_the_record_and_an_emergency_first(joined: Joined, record: FhirClient) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        assert "<html" in (await http.get(f"{joined.phone}/")).text
        calm = await write(joined, http, type="text", text={"body": "Quero segunda via do boleto"})
        bad = await write(joined, http, type="text", text={"body": "minha mãe acordou com a boca torta"})
        title = {"type": "list_reply", "list_reply": {"id": "x", "title": "Rosto ou fala alterados"}}
        row = await write(joined, http, type="interactive", interactive=title)
        called = await write(joined, http, type="text", text={"body": "Socorro!"})
        found = {id: await kept(record, id) for id in (calm, bad, row, called)}
    assert {id: one["priority"] for id, one in found.items()} == {
        calm: "routine", bad: "stat", row: "stat", called: "stat",
    }  # fmt: skip
    assert found[bad]["payload"][0]["contentString"] == "minha mãe acordou com a boca torta"
    assert found[bad]["sender"]["identifier"]["value"].startswith("BR.")
    with pytest.raises(FhirRefused) as refused:
        await record.read("Patient/1")
    assert refused.value.status == 403


async def test_the_webhook_is_met_and_forged_bodies_are_not_taken(joined: Joined) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    token = joined.settings.whatsapp_verify
    async with httpx2.AsyncClient(trust_env=False) as http:
        right = await http.get(joined.webhook, params={**asked, "hub.verify_token": token})
        wrong = await http.get(joined.webhook, params={**asked, "hub.verify_token": "another"})
        bare = await http.post(joined.webhook, content=b"{}")
        forged = await http.post(joined.webhook, content=b"{}", headers={"X-Hub-Signature-256": "sha256=00"})
        beside = await http.get(f"{joined.webhook}/x")
    assert (right.status_code, right.text) == (200, "1158201444")
    assert [one.status_code for one in (wrong, bare, forged, beside)] == [403, 401, 403, 404]


async def test_a_picture_is_kept_restricted(joined: Joined, record: FhirClient) -> None:
    picture = b"\xff\xd8\xff" + bytes(500)
    async with httpx2.AsyncClient(trust_env=False) as http:
        kept_there = await http.post(
            f"{joined.phone}/_simulador/arquivos", content=picture, headers={"Content-Type": "image/jpeg"}
        )
        sent = await write(joined, http, type="image", image=kept_there.json())
    async with asyncio.timeout(SECONDS):
        while "url" not in (found := (await kept(record, sent))["payload"][0]["contentAttachment"]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert (found["contentType"], found["size"]) == ("image/jpeg", len(picture))


async def test_metrics_tell_of_numbers_and_of_no_person(joined: Joined) -> None:
    site = joined.webhook.rsplit("/", 2)[0]
    async with httpx2.AsyncClient(trust_env=False) as http, asyncio.timeout(SECONDS):
        while "hub_whatsapp_number_usable{" not in (told := (await http.get(f"{site}/metrics")).text):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert ANA not in told
