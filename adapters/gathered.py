"""Transactions of many who wait at the same moment, sent to a FHIR server as one: its cost is that of the request.

https://hl7.org/fhir/R4/http.html#transaction. Where the server refuses the whole, each is sent by itself, so that
nobody fails for another's fault, and each is all or nothing as before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from mappings import r4

Json = Any

WAIT_SECONDS = 0.03
"""For company, before a request goes out."""
LONGEST_REST = 0.3
"""Seconds between two requests of one who leaves the server to others."""
MOST = 100
"""Entries of one request, unless a single transaction has more."""


def rest(seconds: float, share: float) -> float:
    """Seconds that follow after so many at work, for who may be at work a share of the time."""
    return seconds * (1 / share - 1)


@dataclass(slots=True)
class _Waiting:
    entries: bytes
    count: int
    answer: asyncio.Future[list[Json]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gathered:
    """Of one client. One request is under way at a time; who comes meanwhile goes with the next."""

    def __init__(self, record: FhirClient, wait: float = WAIT_SECONDS, *, share: float = 1) -> None:
        """wait: seconds for company; 0: who is alone goes at once. share: of the time, that requests may be under way:
        the longer the server took for one, because others keep it busy, the longer the next waits.
        """
        self._record, self._wait, self._share = record, wait, share
        self._waiting: list[_Waiting] = []
        self._going: asyncio.Task[None] | None = None

    async def transaction(self, entries: Sequence[Json]) -> list[Json]:
        """The `response` of each entry, in order. Raises FhirRefused, PartnerUnavailable."""
        return await self.serialized(r4.serialize(entries), len(entries))

    async def serialized(self, entries: bytes, count: int) -> list[Json]:
        """As `transaction`; entries: `[...]`, so many."""
        if not count:
            return []
        one = _Waiting(entries.strip()[1:-1], count)
        self._waiting.append(one)
        if self._going is None:
            self._going = asyncio.create_task(self._go())
        return await one.answer

    async def create(self, resource: Json, if_none_exist: Mapping[str, str]) -> tuple[Json, bool]:
        """The resource as it is stored, and whether it was made now. https://hl7.org/fhir/R4/http.html#ccreate"""
        kind = resource["resourceType"]
        request = {"method": "POST", "url": kind, "ifNoneExist": urlencode(if_none_exist)}
        entry = {"fullUrl": f"urn:uuid:{uuid4()}", "resource": resource, "request": request}
        [told] = await self.transaction([entry])
        reference, _, version = told["location"].partition("/_history/")
        id = reference.rpartition("/")[2]
        if told["status"].startswith("201"):
            return {**resource, "id": id, "meta": {**resource.get("meta", {}), "versionId": version}}, True
        return await self._record.read(f"{kind}/{id}"), False

    async def _go(self) -> None:
        try:
            pause = 0.0
            while self._waiting:
                await asyncio.sleep(max(self._wait, pause))
                taken, begun = self._take(), time.monotonic()
                try:
                    await self._together(taken)
                except Exception as error:  # noqa: BLE001 - told by whoever waits
                    for one in taken:
                        if not one.answer.done():
                            one.answer.set_exception(error)
                pause = min(rest(time.monotonic() - begun, self._share), LONGEST_REST)
        finally:
            self._going = None

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        count = 0
        while self._waiting and (not taken or count + self._waiting[0].count <= MOST):
            taken.append(self._waiting.pop(0))
            count += taken[-1].count
        return taken

    async def _together(self, taken: Sequence[_Waiting]) -> None:
        if len(taken) > 1:
            try:
                answers = await self._send(b",".join(one.entries for one in taken))
            except FhirRefused:
                answers = []
            if answers:
                at = 0
                for one in taken:
                    _tell(one, answers[at : at + one.count])
                    at += one.count
                return
        await asyncio.gather(*(self._by_itself(one) for one in taken))

    async def _by_itself(self, one: _Waiting) -> None:
        try:
            _tell(one, await self._send(one.entries))
        except (FhirRefused, PartnerUnavailable) as error:
            if not one.answer.done():
                one.answer.set_exception(error)

    async def _send(self, entries: bytes) -> list[Json]:
        body = b'{"resourceType":"Bundle","type":"transaction","entry":[' + entries + b"]}"
        answer = r4.parse(await self._record.transaction(body, minimal=True))
        return [one["response"] for one in answer["entry"]]


def _tell(one: _Waiting, answer: list[Json]) -> None:
    if not one.answer.done():  # whoever waited may have left
        one.answer.set_result(answer)
