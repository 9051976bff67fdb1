"""A language model asked before a turn is made: the thin edge of care_services/assistance and adapters/language_model.

The care services' contract, section 8. Whatever goes wrong here is a turn without a model; nothing that is urgent waits
for it (`answering.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from adapters.connections import http_client
from adapters.fhir_client import FhirClient, FhirRefused
from adapters.language_model.client import EXTRACT, OK, PHRASE, Call, LanguageModel, Where
from adapters.language_model.prompts import MEMBER, SERVICE, VERSION, Turn
from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.client import Door, WhatsApp
from care_services.assistance.asked import extracting, phrasing
from care_services.assistance.extraction import accepted
from care_services.assistance.passages import about
from care_services.assistance.reply import checked
from care_services.assistance.suspicion import suspicious
from care_services.assistance.vocabulary import vocabulary
from care_services.chat.conversation import Conversation, Extracted, Inbound, Worded
from care_services.triage.rule_set import rules
from hub.ledger import Ledger
from hub.sealing_key import seal
from hub.settings import Settings
from hub.tls import trusted
from hub.whatsapp.accounts import Accounts
from hub.whatsapp.conversing import Conversing, Help
from hub.whatsapp.hearing import Hearing
from mappings.identifiers import Systems

Json = Any

EARLIER = 4
"""Messages before this one that are sent with it; with the question that is open they are six turns."""


@asynccontextmanager
async def assisting(
    settings: Settings, record: FhirClient, ledger: Ledger, systems: Systems
) -> AsyncIterator[Assisting | None]:  # fmt: skip
    """Who asks, as long as the block; None: the settings name no model. As `Assisting`. Raises KeyUnusable."""
    if settings.llm_base_url is None or settings.llm_model is None:
        yield None
        return
    where = Where(
        settings.llm_base_url, settings.llm_api_key or "none", settings.llm_model, settings.llm_transcription_model
    )  # fmt: skip
    async with AsyncExitStack() as open_:
        http = [await open_.enter_async_context(http_client(trusted(settings))) for _ in range(2)]
        model = LanguageModel(http[0], where, rules().spelling.usual)
        accounts, hearing = Accounts(ledger, settings, seal(settings)), None
        if settings.llm_transcription_model and settings.whatsapp_url and settings.whatsapp_token:
            channel = WhatsApp(http[1], Door(settings.whatsapp_url, settings.whatsapp_token))
            hearing = Hearing(record, channel, model, accounts, systems)
        yield Assisting(record, model, accounts, hearing)


class Assisting:
    """Asks, within budgets, and accounts for each call."""

    def __init__(
        self, record: FhirClient, model: LanguageModel, accounts: Accounts, hearing: Hearing | None
    ) -> None:  # fmt: skip
        """record: as the service `hub-chat`."""
        self._record, self._model, self._accounts, self._hearing = record, model, accounts, hearing

    async def heard(self, conversing: Conversing, message: Json) -> Json:
        """A message, with its transcript if it was spoken. As `seen`."""
        if self._hearing is None:
            return message
        before, _ = await conversing.first([message])
        return await self._hearing.heard(before, message, _member(message))

    async def seen(self, conversing: Conversing, messages: Sequence[Json]) -> Help:
        """What a model saw in, or worded for, the first of these messages of one conversation that had no turn.

        By its id. Raises FhirRefused, PartnerUnavailable, psycopg.Error: the record or the database is away.
        """
        before, thought = await conversing.first(messages)
        if thought is None:
            return {}
        member = _member(messages[0])
        found: Extracted | Worded | None = None
        if extracting(before, thought, rules()):
            found = await self._extracted(before, thought, member)
        elif phrasing(before, thought, rules()):
            found = await self._worded(thought, member)
        return {thought.id: found} if found else {}

    async def _extracted(self, conversation: Conversation, message: Inbound, member: str) -> Extracted | None:
        if not await self._may(EXTRACT, message, member):
            return None
        try:
            earlier = await self._earlier(conversation, message)
        except (PartnerUnavailable, FhirRefused):
            earlier = []
        asked = [Turn(SERVICE, conversation.question.text)] if conversation.question else []
        turns = [*(Turn(MEMBER, one) for one in earlier), *asked, Turn(MEMBER, message.text)]
        codes = vocabulary(rules())
        answer = await self._model.extract(turns, codes, self._accounts.code(member))
        if answer.call.outcome != OK:
            await self._accounts.account(answer.call)
            return None
        found = accepted(answer.content, answer.turns, codes, _by(answer.call))
        seen = found.extracted
        await self._accounts.account(answer.call, len(seen.findings) if seen else 0, sum(found.dropped.values()))
        if seen is None:  # it was read, and that is known
            return Extracted({}, False, _by(answer.call))
        return Extracted({code: answer.restore(quote) for code, quote in seen.findings.items()}, seen.symptom, seen.by)

    async def _worded(self, message: Inbound, member: str) -> Worded | None:
        if not await self._may(PHRASE, message, member):
            return None
        given: Mapping[str, str] = {one.id: one.text for one in about(message.text)}
        answer = await self._model.phrase(given, message.text, self._accounts.code(member))
        text = checked(answer.content, given, rules()) if answer.call.outcome == OK else None
        await self._accounts.account(
            answer.call, int(text is not None), int(answer.call.outcome == OK and text is None)
        )
        return Worded(text, _by(answer.call)) if text else None

    async def _may(self, purpose: str, message: Inbound, member: str) -> bool:
        """Whether a model may be given the message: it speaks to no model, and there is a call left."""
        why = suspicious(message.text)
        if why is not None:
            await self._accounts.account(Call(purpose, "", VERSION, f"suspicious-{why}"))
            return False
        return await self._accounts.within(purpose, member)

    async def _earlier(self, conversation: Conversation, message: Inbound) -> list[str]:
        """What the member wrote before, in this episode: neither proofs of who they are, nor what spoke to a model."""
        ids = [one for one in conversation.evidence if one not in message.earlier][-EARLIER:]
        if not ids:
            return []
        found = {one["id"]: one async for one in self._record.search("Communication", {"_id": ",".join(ids)})}
        texts = [_text(found[id]) for id in ids if id in found]
        return [text for text in texts if text and suspicious(text) is None]


def _by(call: Call) -> str:
    return f"{call.model}, prompt {call.prompt}"


def _member(message: Json) -> str:
    return str(message["sender"]["identifier"]["value"])


def _text(message: Json) -> str:
    return next((one["contentString"] for one in message.get("payload", ()) if "contentString" in one), "")
