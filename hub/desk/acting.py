"""The service that carries what a person did with a Task into its conversation: told by the Provenance of the act.

The care services' contract, sections 3 and 7. What counts is the Task, which only those on its desk may change; the
Provenance says that there is something new. The conversation is changed with If-Match: a lost race decides again.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import msgspec
import psycopg

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from care_services.chat.recorded import conversation
from care_services.desk import tasks
from care_services.desk.acts import acted
from fhir_server.events.delivery import Later
from fhir_server.events.event import Event
from hub import own_clients
from hub.events.waited import Waited
from hub.ledger import now
from hub.settings import Settings
from hub.whatsapp.conversing import stored

Json = Any

RACES = 20
"""A member who writes and a person who answers do it at the same time, but not often."""


class Acting:
    """Called for each Provenance; those of what people did with a Task of a conversation have an effect."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run, self._life = Waited("desk"), AsyncExitStack()
        self._record: FhirClient | None = None

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        """A Provenance's first version. Raises Later."""
        try:
            self._run(self._carry(event.reference))
        except PartnerUnavailable as away:
            raise Later(away.reason, away.retry_after) from away

    async def _carry(self, reference: str) -> None:
        if self._record is None:  # for as long as the process is there
            self._record = await self._life.enter_async_context(own_clients.door(self._settings, own_clients.DESK))
        await carry(self._record, reference)


async def carry(record: FhirClient, reference: str) -> None:
    """Carries the act that a Provenance tells of into its conversation. Raises PartnerUnavailable."""
    told = await _read(record, reference)
    targets = [] if told is None else ["/".join(one.get("reference", "").split("/")[:2]) for one in told["target"]]
    task = await _first(record, targets, "Task/")
    if task is None or tasks.code(task) is None or tasks.talk(task) is None:
        return
    risk = await _first(record, targets, "RiskAssessment/")
    for _ in range(RACES):
        talk = await _read(record, str(tasks.talk(task)))
        if talk is None:
            return
        before = stored(talk)
        after = acted(before, task, None if risk is None else level_of(risk))
        if after == before:
            return
        made = {
            **talk,
            "businessStatus": conversation.moved(talk["businessStatus"], after.state),
            "lastModified": now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "input": [{"type": {"text": "conversation"}, "valueString": msgspec.json.encode(after).decode()}],
        }
        try:
            await record.update(made, talk["meta"]["versionId"])
            return
        except FhirRefused as refused:
            if refused.status not in (409, 412):
                raise
    raise PartnerUnavailable("the conversation is changed by others again and again", 1)


def level_of(risk: Json) -> str | None:
    """The level that a professional has found in place of ours."""
    if "parent" not in risk or risk.get("status") != "final":
        return None
    found = risk["prediction"][0]["qualitativeRisk"]["coding"]
    return next((one["code"] for one in found), None)


async def _first(record: FhirClient, references: list[str], kind: str) -> Json | None:
    found = next((one for one in references if one.startswith(kind)), None)
    return None if found is None else await _read(record, found)


async def _read(record: FhirClient, reference: str) -> Json | None:
    try:
        return await record.read(reference)
    except FhirRefused as refused:
        if refused.status in (404, 410):
            return None
        raise
