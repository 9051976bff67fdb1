"""Whatever order a batch of webhooks comes in and however often, the record holds the same: real hub, real database."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.fhir_client import FhirClient
from care_services.chat.alarm import alarming
from care_services.triage.rule_set import rules
from hub.ledger import Ledger
from hub.whatsapp.conversing import Conversing
from hub.whatsapp.receiver import Receiver
from mappings.identifiers import Systems
from messages.bodies import Sealing
from simulators.whatsapp.installation import Account
from simulators.whatsapp.webhooks import webhook
from tests.hub_process import HubProcess

Json = Any
CARE = "100000000000001"
TALKS = {
    "ana": ("oi", "estou com tosse", "desde ontem", "minha mãe acordou com a boca torta"),
    "bia": ("quero marcar uma consulta", "atendente", "sair"),
    "caio": ("meu filho está com febre", "34 anos", "não consigo respirar"),
}
KINDS = ("Communication", "RiskAssessment", "Flag", "Consent", "CommunicationRequest")
MESSAGES = [(who, number) for who, texts in TALKS.items() for number in range(len(texts))]
_people, _firsts = itertools.count(1), itertools.count(1, 1000)


@pytest.fixture(scope="module")
def served(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, str]]:
    with HubProcess(tmp_path_factory.mktemp("hub"), {"database_url": module_database}) as hub:
        yield hub, module_database


@asynccontextmanager
async def opened(hub: HubProcess, database: str) -> AsyncIterator[tuple[Receiver, Conversing, FhirClient, Ledger]]:
    ledger = Ledger(database, Sealing(b"k" * 32))
    async with httpx2.AsyncClient(timeout=60) as http:
        record, systems = FhirClient(http, f"http://127.0.0.1:{hub.port}/fhir"), Systems()
        receiver = Receiver(
            record, ledger, systems, [CARE], lambda text: alarming(text, rules()), lambda: datetime.now(UTC)
        )

        async def number() -> str:
            return "00000020260000000"

        yield receiver, Conversing(record, systems, number), record, ledger
    ledger.close()


async def left(served: tuple[HubProcess, str], bodies: Sequence[Sequence[tuple[str, int]]]) -> dict[str, list[str]]:
    """What the record holds of new people, whose messages come so; without ids and moments."""
    account = Account("t", "s", "v", first=next(_firsts))
    phones = {who: f"55178{next(_people):08d}" for who in TALKS}
    began = 1_790_000_000
    told = {
        (who, number): account.wrote(
            phones[who], CARE, {"type": "text", "text": {"body": text}}, at=began + 60 * number
        )
        for who, texts in TALKS.items()
        for number, text in enumerate(texts)
    }  # fmt: skip
    people = {account.person(phone).user: who for who, phone in phones.items()}
    async with opened(*served) as (receiver, conversing, record, _):
        for body in bodies:
            await receiver.keep(webhook([told[one] for one in body]))
        sender = ",".join(f"{Systems().sid('whatsapp/usuario')}|{user}" for user in people)

        async def of(kind: str, parameter: str) -> list[Json]:
            return [one async for one in record.search(kind, {f"{parameter}:identifier": sender, "_count": "500"})]

        heard = sorted(await of("Communication", "sender"), key=lambda one: one["sent"])
        for user in people:
            own = [one for one in heard if one["sender"]["identifier"]["value"] == user]
            await conversing.answer(own)
            await conversing.answer(own)  # told again
        tasks = await of("Task", "subject")
        found = {
            "Communication": [(one["payload"][0]["contentString"], one["sent"], one["priority"]) for one in heard],
            "Task": [(one["code"]["coding"][0]["code"], one.get("priority"), one["businessStatus"]["text"]
                      if "businessStatus" in one else "") for one in tasks],
            "RiskAssessment": [one["prediction"][0]["qualitativeRisk"]["coding"][0]["code"]
                               for one in await of("RiskAssessment", "subject")],
            "Flag": [one["code"]["coding"][0]["code"] for one in await of("Flag", "subject")],
            "Consent": [one["provision"]["type"] for one in await of("Consent", "patient")],
            "CommunicationRequest": [one["payload"][0]["contentString"]
                                     for one in await of("CommunicationRequest", "recipient")],
        }  # fmt: skip
    return {kind: sorted(map(str, all)) for kind, all in found.items()}


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_duplicates_and_permutations_of_a_batch_give_one_record_set(
    served: tuple[HubProcess, str], data: st.DataObject
) -> None:
    expected = asyncio.run(left(served, [MESSAGES]))
    mixed = data.draw(st.permutations([*MESSAGES, *data.draw(st.lists(st.sampled_from(MESSAGES), max_size=8))]))
    cut = data.draw(st.integers(1, 6))
    found = asyncio.run(left(served, [mixed[at : at + cut] for at in range(0, len(mixed), cut)]))
    assert found == expected
    assert len(expected["Communication"]) == len(MESSAGES)
    assert expected["Flag"] == ["emergency", "emergency"]
