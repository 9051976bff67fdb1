"""Voice messages become text where there is a model that hears them: fetched, written down, kept as machine-made.

The care services' contract, sections 2 and 8. The transcript joins the Communication, so that nothing is heard twice,
and is scanned like any text. What cannot be fetched or heard stays as it is: people hear it.
"""

from __future__ import annotations

import logging
from typing import Any

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.language_model.client import OK, TRANSCRIBE, Call, LanguageModel
from adapters.language_model.prompts import VERSION
from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.whatsapp.client import WhatsApp
from care_services.assistance.asked import hearing
from care_services.chat.conversation import Conversation
from care_services.chat.recorded.place import AIAST
from hub.whatsapp.accounts import Accounts
from hub.whatsapp.fetching import file_of
from hub.whatsapp.trying import RACED, RACES
from mappings.identifiers import Systems

Json = Any

SPOKEN = frozenset({"audio", "voice"})
"""Kinds of messages."""
LONGEST = 4000
"""Characters of a transcript that are kept."""

_log = logging.getLogger("hub.hearing")


def voice(message: Json, systems: Systems) -> tuple[str, str | None] | None:
    """The channel's id of a recording that nobody has written down yet, and its hash as it was told."""
    parts = message.get("payload", ())
    if message["category"][0]["coding"][0]["code"] not in SPOKEN or any("contentString" in one for one in parts):
        return None
    return next((found for one in parts if (found := file_of(one, systems))), None)


class Hearing:
    """Writes down what is spoken, within budgets."""

    def __init__(
        self, record: FhirClient, channel: WhatsApp, model: LanguageModel, accounts: Accounts, systems: Systems
    ) -> None:  # fmt: skip
        self._record, self._channel, self._model = record, channel, model
        self._accounts, self._systems = accounts, systems

    async def heard(self, conversation: Conversation, message: Json, member: str) -> Json:
        """The message with its transcript; as it was where there is none. Raises PartnerUnavailable: the record's."""
        spoken = voice(message, self._systems)
        if spoken is None or not hearing(conversation) or not await self._accounts.within(TRANSCRIBE, member):
            return message
        try:
            file = await self._channel.fetch(*spoken)
        except (PartnerUnavailable, PartnerRefused) as away:
            _log.warning("a voice message cannot be fetched: %s", {"error": type(away).__name__})
            await self._accounts.account(Call(TRANSCRIBE, "", VERSION, "not-fetched"))
            return message
        answer = await self._model.transcribe(file.content, file.content_type)
        await self._accounts.account(answer.call)
        if answer.call.outcome != OK:
            return message
        return await self._kept(message, " ".join(answer.content.split())[:LONGEST], answer.call)

    async def _kept(self, message: Json, transcript: str, call: Call) -> Json:
        """The message in the record with its transcript; its file may be put there at the same moment."""
        for _ in range(RACES):
            try:
                made = self._with(message, transcript, call)
                return await self._record.update(made, message["meta"]["versionId"])
            except FhirRefused as refused:
                if refused.status not in RACED:
                    raise
                message = await self._record.read(f"Communication/{message['id']}")
                if voice(message, self._systems) is None:
                    return message
        raise PartnerUnavailable("the message was changed by others again and again")

    def _with(self, message: Json, transcript: str, call: Call) -> Json:
        by = {"url": self._systems.extension("transcrito-por"), "valueString": f"language model: {call.model}"}
        labels = [*message.get("meta", {}).get("security", ()), AIAST]
        return {
            **message,
            "meta": {**message["meta"], "security": labels},
            "payload": [*message.get("payload", ()), {"extension": [by], "contentString": transcript}],
        }
