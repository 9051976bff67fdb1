"""An emergency that nobody takes: paged, escalated, told; over sockets, with the time shortened by settings.

It is three in the morning, and broker, ERP and language model are down.
"""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.fhir_client import FhirClient
from hub.desk.leaving import Leaving
from hub.ledger import Ledger, now
from hub.own_clients import DESK, door
from hub.sealing_key import bodies
from hub.whatsapp.lines import Lines
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub.whatsapp.test_at_once import partners_down
from tests.hub.whatsapp.test_conversing import Phone, of, until
from tests.hub_process import ROOT

Json = Any
LINE = "0800 555 0100"


@pytest.fixture(scope="module")
def on_call() -> Iterator[dict[str, str]]:
    """`hub simulate oncall`, and how a hub is set to it as it prints."""
    command = [sys.executable, "-m", "hub.cli", "simulate", "oncall", "--port", "0"]
    simulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert simulator.stdout is not None
    told = ""
    for line in simulator.stdout:
        told += line
        if line.startswith("Ctrl-C"):
            break
    yield dict(re.findall(r"^  (HUB_\w+)=(\S+)$", told, re.M))
    simulator.send_signal(signal.SIGINT)
    rest = simulator.communicate(timeout=20)[0]
    assert simulator.returncode == 0
    assert "stat" in rest  # it shows what comes


@pytest.fixture(scope="module")
def joined(
    module_database: str, tmp_path_factory: pytest.TempPathFactory, on_call: dict[str, str]
) -> Iterator[Joined]:  # fmt: skip
    folder = Path(tmp_path_factory.mktemp("hub"))
    settings = {**on_call, **partners_down(folder), "HUB_TAKE_SECONDS": "4", "HUB_LINE_PHONE": LINE}
    with joined_hub(folder, module_database, **settings) as found:
        yield found


@pytest.fixture
async def record(joined: Joined) -> AsyncIterator[FhirClient]:
    async with door(joined.settings, DESK) as record:
        yield record


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        yield http


async def pages(http: httpx2.AsyncClient, joined: Joined, task: str) -> list[Json]:
    """Those that were taken, about a Task."""
    url = str(joined.settings.oncall_url).removesuffix("/pages")
    found = (await http.get(f"{url}/_simulador")).json()["pages"]
    return [one for one in found if one["task"] == task]


async def about(record: FhirClient, task: str) -> list[Json]:
    """What has pages about a Task sent, newest first."""
    kind = {"category": "https://austa.example/fhir/CodeSystem/chamada|", "_count": "200"}
    found = [one async for one in record.search("CommunicationRequest", kind)]
    return [one for one in found if one.get("about") == [{"reference": f"Task/{task}"}]]


async def stat(record: FhirClient, number: str) -> Json:
    """Somebody's emergency."""

    async def there() -> Json | None:
        found = [one async for one in record.search("Task", {"code": "nurse-callback", "priority": "stat"})]
        return next(iter(of(number, found)), None)

    return await until(there)


async def test_nobody_takes_an_emergency_of_somebody_who_opted_out_at_three_in_the_morning(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    number = "5517988882001"
    ana = Phone(joined, http, number)
    await ana.writes("sair")
    assert "não receberá mais avisos" in await ana.hears(1)
    await ana.writes("estou com dor forte no peito e suando frio")
    assert "192" in await ana.hears(2)
    task = await stat(record, number)

    async def called(count: int) -> list[Json] | None:
        found = await pages(http, joined, task["id"])
        return found if len(found) >= count else None

    found = await until(lambda: called(4))
    assert {one["key"] for one in found} == {f"Task/{task['id']}"}
    by_number = {one["page"]: (one["reason"], one["desk"]) for one in found}
    assert by_number[0] == ("stat", "nurse")
    assert by_number[1] == ("escalated", "physician")
    assert by_number[2] == by_number[3] == ("escalated", "line")
    assert all(one["link"].endswith(f"/desk/go/{task['id']}") for one in found)
    assert not any(word in str(found) for word in (number, "peito", "RF01", "emergency"))
    said = [str(one["text"]["body"]) if "text" in one else one["interactive"]["body"]["text"]
            for one in await ana.received()]  # fmt: skip
    again = [one for one in said[2:] if "192" in one]
    assert len(again) == 2
    assert all(LINE in one for one in again)

    # Taken: nobody is called any more.
    after = await record.read(f"Task/{task['id']}")
    assert [one["coding"][0]["code"] for one in after["performerType"]] == ["nurse", "physician", "line"]
    await record.update({**after, "owner": {"display": "Rosa"}, "status": "in-progress"}, after["meta"]["versionId"])
    await asyncio.sleep(1.5)
    before = len(await pages(http, joined, task["id"]))
    await asyncio.sleep(6)
    assert len(await pages(http, joined, task["id"])) == before
    asked = await about(record, task["id"])
    assert {one["status"] for one in asked} == {"completed"}
    assert len(asked) == before
    outcomes = [
        one async for one in record.search("Communication", {"based-on": f"CommunicationRequest/{asked[0]['id']}"})
    ]
    assert [one["statusReason"]["text"] for one in outcomes] == ["taken with 202, try 1"]


async def test_a_page_that_is_not_taken_is_sent_again(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient
) -> None:  # fmt: skip
    url = str(joined.settings.oncall_url).removesuffix("/pages")
    for wrong in (503, "hang-up"):
        await http.post(f"{url}/_simulador/problemas", json={"status": wrong, "times": 1})
    number = "5517988882002"
    await Phone(joined, http, number).writes("socorro")
    task = await stat(record, number)

    async def taken() -> bool:  # the next page may be taken while the first waits for its second try
        return any(one["page"] == 0 for one in await pages(http, joined, task["id"]))

    assert await until(taken)

    async def told() -> Json | None:
        asked = (await about(record, task["id"]))[-1]
        found = [
            one async for one in record.search("Communication", {"based-on": f"CommunicationRequest/{asked['id']}"})
        ]
        return next((one for one in found if one["status"] == "completed"), None)

    assert (await until(told))["statusReason"]["text"].startswith("taken with 202, try ")
    after = await record.read(f"Task/{task['id']}")
    await record.update({**after, "status": "cancelled"}, after["meta"]["versionId"])


async def test_a_number_that_is_off_is_paged_once(
    joined: Joined, module_database: str, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    ledger = Ledger(module_database, bodies(joined.settings), 1)
    numbers = joined.settings.whatsapp_numbers
    lines = Lines(numbers, ledger, now)
    await lines.say(numbers[1][1], "off", "131031")
    url = str(joined.settings.oncall_url).removesuffix("/pages")

    async def told() -> list[Json]:
        found = (await http.get(f"{url}/_simulador")).json()["pages"]
        return [one for one in found if one["reason"] == "number-off"]

    [one] = await until(told)
    assert one["key"].startswith(f"number/{numbers[1][1]}/")
    await asyncio.sleep(3)
    assert len(await told()) == 1
    await lines.say(numbers[1][1], "good", "")
    ledger.close()


async def test_whoever_looks_at_the_same_time_does_nothing_twice(
    joined: Joined, module_database: str, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    """Two rounds at once, as after a crash between two steps: each step, page and text is there once."""
    number = "5517988882003"
    await Phone(joined, http, number).writes("minha mãe acordou com a boca torta")
    task = await stat(record, number)
    looks = [Leaving(joined.settings, module_database) for _ in range(3)]  # beside the hub's own
    for _ in range(10):
        await asyncio.gather(*(one.look(record) for one in looks))
        await asyncio.sleep(1)
    after = await record.read(f"Task/{task['id']}")
    asked = await about(record, task["id"])
    keys = [one["identifier"][0]["value"] for one in asked]
    assert len(keys) == len(set(keys))
    steps = next(one["valueInteger"] for one in after["extension"])
    assert sorted(keys) == [f"Task/{task['id']}.{place}" for place in range(steps + 1)]
    await record.update({**after, "status": "cancelled"}, after["meta"]["versionId"])
