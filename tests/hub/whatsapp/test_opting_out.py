"""Opt-out and back, over the served hub and the simulated telephone. The care services' contract, sections 9 and 12."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from adapters.fhir_client import FhirClient
from hub.own_clients import CHAT, door
from mappings.identifiers import Systems
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub.whatsapp.test_conversing import Phone, found, of, until

Json = Any

SYSTEMS = Systems()
ANA = "5517988880777"


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    with joined_hub(tmp_path_factory.mktemp("hub"), module_database) as found:
        yield found


@pytest.fixture
async def record(joined: Joined) -> AsyncIterator[FhirClient]:
    async with door(joined.settings, CHAT) as record:
        yield record


async def remind(joined: Joined, record: FhirClient, category: str = "reminder") -> Json:
    """A notice from another number than that which was written to; what became of it. Urgent: at any hour."""
    line = dict(joined.settings.whatsapp_numbers)["notices"]
    planned = await record.create(
        {
            "resourceType": "CommunicationRequest", "status": "active", "priority": "urgent",
            "authoredOn": datetime.now(UTC).isoformat(),
            "identifier": [{"system": "urn:test", "value": uuid.uuid4().hex}],
            "category": [{"coding": [{"system": SYSTEMS.codes("aviso"), "code": category}]}],
            "payload": [{"contentString": "Amanhã há consulta."}],
            "recipient": [{"identifier": {"system": SYSTEMS.sid("telefone"), "value": ANA}}],
            "sender": {"identifier": {"system": SYSTEMS.sid("whatsapp/numero"), "value": line}},
        }
    )  # fmt: skip

    async def over() -> Json:
        now = await record.read(f"CommunicationRequest/{planned['id']}")
        return now if now["status"] != "active" else None

    return await until(over)


async def test_a_no_is_one_word_on_all_numbers_and_only_the_member_makes_it_a_yes(
    joined: Joined, record: FhirClient
) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        ana = Phone(joined, http, ANA)
        assert (await remind(joined, record))["statusReason"]["text"] == "no consent to reminders"

        await ana.writes("quero lembretes")  # to nothing that she was told: it is shown first
        asked = await ana.hears(1)
        assert all(part in asked for part in ("AUSTA", "Lembretes", "WhatsApp", "SAIR"))
        await ana.taps("Lembretes")
        assert "lembretes" in await ana.hears(2)
        assert (await remind(joined, record))["status"] == "completed"

        await ana.writes("Sair!")
        assert "não receberá mais avisos" in await ana.hears(4)
        assert (await remind(joined, record))["statusReason"]["text"] == "no consent to reminders"

        await ana.writes("cancelar")  # asked what
        assert "cancelar?" in await ana.hears(5)
        await ana.writes("voltar")
        await ana.hears(6)
        assert (await remind(joined, record))["status"] == "revoked"  # until she has said yes to what she is shown
        await ana.writes("QUERO BEM-ESTAR")
        assert "bem-estar" in await ana.hears(7)
        assert (await remind(joined, record))["status"] == "revoked"

    [consent] = of(ANA, await found(record, "Consent"))
    said = {one["purpose"][0]["code"]: set(one["period"]) for one in consent["provision"]["provision"]}
    assert said == {"reminders": {"start", "end"}, "wellness": {"start"}, "healthpoints": {"end"}}
    assert (consent["provision"]["type"], consent["meta"]["versionId"]) == ("deny", "3")
    assert consent["policy"][0]["uri"].startswith(f"{SYSTEMS.base}/texts/")
    assert consent["extension"][0]["valueReference"]["reference"].startswith("Communication/")
