"""A try to send a message: it stands in the record before it is made, and what comes of it stands there afterwards.

The care services' contract, section 2. Whoever dies in between is followed by one who knows that nobody knows, and who
waits for a status before a second and last one. The pace of number and person is kept before anything is written.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.gathered import Gathered
from adapters.partner_errors import PartnerUnavailable
from adapters.whatsapp.client import INVALID, Refused, Unclear, WhatsApp
from adapters.whatsapp.client import Later as NotNow
from care_services.delivery.failed import NO_ANSWER_SECONDS, NotDone
from hub.ledger import Ledger
from hub.whatsapp.lines import OFF, Lines
from hub.whatsapp.outcome import Settled, Trouble, over, planned, settled, why
from hub.whatsapp.requested import about_to, watched
from mappings import r4
from mappings.errors import MappingError
from mappings.identifiers import Systems
from mappings.whatsapp.codes import AGAIN, Do
from mappings.whatsapp.outgoing import Content, Template, To
from mappings.whatsapp.sends import ACCEPTED, FAILED, Send, sends, state, steps, told, tracking, with_sends
from mappings.whatsapp.webhook import Status
from messages import pace, tally
from messages.pace import Rate

Json = Any

MOST_UNCLEAR = 2
"""Tries whose outcome nobody knows."""
RACES, RACED = 5, (409, 412)
LINE, PAIR = Rate(1 / 80, 80), Rate(6, 3)
"""Of a business number, and of a number and a person."""
HERE = 2.0
"""Seconds that a message waits for the pace of its number without being planned anew."""
_PATIENCE = timedelta(seconds=NO_ANSWER_SECONDS)
_log = logging.getLogger("hub.whatsapp")


class Trying:
    """Tries, and writes what comes of it."""

    def __init__(
        self, record: FhirClient, channel: WhatsApp, ledger: Ledger, lines: Lines, systems: Systems,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """All of them theirs who made them."""
        self._record, self._channel, self._ledger, self._lines = record, channel, ledger, lines
        self._systems, self._now, self._writes = systems, clock, Gathered(record)

    async def once(self, request: Json, line: str, to: To, content: Content, *, at_once: bool = False) -> None:
        """A try, unless one is under way or was enough. Raises PartnerUnavailable: the record is away; FhirRefused."""
        systems = self._systems
        wait = await self._paced(line, to, urgent=watched(request))
        if wait:
            later = planned(request, self._now() + timedelta(seconds=wait), systems)
            return await written(self._record, later, lost_races=True)
        template = content.name if isinstance(content, Template) else None
        first = Send(1, line, self._now(), template)
        pedido = systems.sid("whatsapp/pedido")
        made, new = await self._writes.create(
            about_to(request, first, systems), {"identifier": f"{pedido}|{request['id']}"}
        )  # fmt: skip
        if new:
            return await self._made(made, request, first, to, content)
        every = sends(made, systems)
        if not at_once and state(every) not in (None, FAILED):  # somebody died before the request was closed
            return await self._settled(made, request, lambda tries: tries)
        unclear = [one for one in every if one.state is None]
        if unclear and not at_once:
            again = max(one.begun for one in unclear) + _PATIENCE
            if self._now() < again:
                return await written(self._record, planned(request, again, systems), lost_races=True)
            if len(unclear) >= MOST_UNCLEAR:
                reason = "nobody knows whether it was sent"
                made = {**made, "status": "stopped", "statusReason": {"text": reason}}
                return await self.told(over(made, request, NotDone(reason, True), systems, self._now()))
        following = Send(max(one.number for one in every) + 1, line, self._now(), template)
        try:
            made = await self._record.update(with_sends(made, [*every, following], systems), made["meta"]["versionId"])
        except FhirRefused as refused:
            if refused.status in RACED:  # somebody else is at it
                return None
            raise
        return await self._made(made, request, following, to, content)

    async def told(self, outcome: Settled) -> None:
        """Writes an outcome, and tells of trouble. Raises PartnerUnavailable, FhirRefused."""
        await self._writes.transaction(named(outcome.entries))
        if outcome.trouble is not None:
            await troubled(outcome.trouble, self._lines)

    async def uploaded(self, line: str, attachment: Json) -> tuple[str, str]:
        """A file of the record with the channel: its id there, and its type. Raises Refused, PartnerUnavailable,
        FhirRefused."""
        binary = await self._record.read(str(attachment["url"]))
        kind, content = str(binary["contentType"]), base64.b64decode(binary["data"])
        return await self._channel.upload(line, content, kind), kind

    async def _made(self, made: Json, request: Json, one: Send, to: To, content: Content) -> None:
        """The try that stands in the record. Whatever comes of it, the record knows."""
        whom = replace(to, tracking=tracking(request["id"], one.number))
        try:
            id = await self._channel.send(one.line, whom, content)
        except Unclear:
            await self._lines.refuses(one.line, "no answer")
            again = planned(request, one.begun + _PATIENCE, self._systems)
            return await written(self._record, again, lost_races=True)
        except MappingError:  # no message of ours should be beyond the channel's limits
            codes: tuple[int, ...] = (INVALID,)
        except (NotNow, Refused) as refused:
            codes = () if refused.number is None else (refused.number,)
        except PartnerUnavailable:
            codes = ()
        else:
            await self._lines.sent(one.line)
            accepted = Status(id, one.line, ACCEPTED, int(self._now().timestamp()), tracking=whom.tracking)
            return await self._settled(made, request, lambda tries: told(tries, [accepted]))
        moment = self._now()
        failed = replace(one, at={FAILED: moment}, codes=codes)
        if why(failed) == AGAIN:
            await self._lines.refuses(one.line, str(next(iter(codes), "no answer")))

        def change(tries: list[Send]) -> list[Send]:
            return [failed if each.number == one.number and each.id is None else each for each in tries]

        return await self._settled(made, request, change)

    async def _settled(self, made: Json, request: Json, change: Callable[[list[Send]], list[Send]]) -> None:
        """Writes how the tries stand after a change, whoever writes statuses at the same time."""
        for _ in range(RACES):
            before = sends(made, self._systems)
            after = change(before)
            outcome = settled(made, after, request, self._systems, self._now())
            try:
                await self.told(outcome)
            except FhirRefused as refused:
                if refused.status not in RACED:
                    raise
            else:
                return await self._ledger(partial(tally.add, counts=Counter(steps(before, after))))
            made = await self._record.read(f"Communication/{made['id']}")
            request = await self._record.read(f"CommunicationRequest/{request['id']}")
        raise PartnerUnavailable("the message was changed by others again and again", 1)

    async def _paced(self, line: str, to: To, *, urgent: bool) -> float:
        """Seconds until a person may be sent something again; 0: now, and it is counted."""
        whom = blake2b((to.user or to.phone or "").encode(), digest_size=12).hexdigest()
        counted, wait = await self._ledger(
            lambda rows: pace.take(rows, (line, LINE), (f"{line}:{whom}", PAIR), self._now(), urgent=urgent)
        )
        if counted and wait <= HERE:
            await asyncio.sleep(wait)
            return 0.0
        return max(wait, 0.001)


async def troubled(trouble: Trouble, lines: Lines) -> None:
    """People who run the hub learn of it; what cannot be used is not used again."""
    told = {"do": trouble.do.value, "code": trouble.code, "line": trouble.line, "template": trouble.template}
    _log.error("the channel finds a fault: %s", told)
    if trouble.do is Do.NUMBER_OFF:
        await lines.say(trouble.line, OFF, str(trouble.code))
    elif trouble.do is Do.TEMPLATE_OFF and trouble.template is not None:
        await lines.template(trouble.template, "OFF", why=str(trouble.code))


async def written(record: FhirClient, entries: list[Json], *, lost_races: bool = False) -> None:
    """One transaction. lost_races: whoever was faster has said what matters."""
    if not entries:
        return
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": named(entries)}
    try:
        await record.transaction(r4.serialize(bundle), minimal=True)
    except FhirRefused as refused:
        if not (lost_races and refused.status in RACED):
            raise


def named(entries: Sequence[Json]) -> list[Json]:
    """Entries that others in a Bundle can be told from."""
    return [{"fullUrl": f"urn:uuid:{uuid4()}", **one} if one["request"]["method"] == "POST" else one for one in entries]
