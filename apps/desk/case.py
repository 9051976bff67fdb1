"""A case as it is read of the record: the Task, the conversation, levels, flags and appointments of the member.

What a person may not see is None, and their page does without it. Who works at a desk that is not clinical reads the
conversation from shortly before their Task on, and nothing of what was told before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from apps.desk import talk
from apps.desk.queue import CODES, OPEN
from apps.smart.reader import NotAllowed

Json = dict[str, Any]
Get = Callable[[str], Awaitable[Json]]

PAGES, MOST = 5, 200
"""Pages of a queue that are read, and Tasks on each."""
BEFORE = timedelta(minutes=30)
"""Of a conversation, before a Task, that is part of it for a desk that is not clinical."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that a person may see of it."""

    task: Json
    communications: tuple[Json, ...]
    requests: tuple[Json, ...]
    risks: tuple[Json, ...] | None
    """Newest first."""
    flags: tuple[Json, ...] | None
    appointments: tuple[Json, ...] | None

    @property
    def clinical(self) -> bool:
        """Whether who looks may see levels."""
        return self.risks is not None

    @property
    def lines(self) -> list[talk.Line]:
        """The conversation, as far as it is theirs to see."""
        found = talk.lines(self.communications, self.requests)
        if self.clinical or "authoredOn" not in self.task:
            return found
        since = datetime.fromisoformat(self.task["authoredOn"]) - BEFORE
        return [one for one in found if one.at and datetime.fromisoformat(one.at) >= since and not one.urgent]


async def open_tasks(get: Get) -> list[Json]:
    """All Tasks that are open and that the person may see. As of `Reader.get`."""
    url: str | None = f"Task?code={','.join(CODES)}&status={','.join(OPEN)}&_count={MOST}"
    found: list[Json] = []
    for _ in range(PAGES):
        if url is None:
            break
        bundle = await get(url)
        found += [one["resource"] for one in bundle.get("entry", ())]
        url = next((one["url"] for one in bundle.get("link", ()) if one["relation"] == "next"), None)
    return found


async def read_talk(get: Get, task: Json) -> tuple[list[Json], list[Json]]:
    """Communications of both directions, and what is to be said. As of `Reader.get`."""
    who = identity(task)
    if who is None:
        return [], []
    wrote, said, asked = await asyncio.gather(
        _matches(get, f"Communication?sender:identifier={who}&_sort=-sent&_count=100"),
        _matches(get, f"Communication?recipient:identifier={who}&_sort=-_lastUpdated&_count=100"),
        _matches(get, f"CommunicationRequest?recipient:identifier={who}&_sort=-authored&_count=100"),
    )
    return [*(wrote or ()), *(said or ())], asked or []


async def read_case(get: Get, id: str) -> Case:
    """The case of a Task. As of `Reader.get`: raises NotAllowed where the Task itself is not theirs."""
    task = await get(f"Task/{quote(id, safe='')}")
    who = identity(task)
    whose = f"subject:identifier={who}" if who else f"subject={task.get('for', {}).get('reference', 'Patient/none')}"
    actor = whose.replace("subject", "actor", 1)
    (communications, requests), risks, flags, appointments = await asyncio.gather(
        read_talk(get, task),
        _matches(get, f"RiskAssessment?{whose}&_sort=-date&_count=20"),
        _matches(get, f"Flag?{whose}&_sort=-date&_count=20"),
        _matches(get, f"Appointment?{actor}&_sort=-_lastUpdated&_count=20"),
    )
    return Case(
        task, tuple(communications), tuple(requests), None if risks is None else tuple(risks),
        None if flags is None else tuple(flags), None if appointments is None else tuple(appointments),
    )  # fmt: skip


async def _matches(get: Get, url: str) -> list[Json] | None:
    """What is found; None: the person may not look for it."""
    try:
        bundle = await get(url)
    except NotAllowed:
        return None
    return [one["resource"] for one in bundle.get("entry", ()) if one.get("search", {}).get("mode") != "outcome"]


def identity(task: Json) -> str | None:
    """The member as the channel knows them, as a search has it."""
    found = task.get("for", {}).get("identifier", {})
    if "value" not in found:
        return None
    return quote(f"{found.get('system', '')}|{found['value']}", safe="")
