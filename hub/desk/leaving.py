"""The round that looks for what people leave undone: emergencies are paged at once, what passes its promise goes on.

The care services' contract, sections 7 and 10. Each step is one transaction with If-Match on the Task, so that whoever
dies in between has done nothing, and whoever comes twice does nothing more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

from adapters.fhir_client import FhirClient, FhirRefused
from care_services.desk import escalation, page, tasks
from care_services.desk.escalation import Step
from care_services.triage.rule_set import rules
from hub import own_clients
from hub.desk.paging import Paging, call
from hub.ledger import Ledger, now
from hub.sealing_key import bodies
from hub.settings import Settings
from hub.tasy.site import site
from hub.whatsapp.lines import Lines
from mappings import r4
from mappings.identifiers import coding, concept

Json = Any

SECONDS = 1.0
"""Between two looks for what is new; for what has passed its promise somebody looks twelve times before it is due."""
OTHERS_SECONDS = 60.0
"""Between two looks at promises that are no emergency's."""
SLACK = timedelta(seconds=30)
"""Of what is new the look before may not have seen all: a transaction that took long."""
WINDOW = timedelta(hours=24)
_log = logging.getLogger("hub.desk")


class Leaving:
    """Called every second. Raises FhirRefused, PartnerUnavailable."""

    def __init__(self, settings: Settings, url: str, clock: Callable[[], datetime] = now) -> None:
        """url: of the database, which knows how business numbers stand. Raises SiteUnusable, KeyUnusable."""
        self._settings, self._systems, self._now = settings, site(settings).site.systems, clock
        self._take = timedelta(seconds=settings.take_seconds)
        self._paging, self._life = Paging(settings, self._systems), AsyncExitStack()
        self._record: FhirClient | None = None
        self._lines = Lines(settings.whatsapp_numbers, Ledger(url, bodies(settings), 1), clock)
        self._since: datetime | None = None
        self._paged: set[str] = set()
        """Emergencies that were paged, of those that are looked at again."""
        self._next_stat = self._next_others = 0.0

    async def __call__(self) -> None:
        if self._record is None:  # for as long as the process is there
            self._record = await self._life.enter_async_context(own_clients.door(self._settings, own_clients.DESK))
        await self.look(self._record)

    async def look(self, record: FhirClient) -> None:
        """One look."""
        await self._new(record)
        clock = time.monotonic()
        if clock >= self._next_stat:
            await self._escalate(record, "stat")
            await self._off(record)
            self._next_stat = clock + min(self._take.total_seconds() / 12, 10)
        if clock >= self._next_others:
            await self._escalate(record, "asap,urgent,routine")
            self._next_others = clock + OTHERS_SECONDS
        await self._paging.send(record)

    async def _off(self, record: FhirClient) -> None:
        """Business numbers that cannot send: somebody is paged once for each time."""
        moment = self._now()
        for line in (await self._lines.standing()).lines.values():
            if not line.sends(moment) and line.since is not None:
                await call(record, page.number_off(line.id, line.since), self._systems, moment)

    async def _new(self, record: FhirClient) -> None:
        """Emergencies that nobody was paged about yet."""
        moment = self._now()
        criteria = self._wanted("stat")
        if self._since is not None:
            criteria["_lastUpdated"] = f"gt{page.instant(self._since - SLACK)}"
        found = [one async for one in record.search("Task", criteria)]
        for one in found:
            if one["id"] not in self._paged and not tasks.owned(one):
                await call(record, page.of_task(one, 0, page.STAT), self._systems, moment)
        self._paged = {one["id"] for one in found}
        self._since = moment

    async def _escalate(self, record: FhirClient, priorities: str) -> None:
        async for task in record.search("Task", self._wanted(priorities)):
            step = escalation.due(task, self._now(), self._take, self._systems)
            if step is not None:
                await self._step(record, task, step)

    async def _step(self, record: FhirClient, task: Json, step: Step) -> None:
        moment = self._now()
        after = escalation.stepped(task, step, self._systems, page.instant(moment))
        version = task["meta"]["versionId"]
        put = {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": f'W/"{version}"'}
        entries = [{"resource": after, "request": put}]
        if step.page:
            what = page.of_task(after, step.number, page.ESCALATED, step.promise)
            entries.append(page.entry(what, self._systems, moment))
        if step.text is not None:
            entries += await self._told(record, task, step, moment)
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        try:
            await record.transaction(r4.serialize(bundle), minimal=True)
        except FhirRefused as refused:
            if refused.status not in (409, 412):  # somebody takes it at this moment
                raise
            return
        _log.warning("a task was escalated: %s", {"task": task["id"], "desk": step.desk, "step": step.number})

    async def _told(self, record: FhirClient, task: Json, step: Step, moment: datetime) -> list[Json]:
        """What the member is told, where anything can be written to them."""
        who = task.get("for", {}).get("identifier", {})
        if tasks.talk(task) is None or "value" not in who:
            return []
        wrote = {"sender:identifier": f"{who.get('system', '')}|{who['value']}", "_sort": "-sent", "_count": "1"}
        last = await anext(record.search("Communication", wrote), None)
        if last is None or datetime.fromisoformat(last["sent"]) + WINDOW <= moment:
            return []
        system, value = self._systems.sid("escalada"), f"{task['id']}.{step.number}"
        made = {
            "resourceType": "CommunicationRequest", "identifier": [{"system": system, "value": value}],
            "status": "active", "category": [concept(coding(self._systems.codes("aviso"), "answer"))],
            "priority": task.get("priority", "routine"), "about": [{"reference": f"Communication/{last['id']}"}],
            "payload": [{"contentString": self._text(task, step)}], "authoredOn": page.instant(moment),
            "occurrenceDateTime": page.instant(moment),  # found by a round, too: no broker stands before it
            "recipient": [task["for"]], "sender": last["recipient"][0],
        }  # fmt: skip
        where = f"identifier={system}|{value}"
        return [{"resource": made, "request": {"method": "POST", "url": "CommunicationRequest", "ifNoneExist": where}}]

    def _text(self, task: Json, step: Step) -> str:
        texts, phone = rules().texts, self._settings.line_phone
        text = texts[str(step.text)]
        if step.text == "not_taken" and phone:
            return f"{text} {texts['line'].format(phone=phone)}"
        return str(text)

    def _wanted(self, priorities: str) -> dict[str, str]:
        return {"code": ",".join(tasks.CODES), "status": "requested", "priority": priorities, "_count": "200"}
