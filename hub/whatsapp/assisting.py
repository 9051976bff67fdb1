"""A language model asked before a turn is made: the thin edge of care_services/assistance and adapters/language_model.

The care services' contract, section 8. Whatever goes wrong here is a turn without a model; nothing that is urgent waits
for it (`turns.py`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import httpx2

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.language_model.client import EXTRACT, OK, Answer, Call, LanguageModel, Where
from adapters.language_model.prompts import MEMBER, SERVICE, VERSION, Turn
from adapters.partner_errors import PartnerUnavailable
from care_services.assistance.asked import extracting
from care_services.assistance.extraction import accepted
from care_services.assistance.suspicion import suspicious
from care_services.assistance.vocabulary import vocabulary
from care_services.chat.conversation import Conversation, Extracted, Inbound
from care_services.triage.rule_set import rules
from hub.ledger import Ledger, now
from hub.sealing_key import seal
from hub.settings import Settings
from hub.tls import trusted
from hub.whatsapp.conversing import Conversing, Seen
from messages import model_calls
from smart_auth.seal import Seal

Json = Any

EARLIER = 4
"""Messages before this one that are sent with it; with the question that is open they are six turns."""

_log = logging.getLogger("hub.assisting")


@asynccontextmanager
async def assisting(settings: Settings, record: FhirClient, ledger: Ledger) -> AsyncIterator[Assisting | None]:
    """Who asks, as long as the block; None: the settings name no model. As `Assisting`. Raises KeyUnusable."""
    if settings.llm_base_url is None or settings.llm_model is None:
        yield None
        return
    where = Where(
        settings.llm_base_url, settings.llm_api_key or "none", settings.llm_model, settings.llm_transcription_model
    )  # fmt: skip
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=False, verify=trusted(settings)) as http:
        model = LanguageModel(http, where, rules().spelling.usual)
        yield Assisting(record, ledger, model, settings, seal(settings))


class Assisting:
    """Asks, within budgets, and accounts for each call."""

    def __init__(
        self, record: FhirClient, ledger: Ledger, model: LanguageModel, settings: Settings, sealing: Seal
    ) -> None:  # fmt: skip
        """record: as the service `hub-chat`. sealing: members are named to the model by a code derived from it."""
        self._record, self._ledger, self._model = record, ledger, model
        self._settings, self._sealing = settings, sealing
        self._alarmed: dict[str, date] = {}

    async def seen(self, conversing: Conversing, messages: Sequence[Json]) -> Seen:
        """What a model saw in the first of these messages of one conversation that had no turn, by its id.

        Raises FhirRefused, PartnerUnavailable, psycopg.Error: the record or the database is away.
        """
        before, thought = await conversing.first(messages)
        if thought is None:
            return {}
        found = await self.extracted(before, thought, messages[0]["sender"]["identifier"]["value"])
        return {thought.id: found} if found else {}

    async def extracted(self, conversation: Conversation, message: Inbound, member: str) -> Extracted | None:
        """What a model saw in a message, as far as it counts; None: nothing, or nobody was asked.

        member: who writes, as the channel knows them.
        """
        read = rules()
        if not extracting(conversation, message, read):
            return None
        why = suspicious(message.text)
        if why is not None:
            await self._account(Call(EXTRACT, self._settings.llm_model or "", VERSION, f"suspicious-{why}"))
            return None
        code = self._sealing.derived(f"language-model:{member}")
        if not await self._within(EXTRACT, code):
            return None
        try:
            earlier = await self._earlier(conversation, message)
        except (PartnerUnavailable, FhirRefused):
            earlier = []
        asked = [Turn(SERVICE, conversation.question.text)] if conversation.question else []
        turns = [*(Turn(MEMBER, one) for one in earlier), *asked, Turn(MEMBER, message.text)]
        answer = await self._model.extract(turns, vocabulary(read), code)
        return await self._counted(answer, vocabulary(read))

    async def _counted(self, answer: Answer, codes: Mapping[str, str]) -> Extracted | None:
        if answer.call.outcome != OK:
            await self._account(answer.call)
            return None
        by = f"{answer.call.model}, prompt {answer.call.prompt}"
        found = accepted(answer.content, answer.turns, codes, by)
        seen = found.extracted
        await self._account(answer.call, len(seen.findings) if seen else 0, sum(found.dropped.values()))
        if seen is None:
            return None
        return Extracted({code: answer.restore(quote) for code, quote in seen.findings.items()}, seen.symptom, seen.by)

    async def _earlier(self, conversation: Conversation, message: Inbound) -> list[str]:
        """What the member wrote before, in this episode: neither proofs of who they are, nor what spoke to a model."""
        ids = [one for one in conversation.evidence if one not in message.earlier][-EARLIER:]
        if not ids:
            return []
        found = {one["id"]: one async for one in self._record.search("Communication", {"_id": ",".join(ids)})}
        texts = [_text(found[id]) for id in ids if id in found]
        return [text for text in texts if text and suspicious(text) is None]

    async def _within(self, purpose: str, member: str) -> bool:
        """Whether both budgets have a call left."""
        today, settings = now().date(), self._settings
        crossed = await self._ledger(
            lambda rows: model_calls.reserve(
                rows, today, member, own=settings.llm_member_calls, everybody=settings.llm_daily_calls
            )
        )
        if crossed is None:
            return True
        await self._account(Call(purpose, settings.llm_model or "", VERSION, f"budget-{crossed}"))
        if self._alarmed.get(crossed) != today:
            self._alarmed[crossed] = today
            _log.error("alarm: the %s's budget of the language model is used up", crossed)
        return False

    async def _account(self, call: Call, accepted: int = 0, dropped: int = 0) -> None:
        tokens = (call.input, call.cached, call.output)
        await self._ledger(
            lambda rows: model_calls.called(
                rows, now(), call.purpose, call.model, call.prompt, call.outcome, tokens, call.milliseconds, accepted,
                dropped, self._settings.llm_prices,
            )
        )  # fmt: skip


def _text(message: Json) -> str:
    return next((one["contentString"] for one in message.get("payload", ()) if "contentString" in one), "")
