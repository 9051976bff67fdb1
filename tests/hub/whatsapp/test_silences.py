"""What becomes of conversations in which nobody answers, minute by minute: a real record, the clock is the test's."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.fhir_client import FhirClient
from care_services.chat.conversation import Conversation
from care_services.chat.silence import Then
from care_services.desk import tasks
from hub.ledger import Ledger
from hub.whatsapp.conversing import Conversing, drawing, stored
from hub.whatsapp.silences import look
from mappings.identifiers import Systems
from mappings.tasy.site import Site
from mappings.whatsapp.communication import to_communication
from mappings.whatsapp.webhook import Message, Sender
from messages.bodies import Sealing
from tests.fhir_server.conftest import serving

Json = Any
NUMBERS = itertools.count(1)
SYSTEMS = Systems()


@dataclass
class Talk:
    """Somebody's conversation."""

    record: FhirClient
    talks: Conversing
    phone: str = field(default_factory=lambda: f"5517{next(NUMBERS):09d}")
    written: int = 0

    async def writes(self, *texts: str) -> None:
        for text in texts:
            self.written += 1
            at = int(datetime.now(UTC).timestamp())
            one = Message(f"{self.phone}.{self.written}", "1", Sender(None, self.phone), at, "text", text=text)
            made = to_communication(one, SYSTEMS, received=datetime.now(UTC))
            await self.talks.answer([await self.record.create(made)])

    async def task(self) -> Json:
        key = f"{SYSTEMS.sid('whatsapp/conversa')}|1:{self.phone}"
        [found] = [one async for one in self.record.search("Task", {"identifier": key})]
        return found

    async def now(self) -> Conversation:
        return stored(await self.task())

    async def peoples(self) -> list[Json]:
        part_of = f"Task/{(await self.task())['id']}"
        return [one async for one in self.record.search("Task", {"part-of": part_of})]

    async def said(self) -> list[str]:
        """To the member, in order."""
        found = [
            one async for one in self.record.search("CommunicationRequest", {"_count": "500", "_sort": "authored"})
        ]
        own = [one for one in found if self.phone in str(one["recipient"]) and "occurrenceDateTime" not in one]
        return [one["payload"][0]["contentString"] for one in own]

    async def after(self, minutes: float) -> None:
        """A look, so long after now."""
        await look(self.record, self.talks, SYSTEMS, datetime.now(UTC) + timedelta(minutes=minutes))


@pytest.fixture
async def talk(module_database: str) -> AsyncIterator[Talk]:
    ledger = Ledger(module_database, Sealing(b"k" * 32))
    async with serving(module_database) as http:
        record = FhirClient(http, str(http.base_url))
        yield Talk(record, Conversing(record, SYSTEMS, drawing(ledger, Site(SYSTEMS, "America/Sao_Paulo", "999997"))))
    ledger.close()


async def test_an_interview_is_reminded_of_and_goes_to_a_nurse(talk: Talk) -> None:
    await talk.writes("estou com tosse")
    asked = (await talk.said())[-1]
    await talk.after(4)
    assert (await talk.said())[-1] == asked
    await talk.after(6)
    await talk.after(7)
    reminded = await talk.said()
    assert reminded[-1].startswith("Ainda está aí?")
    assert len(reminded) == 2
    await talk.after(13)
    assert (await talk.now()).state == "safety"
    await talk.after(16)
    await talk.after(300)
    now = await talk.now()
    assert (now.state, now.told) == ("human", "urgent")
    [nurse] = await talk.peoples()
    assert (tasks.code(nurse), nurse["priority"]) == ("nurse-callback", "urgent")
    assert "tosse" in str(nurse["input"])
    assert len(await talk.said()) == 3


async def test_who_answers_is_not_reminded(talk: Talk) -> None:
    await talk.writes("estou com tosse")
    await talk.after(6)
    await talk.writes("Sobre mim")
    assert (await talk.now()).silences == 0
    await talk.after(4)
    assert len(await talk.said()) == 3


async def test_an_administrative_flow_ends_and_says_so(talk: Talk) -> None:
    await talk.writes("quero saber da autorização do meu exame")
    assert (await talk.now()).state == "authorization"
    await talk.after(28)
    assert (await talk.now()).state == "authorization"
    await talk.after(31)
    assert (await talk.now()).state == "open"
    assert (await talk.said())[-1].startswith("Encerrei este assunto")


async def test_a_person_keeps_the_talk_until_half_an_hour_after_they_ended_it(talk: Talk) -> None:
    await talk.writes("atendente")
    await talk.after(600)
    assert (await talk.now()).state == "human"
    [own] = await talk.peoples()
    await talk.record.update({**own, "status": "completed"})
    await talk.after(28)
    assert (await talk.now()).state == "human"
    await talk.after(31)
    assert (await talk.now()).state == "open"


async def test_an_emergency_is_waited_for_without_end(talk: Talk) -> None:
    await talk.writes("minha mãe acordou com a boca torta")
    await talk.after(6000)
    assert (await talk.now()).state == "emergency"
    assert len(await talk.said()) == 1


async def test_who_writes_while_a_silence_is_worked_on_is_heard(talk: Talk) -> None:
    """The silence loses the race, and is no silence any more."""
    await talk.writes("estou com tosse")
    before = await talk.task()
    await talk.writes("Sobre mim")
    assert not await talk.talks.silence(before, Then.NURSE)
    assert (await talk.now()).state == "safety"
