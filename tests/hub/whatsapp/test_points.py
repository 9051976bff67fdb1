"""Points over the served hub and the simulated telephone: joining, asking, leaving and coming back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from adapters.fhir_client import FhirClient
from care_services.healthpoints import entries
from hub.own_clients import CHAT, door
from mappings.identifiers import Systems
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub.whatsapp.test_conversing import Phone, found, of

ANA = "5517988880788"


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    with joined_hub(tmp_path_factory.mktemp("hub"), module_database) as found:
        yield found


@pytest.fixture
async def record(joined: Joined) -> AsyncIterator[FhirClient]:
    async with door(joined.settings, CHAT) as record:
        yield record


async def test_joining_is_booked_once_and_points_outlast_a_no(joined: Joined, record: FhirClient) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        ana = Phone(joined, http, ANA)
        await ana.writes("Meus pontos")
        assert "nunca por resultado, peso ou uso do plano" in await ana.hears(1)
        assert of(ANA, await found(record, "Basic")) == []
        await ana.taps("Pontos")
        await ana.hears(2)
        await ana.writes("meus pontos")
        assert "*50 pontos*" in await ana.hears(3)
        await ana.writes("sair")
        await ana.hears(4)
        await ana.writes("meus pontos")
        assert "*50 pontos* ficam guardados por mais" in await ana.hears(5)
        await ana.writes("quero pontos")
        await ana.hears(6)
        await ana.writes("meus pontos")
        assert "*50 pontos*" in await ana.hears(7)
    [line] = of(ANA, await found(record, "Basic"))
    [entry] = entries([line], Systems())
    assert (entry.kind, entry.points) == ("joined", 50)
