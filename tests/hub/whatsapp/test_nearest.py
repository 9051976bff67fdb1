"""Who is sent to an emergency department shares their location and hears of the nearest one: telephone to record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from adapters.fhir_client import FhirClient
from hub.own_clients import CHAT, DIRECTORY, door
from mappings.tasy.provider import to_provider_resources
from mappings.tasy.records import Provider
from mappings.tasy.site import Site
from simulators.tasy.providers import providers
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub.whatsapp.test_conversing import Phone, found, of, until

Json = Any
DAY = date(2026, 3, 10)


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    with joined_hub(Path(tmp_path_factory.mktemp("hub")), module_database) as there:
        yield there


@pytest.fixture
async def record(joined: Joined) -> AsyncIterator[FhirClient]:
    async with door(joined.settings, CHAT) as there:
        yield there


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as there:
        yield there


@pytest.fixture
async def hospital(joined: Joined) -> Json:
    """One of the simulated plan's, in the directory as the ERP tells of it; and a clinic, which is nearer."""
    network = list(providers(200, 1, DAY))
    one = next(each for each in network if each["ie_urgencia_emergencia"] == "S")
    clinic = next(each for each in network if each["ie_tipo_pessoa"] == "J" and each["ie_urgencia_emergencia"] == "N")
    clinic["enderecos"][0] |= {"nr_latitude": -20.8, "nr_longitude": -49.4}
    async with door(joined.settings, DIRECTORY) as directory:
        for provider in (one, clinic):
            resources, faults = to_provider_resources(msgspec.convert(provider, Provider), Site(), DAY)
            assert faults == []
            for resource in resources:
                if resource["resourceType"] in ("Organization", "Location"):
                    await directory.update(resource)
    return one


async def nurses(record: FhirClient, number: str) -> list[Json]:
    """Their Tasks about somebody."""
    tasks = of(number, await found(record, "Task"))
    return [one for one in tasks if one["code"]["coding"][0]["code"] == "nurse-callback"]


def inputs(task: Json, kind: str) -> list[str]:
    return [
        one["valueString"] for one in task["input"] for each in one["type"].get("coding", ()) if each["code"] == kind
    ]


async def test_a_shared_location_is_answered_and_goes_into_the_nurses_task(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient, hospital: Json
) -> None:
    number = "5517988880071"
    eva = Phone(joined, http, number)
    await eva.writes("minha mãe acordou com a boca torta")
    asked = await eva.hears(1)
    assert asked.index("192") < asked.index("localização")
    here = hospital["enderecos"][0]
    place = {"latitude": here["nr_latitude"] + 0.02, "longitude": here["nr_longitude"]}
    place |= {"name": "Casa", "address": "Rua A, 1"}
    await eva.shares(place)
    said = await eva.hears(2)
    assert said.index("192") < said.index(hospital["ds_razao_social"])
    assert here["ds_endereco"] in said
    assert here["nr_telefone"] in said
    assert "2,2 km" in said
    [task] = await nurses(record, number)
    assert (task["priority"], task["status"]) == ("stat", "requested")
    assert inputs(task, "position") == [f"{place['latitude']:.6f},{place['longitude']:.6f}"]
    assert inputs(task, "place") == ["Casa, Rua A, 1"]
    log = joined.hub.log.read_text()
    assert str(place["latitude"]) not in log
    assert "Rua A" not in log


async def test_a_city_is_enough_and_none_near_is_said(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient, hospital: Json
) -> None:
    number = "5517988880072"
    ivo = Phone(joined, http, number)
    await ivo.writes("desmaiei e voltei")
    assert "localização" in await ivo.hears(1)
    [asked] = await ivo.received()
    assert asked["interactive"]["action"] == {"name": "send_location"}
    await ivo.writes("estou em rio preto")
    assert hospital["ds_razao_social"] in await ivo.hears(2)
    await ivo.shares({"latitude": -3.1, "longitude": -60.0})
    assert "Não encontrei" in await ivo.hears(3)

    async def both() -> list[Json] | None:
        [task] = await nurses(record, number)
        return [task] if inputs(task, "position") else None

    [task] = await until(both)
    assert inputs(task, "place") == ["estou em rio preto"]
    assert inputs(task, "position") == ["-3.100000,-60.000000"]
