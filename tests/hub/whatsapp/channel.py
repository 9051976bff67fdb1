"""The record in a hub, the channel in its simulator, and the services between them called one after the other.

Everything is real and on sockets, but the clock is the test's, and nothing happens by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import uvicorn

from adapters.fhir_client import FhirClient
from adapters.whatsapp.webhook import Secrets, Webhook
from hub import own_clients
from hub.ledger import Ledger
from hub.settings import Settings, read_settings
from hub.whatsapp.lines import Lines
from hub.whatsapp.receiver import Receiver
from hub.whatsapp.sending import Sending
from hub.whatsapp.statuses import Applied
from mappings.identifiers import Systems
from messages.bodies import Sealing
from simulators.whatsapp.installation import ACCOUNT, NUMBERS, Account
from simulators.whatsapp.serve import Served, serving
from simulators.whatsapp.troubles import Trouble
from tests.hub_process import HubProcess

Json = Any
CARE, SPARE = next(iter(NUMBERS)), "100000000000006"
PURPOSES = ("care", "service", "authorization", "appointments", "notices", "spare", "spare")
SYSTEMS = Systems()
TOKEN, SECRET, VERIFY = "a token of tests", "a secret of tests", "a word of tests"


@dataclass
class Clock:
    """Goes as the real one does, and may be moved ahead, or stopped."""

    ahead: timedelta = field(default_factory=timedelta)
    stopped: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stopped or datetime.now(UTC)) + self.ahead

    def stops(self) -> None:
        """From now on it goes where it is moved to alone, however long a test takes."""
        self.stopped = datetime.now(UTC)

    def passes(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Channel:
    settings: Settings
    record: FhirClient
    account: Account
    served: Served
    ledger: Ledger
    clock: Clock
    database: str

    def __post_init__(self) -> None:
        self.sending = Sending(self.settings, self.database, self.clock)
        self.statuses = Applied(self.settings, self.ledger, SYSTEMS, self.clock)
        self.phone = f"5517{random.randrange(10**9, 2 * 10**9)}"

    def trouble(self, name: str, *codes: int, times: int = 1) -> None:
        """Happens next, with each of these codes in turn."""
        self.account.troubles += [Trouble(name, 1, code) for code in codes] or [Trouble(name, times)]

    async def asks(
        self, text: str = "Olá", *, priority: str = "routine", category: str = "answer", line: str = CARE,
        wrote: bool = True, **more: Json,
    ) -> str:  # fmt: skip
        """Somebody wrote, and this is to be said to them; the request's reference."""
        member = {
            "extension": [{"url": SYSTEMS.extension("telefone"), "valueString": self.phone}],
            "identifier": {"system": SYSTEMS.sid("telefone"), "value": self.phone},
        }
        moment = self.clock().isoformat()
        about = []
        number = {"identifier": {"system": SYSTEMS.sid("whatsapp/numero"), "value": line}}
        if wrote:
            message = await self.record.create(
                {
                    "resourceType": "Communication", "status": "completed", "sent": moment, "received": moment,
                    "identifier": [{"system": SYSTEMS.sid("whatsapp/mensagem"), "value": uuid.uuid4().hex}],
                    "sender": member, "recipient": [number],
                }
            )  # fmt: skip
            about = [{"reference": f"Communication/{message['id']}"}]
        request = await self.record.create(
            {
                "resourceType": "CommunicationRequest", "status": "active", "authoredOn": moment, "priority": priority,
                "category": [{"coding": [{"system": SYSTEMS.codes("aviso"), "code": category}]}],
                "payload": [{"contentString": text}], "recipient": [member], "sender": number,
                **({"about": about} if about else {}), **more,
            }
        )  # fmt: skip
        return f"CommunicationRequest/{request['id']}"

    async def told(self) -> None:
        """What the channel has told so far is in the record."""
        while self.account.telling:  # noqa: ASYNC110 - the channel has no event for it
            await asyncio.sleep(0.01)
        await self.served.webhooks.settled()
        await self.statuses.look()

    def forget_lines(self) -> None:
        """Numbers and templates are as good as new, and nothing was sent by them, for the next test."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("delete from messages.partner_state where partner = 'whatsapp'")
            connection.execute("delete from messages.pace")

    def lines(self) -> Lines:
        """How numbers and templates stand."""
        return Lines(self.settings.whatsapp_numbers, self.ledger, self.clock)

    async def request(self, reference: str) -> Json:
        return await self.record.read(reference)

    async def message(self, reference: str) -> Json:
        """The Communication of a request."""
        [found] = [one async for one in self.record.search("Communication", {"based-on": reference})]
        return found

    async def tasks(self, reference: str) -> list[Json]:
        """By which somebody telephones."""
        return [one async for one in self.record.search("Task", {"focus": reference})]

    async def stored(self, key: str) -> str:
        """The state of a message of the store."""
        rows = await self.ledger(
            lambda connection: connection.execute(
                "select state from messages.message where business_key = %s", [key]
            ).fetchall()
        )
        [[state]] = rows
        return str(state)

    def heard(self) -> list[Json]:
        """What has come to the person's telephone."""
        return [one.content for one in self.account.lines[self.phone] if not one.mine]

    def seconds(self, request: Json) -> float:
        """Until a request is looked at again."""
        return (datetime.fromisoformat(request["occurrenceDateTime"]) - self.clock()).total_seconds()


@asynccontextmanager
async def listening(app: Webhook) -> AsyncIterator[str]:
    """The URL of an application, as long as the block."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level=logging.CRITICAL, lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = server.force_exit = True
    await task


@asynccontextmanager
async def channel(hub: HubProcess, database: str) -> AsyncIterator[Channel]:
    """As long as the block."""
    clock = Clock()
    moment = lambda: clock().timestamp()  # noqa: E731
    account = Account(TOKEN, SECRET, VERIFY, moment, first=random.randrange(10**11))
    ledger = Ledger(database, Sealing(b"k" * 32))
    plain = read_settings(
        {"HUB_DATABASE_URL": database, "HUB_PORT": str(hub.port), "HUB_ACCESS": "open", "HUB_DATA": str(hub.folder)}
    )
    async with own_clients.door(plain, own_clients.WHATSAPP) as record:
        receiver = Receiver(record, ledger, SYSTEMS, list(NUMBERS), lambda text: False, clock, folded=timedelta())
        async with (
            listening(Webhook(Secrets(SECRET, VERIFY), receiver.keep)) as url,
            serving(account, f"{url}/whatsapp/webhook") as served,
        ):
            settings = read_settings(
                {
                    "HUB_DATABASE_URL": database, "HUB_PORT": str(hub.port), "HUB_ACCESS": "open",
                    "HUB_DATA": str(hub.folder), "HUB_WHATSAPP_URL": served.url, "HUB_WHATSAPP_TOKEN": TOKEN,
                    "HUB_WHATSAPP_SECRET": SECRET, "HUB_WHATSAPP_VERIFY": VERIFY,
                    "HUB_WHATSAPP_ACCOUNT": ACCOUNT,
                    "HUB_WHATSAPP_NUMBERS": ",".join(f"{u}={id}" for u, id in zip(PURPOSES, NUMBERS, strict=True)),
                }
            )  # fmt: skip
            found = Channel(settings, record, account, served, ledger, clock, database)
            found.forget_lines()
            yield found
    ledger.close()
