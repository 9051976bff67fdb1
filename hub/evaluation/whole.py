"""The whole service, time compressed: signed webhooks, receiver, scanner, conversation engine, record.

What members write goes as Meta would tell it to the webhook that `hub serve` mounts; turns are made by the service that
makes them there, when nobody would wait any longer for a second half of a thought. What a telephone shows is what the
CommunicationRequests of the record say, and how a conversation stands is read from there too. Nothing waits: the clock
is the run's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from adapters.fhir_client import FhirClient
from adapters.whatsapp.webhook import Secrets, Webhook
from care_services.chat.alarm import alarming
from care_services.chat.conversation import ADMINISTRATIVE as FLOWS
from care_services.triage.rule_set import RuleSet
from hub import own_clients
from hub.evaluation.member import Said, Shown, Tap
from hub.evaluation.place import Place
from hub.evaluation.service import NONE, Outcome
from hub.evaluation.spelled import ADMINISTRATIVE
from hub.ledger import Ledger
from hub.sealing_key import bodies
from hub.tasy.site import site
from hub.whatsapp.assisting import Assisting, assisting
from hub.whatsapp.conversing import Conversing, drawing
from hub.whatsapp.receiver import Receiver
from hub.whatsapp.requested import content, route
from mappings.identifiers import Systems
from mappings.whatsapp.communication import message_id
from mappings.whatsapp.outgoing import body
from simulators.whatsapp.installation import NUMBERS, Account
from simulators.whatsapp.webhooks import signed, webhook

Json = Any
T = TypeVar("T")

NUMBER = next(iter(NUMBERS))
TOGETHER = 25
"""Messages that the channel tells of in one body."""
SIDE_BY_SIDE = 8
"""Requests under way at the same time."""
ASKED = 50
"""Identifiers in one search."""
STEP = 10
"""Seconds between a reply and the next message; more than anybody waits for a second half of a thought."""
_SEE_TO = frozenset({"nurse-callback", "pharmacist", "service-desk", "data-subject-request"})
"""Desks that see to what no level is told of: a wish, a dose taken wrongly."""


class Whole:
    """Many conversations on one business number."""

    def __init__(
        self, webhook: Webhook, account: Account, record: FhirClient, conversing: Conversing, systems: Systems,
        clock: Clock, alarming: list[Json], assistant: Assisting | None = None,
    ) -> None:  # fmt: skip
        """record: as the service `hub-chat`. alarming: where the receiver puts what is to be answered at once."""
        self._assistant = assistant
        self._webhook, self._account, self._record = webhook, account, record
        self._conversing, self._systems, self._clock = conversing, systems, clock
        self._alarming, self._some = alarming, asyncio.Semaphore(SIDE_BY_SIDE)

    async def hear(self, said: Mapping[int, Sequence[Said]]) -> Mapping[int, Sequence[Shown]]:
        changes, ids = [], {}
        for number, messages in said.items():
            for later, one in enumerate(messages):
                change = self._account.wrote(_phone(number), NUMBER, _content(one), at=self._clock.now + later)
                changes.append(change)
                ids[change["value"]["messages"][0]["id"]] = number
        await self._all(self._told(webhook(list(some))) for some in _cut(changes, TOGETHER))
        self._clock.now += STEP
        heard: dict[int, list[Json]] = {}
        for one in await self._found("Communication", message_id(self._systems), list(ids)):
            named = next(each["value"] for each in one["identifier"] if each["value"] in ids)
            heard.setdefault(ids[named], []).append(one)
        numbers = list(heard)
        at_once = {one["id"] for one in self._alarming}
        self._alarming.clear()
        replies = await self._all(self._answered(heard[number], at_once) for number in numbers)
        requests = await self._read([reference for one in replies for reference in one])
        return {
            number: [self._shown(requests[reference]) for reference in references]
            for number, references in zip(numbers, replies, strict=True)
        }

    async def outcomes(self, talks: Sequence[int]) -> Mapping[int, Outcome]:
        if not talks:
            return {}
        people = {self._account.person(_phone(one)).user: one for one in talks}
        risks, tasks = await self._all(
            self._about(kind, list(people)) for kind in ("RiskAssessment", "Task")
        )  # fmt: skip
        levels: dict[int, tuple[str, str]] = {}
        for one in risks:
            level = one["prediction"][0]["qualitativeRisk"]["coding"][0]["code"]
            talk = people[one["subject"]["identifier"]["value"]]
            levels[talk] = max(levels.get(talk, ("", "")), (one["occurrenceDateTime"], level))
        states, wishes = {}, set()
        for one in tasks:
            talk, code = people[one["for"]["identifier"]["value"]], one["code"]["coding"][0]["code"]
            if code == "conversation":
                states[talk] = one["businessStatus"]["text"]
            elif code in _SEE_TO:
                wishes.add(talk)
        return {one: _outcome(levels.get(one), states.get(one, ""), one in wishes) for one in talks}

    async def _answered(self, messages: Sequence[Json], at_once: Collection[str]) -> list[str]:
        """The turns of messages of one conversation; those with red flags were answered where they arrived."""
        said = []
        for one in messages:
            if one["id"] in at_once:
                said += await self._conversing.answer([one])
        help = await self._assistant.seen(self._conversing, messages) if self._assistant else {}
        said += await self._conversing.answer(messages, help)
        return [one.reference for one in said]

    async def _told(self, body: bytes) -> None:
        """One body, as Meta sends it."""
        headers = [(b"x-hub-signature-256", signed(body, self._account.secret).encode())]
        scope = {"type": "http", "method": "POST", "query_string": b"", "headers": headers}
        answers: list[Json] = []

        async def receive() -> Json:
            return {"type": "http.request", "body": body}

        async def send(message: Json) -> None:
            answers.append(message)

        await self._webhook(scope, receive, send)
        if answers[0]["status"] != 200:
            raise RuntimeError(f"the webhook answers {answers[0]['status']}")

    async def _found(self, kind: str, system: str, values: Sequence[str]) -> list[Json]:
        """Those that have one of these identifiers, in the order in which they came."""
        searches = [
            self._search(kind, {"identifier": ",".join(f"{system}|{one}" for one in some)})
            for some in _cut(values, ASKED)
        ]
        found = [one for some in await self._all(searches) for one in some]
        return sorted(found, key=lambda one: (one["sent"], len(one["id"]), one["id"]))

    async def _about(self, kind: str, people: Sequence[str]) -> list[Json]:
        system = self._systems.sid("whatsapp/usuario")
        found = []
        for some in _cut(people, ASKED):
            criteria = ",".join(f"{system}|{one}" for one in some)
            found += await self._search(kind, {"subject:identifier": criteria})
        return found

    async def _read(self, references: Sequence[str]) -> dict[str, Json]:
        ids = [one.split("/")[1] for one in references]
        searches = (self._search("CommunicationRequest", {"_id": ",".join(some)}) for some in _cut(ids, ASKED))
        return {f"CommunicationRequest/{one['id']}": one for some in await self._all(searches) for one in some}

    async def _search(self, kind: str, criteria: Mapping[str, str]) -> list[Json]:
        return [one async for one in self._record.search(kind, {**criteria, "_count": "1000"})]

    def _shown(self, request: Json) -> Shown:
        """What a telephone shows of a request, as it would be sent: the channel's limits are held there."""
        _, to = route(request, self._systems)
        sent = body(to, content(request, self._systems))
        if sent["type"] == "text":
            return Shown(sent["text"]["body"])
        action = sent["interactive"]["action"]
        buttons = [Tap(one["reply"]["id"], one["reply"]["title"]) for one in action.get("buttons", ())]
        rows = [Tap(one["id"], one["title"], row=True) for part in action.get("sections", ()) for one in part["rows"]]
        return Shown(sent["interactive"]["body"]["text"], (*buttons, *rows))

    async def _all(self, work: Iterable[Awaitable[T]]) -> list[T]:
        """What they give, in their order, so many at a time."""

        async def one(each: Awaitable[T]) -> T:
            async with self._some:
                return await each

        return await asyncio.gather(*(one(each) for each in work))


class Clock:
    """Of the run."""

    def __init__(self) -> None:
        self.now = int(datetime.now(UTC).timestamp())

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@asynccontextmanager
async def whole(place: Place, rules: RuleSet) -> AsyncIterator[Whole]:
    """The service, as long as the block; with a model where the place's settings name one. As `assisting`. Raises
    SiteUnusable, KeyUnusable."""
    settings, clock = place.settings, Clock()
    account = Account("token", "secret", "verify", clock=lambda: float(clock.now))
    ledger, at = Ledger(place.url, bodies(settings)), site(settings).site
    try:
        async with (
            own_clients.door(settings, own_clients.WHATSAPP, SIDE_BY_SIDE) as channel,
            own_clients.door(settings, own_clients.CHAT, SIDE_BY_SIDE) as record,
            assisting(settings, record, ledger, at.systems) as assistant,
        ):
            at_once: list[Json] = []
            receiver = Receiver(
                channel, ledger, at.systems, list(account.numbers), lambda text: alarming(text, rules), clock,
                at_once.extend,
            )  # fmt: skip
            hook = Webhook(Secrets(account.secret, account.verify), receiver.keep)
            conversing = Conversing(record, at.systems, drawing(ledger, at), model=assistant is not None)
            yield Whole(hook, account, record, conversing, at.systems, clock, at_once, assistant)
    finally:
        ledger.close()


def _cut(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[at : at + size] for at in range(0, len(values), size))


def _outcome(level: tuple[str, str] | None, state: str, wish: bool) -> Outcome:
    if level is not None:
        return Outcome(level[1], state)
    return Outcome(ADMINISTRATIVE if wish or state in FLOWS else NONE, state)


def _phone(number: int) -> str:
    return f"55179{80_000_000 + number}"


def _content(said: Said) -> Json:
    """What a telephone sends."""
    if not isinstance(said, Tap):
        return {"type": "text", "text": {"body": said}}
    kind = "list_reply" if said.row else "button_reply"
    return {"type": "interactive", "interactive": {"type": kind, kind: {"id": said.id, "title": said.title}}}
