"""What WhatsApp tells is in the record once, whatever happens to the webhook: a real hub, a real database."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest

from adapters.fhir_client import FhirClient
from adapters.partner_errors import PartnerUnavailable
from hub.ledger import Ledger
from hub.whatsapp.receiver import Receiver
from mappings.identifiers import Systems
from messages import search
from messages.bodies import Sealing
from messages.search import Criteria
from simulators.whatsapp.installation import Account
from simulators.whatsapp.webhooks import webhook
from tests.hub_process import HubProcess

CARE, ANA = "100000000000001", "551788887777"
SYSTEM = "https://austa.example/fhir/sid/whatsapp/mensagem"
SEALING = Sealing(b"k" * 32)


@dataclass
class Kept:
    receiver: Receiver
    record: FhirClient
    ledger: Ledger
    account: Account
    database: str

    began: datetime
    urgent: list[Any]
    """Communications that were told at once."""

    async def communications(self) -> list[Any]:
        """Those of this test."""
        ids = ",".join(f"{SYSTEM}|{line.id}" for line in self.account.lines[ANA])
        return [one async for one in self.record.search("Communication", {"identifier": ids, "_count": "500"})]

    def aside(self) -> list[search.Message]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            found = search.found(connection, Criteria(since=self.began), most=500)
            return [one for one in found if one.state == "QUARENTENA"]


@pytest.fixture(scope="module")
def served(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), {"database_url": module_database}) as hub:
        yield hub


@pytest.fixture
async def kept(served: HubProcess, module_database: str) -> AsyncIterator[Kept]:
    ledger = Ledger(module_database, SEALING)
    account = Account("t", "s", "v", first=random.randrange(10**11))
    async with httpx2.AsyncClient(timeout=30) as http:
        record = FhirClient(http, f"http://127.0.0.1:{served.port}/fhir")
        urgent: list[Any] = []
        receiver = Receiver(
            record, ledger, Systems(), [CARE], lambda text: "peito" in text, lambda: datetime.now(UTC), urgent.extend
        )
        yield Kept(receiver, record, ledger, account, module_database, datetime.now(UTC), urgent)
    ledger.close()


def said(kept: Kept, *texts: str, number: str = CARE) -> list[Any]:
    return [kept.account.wrote(ANA, number, {"type": "text", "text": {"body": text}}) for text in texts]


async def test_each_message_is_a_communication_once(kept: Kept) -> None:
    changes = said(kept, *(f"texto {number}" for number in range(12)), "dor no peito")
    mixed = [*changes, *changes]
    random.Random(7).shuffle(mixed)
    for place in range(0, len(mixed), 5):
        await kept.receiver.keep(webhook(mixed[place : place + 5]))
    await kept.receiver.keep(webhook(changes))
    found = await kept.communications()
    assert sorted(one["payload"][0]["contentString"] for one in found) == sorted(
        [*(f"texto {number}" for number in range(12)), "dor no peito"]
    )
    assert [one["payload"][0]["contentString"] for one in found if one["priority"] == "stat"] == ["dor no peito"]
    assert kept.aside() == []
    [alarm] = [one for one in found if one["priority"] == "stat"]
    assert len(kept.urgent) > 1
    assert {one["id"] for one in kept.urgent} == {alarm["id"]}


async def test_what_cannot_be_read_or_is_not_ours_is_set_aside(kept: Kept) -> None:
    good, bad, other = said(kept, "bom"), said(kept, "ruim"), said(kept, "outro", number="100000000000002")
    bad[0]["value"]["messages"][0]["timestamp"] = "soon"
    await kept.receiver.keep(webhook([*bad, *good, *other]))
    await kept.receiver.keep(b"no json")
    assert [one["payload"][0]["contentString"] for one in await kept.communications()] == ["bom"]
    found = kept.aside()
    assert sorted(one.fault.code for one in found if one.fault) == ["structure", "structure", "unknown-number"]
    assert not any(word in str(found) for word in ("bom", "ruim", "outro"))


async def test_one_that_the_record_refuses_takes_no_other_with_it(kept: Kept) -> None:
    changes = said(kept, "um", "dois", "tres", "quatro")
    changes[2]["value"]["messages"][0]["text"]["body"] = "x" * 1_100_000  # longer than a string may be
    await kept.receiver.keep(webhook(changes))
    assert sorted(one["payload"][0]["contentString"] for one in await kept.communications()) == ["dois", "quatro", "um"]
    [aside] = kept.aside()
    assert aside.flow == "whatsapp-message"


async def test_statuses_wait_for_whoever_applies_them(kept: Kept) -> None:
    id, phone = kept.account.sent(CARE, {"to": ANA, "type": "text", "text": {"body": "oi"}})
    changes = [kept.account.status(CARE, id, phone, state, "r7") for state in ("read", "sent", "sent")]
    await kept.receiver.keep(webhook(changes))
    with psycopg.connect(kept.database, autocommit=True) as connection:
        found = search.found(connection, Criteria(flow="whatsapp-status"))
    assert {one.business_key for one in found} == {f"{id}:read", f"{id}:sent"}


@pytest.mark.parametrize(("text", "called"), [("oi", 0), ("dor no peito", 1)])
async def test_a_record_that_is_away_loses_nothing_and_a_red_flag_is_told(kept: Kept, text: str, called: int) -> None:
    calls: list[int] = []
    async with httpx2.AsyncClient() as http:
        away = Receiver(
            FhirClient(http, "http://127.0.0.1:9/fhir"), kept.ledger, Systems(), [CARE], lambda text: "peito" in text,
            lambda: datetime.now(UTC), kept.urgent.extend, lambda: calls.append(1),
        )  # fmt: skip
        with pytest.raises(PartnerUnavailable):
            await away.keep(webhook(said(kept, text)))
    assert await kept.communications() == []
    assert len(calls) == called


async def test_a_clock_that_is_off_sounds_an_alarm_once_a_minute(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    at = datetime.now(UTC).timestamp()

    def told(seconds: float) -> list[Any]:
        return [kept.account.wrote(ANA, CARE, {"type": "text", "text": {"body": "oi"}}, at=at + seconds)]

    await kept.receiver.keep(webhook(told(-50)))
    assert not caplog.records
    await kept.receiver.keep(webhook([*told(-90), *told(0)]))  # what comes late is no clock's fault
    assert not caplog.records
    for _ in range(2):
        await kept.receiver.keep(webhook(told(90)))
    [said] = [one.getMessage() for one in caplog.records if one.name == "hub.whatsapp"]
    assert said.startswith("the channel's clock is not ours, or it tells late: {'seconds': ")
    assert len(await kept.communications()) == 5
