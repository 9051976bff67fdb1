"""`GET conversations/{id}`: where a conversation stands, and its messages of both directions, newest first.

All of it is read as the caller. The id is that of the conversation's Task; who may see no more of it than a Task of
their desk that came of it (`partOf`) reads the messages as well, and no state. https://hl7.org/fhir/R4/communication.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from care_services.chat.recorded import conversation
from care_services.chat.recorded.place import instant
from care_services.desk import tasks
from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Invalid, NotFound
from hub.api.as_caller import AsCaller, Refused
from hub.api.asked import Asked, answer
from mappings.identifiers import Systems
from mappings.whatsapp.sends import sends, state, token

Json = Any

COUNT, MOST = 50, 200
_PAGE = 100
"""Communications of one search."""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_SECOND = timedelta(seconds=1)
NONE = "there is no such conversation"


class Key(NamedTuple):
    """Where a message stands among the others."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation, as far as the caller may know of it."""

    id: str
    task: Json | None
    """None: they may see a Task of it alone."""
    member: Json
    """A Reference."""
    number: str | None


async def read(request: Asked) -> FhirResponse:
    """A page of it. Raises FhirError, Refused."""
    parameters = request.parameters("count", "cursor")
    count, before = _count(parameters), _cursor(parameters)
    found = await talk(request.record, request.values["id"], request.systems)
    page = await messages(request.record, found, before, count + 1, request.systems)
    following = None
    if len(page) > count:
        last = page[count - 1][0]
        following = f"{request.url}?count={count}&cursor={_written(last)}"
    member = {name: found.member[name] for name in ("reference", "identifier") if name in found.member}
    told: Json = {"id": found.id, "state": None, "number": found.number, "member": member}
    if found.task is not None:
        told |= {"state": state_of(found.task), "changed": found.task.get("lastModified")}
    told["messages"] = [_told(one, key, request.systems) for key, one in page[:count]]
    return answer(told | {"next": following})


def state_of(task: Json) -> str | None:
    """Where a conversation stands; None: the caller may not know, or it is not said."""
    return next((one.get("code") for one in task.get("businessStatus", {}).get("coding", ())), None)


def is_talk(task: Json, systems: Systems) -> bool:
    """Whether a Task is a conversation."""
    code = task.get("code", {}).get("coding", ())
    return any(one.get("system") == systems.codes("tarefa") and one.get("code") == "conversation" for one in code)


async def talk(record: AsCaller, id: str, systems: Systems) -> Talk:
    """The conversation of an id. Raises NotFound: the same whether it is there or not; Refused."""
    if not _ID.fullmatch(id):
        raise NotFound(NONE)
    try:
        task = await record.read("Task", id)
    except Refused as refused:
        if refused.status not in (404, 410):
            raise
        task = None
    if task is not None and is_talk(task, systems):
        named = next((one["value"] for one in task.get("identifier", ()) if "value" in one), "")
        return Talk(id, task, task.get("for", {}), named.partition(":")[0] or None)
    if task is None:
        try:
            task = await record.first("Task", {"part-of": f"Task/{id}", "_sort": "-_lastUpdated"})
        except Refused as refused:
            if refused.status == 403:
                raise NotFound(NONE) from None
            raise
        if task is not None and tasks.code(task) is not None and tasks.talk(task) == f"Task/{id}":
            return Talk(id, None, task.get("for", {}), None)
    raise NotFound(NONE)


async def messages(
    record: AsCaller, found: Talk, before: Key | None, most: int, systems: Systems
) -> list[tuple[Key, Json]]:  # fmt: skip
    """The newest messages before a place, so many at most. Raises Refused."""
    who = _identities(found.member, systems)
    if not who:
        return []
    number = None if found.number is None else f"{systems.sid('whatsapp/numero')}|{token(found.number)}"
    wrote = {"sender:identifier": who} | ({} if number is None else {"recipient:identifier": number})
    said = {"recipient:identifier": who} | ({} if number is None else {"sender:identifier": number})
    lists = await asyncio.gather(
        _sent(record, wrote, before, most, systems),
        _sent(record, said, before, most, systems),
        _unsent(record, said, before, systems),
    )
    every = {one["id"]: (key, one) for each in lists for key, one in each}
    return sorted(every.values(), key=lambda one: one[0], reverse=True)[:most]


async def _sent(
    record: AsCaller, asked: Mapping[str, str], before: Key | None, most: int, systems: Systems
) -> list[tuple[Key, Json]]:  # fmt: skip
    """Those that the channel has a time of. All of one second are read before it ends: their order is ours."""
    query = {**asked, "sent:missing": "false", "_sort": "-sent", "_count": str(min(most + 1, _PAGE))}
    if before is not None:
        query["sent"] = f"lt{instant(before.at + _SECOND)}"
    found: list[tuple[Key, Json]] = []
    async for page in record.pages("Communication", query):
        keyed = [(key_of(one, systems), one) for one in page]
        found += [one for one in keyed if before is None or one[0] < before]
        if len(found) >= most and keyed and keyed[-1][0].at < found[most - 1][0].at - _SECOND:
            break
    return found


async def _unsent(
    record: AsCaller, asked: Mapping[str, str], before: Key | None, systems: Systems
) -> list[tuple[Key, Json]]:  # fmt: skip
    """Those of ours that are not sent, or of which nobody knows; few."""
    query = {**asked, "sent:missing": "true", "_sort": "-_lastUpdated", "_count": str(_PAGE)}
    found: list[tuple[Key, Json]] = []
    async for page in record.pages("Communication", query):
        found += [(key_of(one, systems), one) for one in page]
    return [one for one in found if before is None or one[0] < before]


def key_of(one: Json, systems: Systems) -> Key:
    """The channel's time of a message; of one that is not sent, when that was tried first."""
    begun = min((try_.begun for try_ in sends(one, systems)), default=None)
    at = one.get("sent")
    if at is None and begun is not None:
        return Key(begun, one["id"])
    return Key(
        datetime.fromisoformat(at or one.get("received") or one["meta"]["lastUpdated"]).astimezone(UTC), one["id"]
    )


def _identities(member: Json, systems: Systems) -> str:
    """As a search has it: the identity, and the telephone number that is known with it."""
    own = member.get("identifier", {})
    found = [f"{own['system']}|{token(own['value'])}"] if "value" in own and "system" in own else []
    phone = conversation.phone(member, systems)
    if phone is not None:
        found.append(f"{systems.sid('telefone')}|{token(phone)}")
    return ",".join(dict.fromkeys(found))


def _told(one: Json, key: Key, systems: Systems) -> Json:
    wrote = "basedOn" not in one
    files = [part["contentAttachment"] for part in one.get("payload", ()) if "contentAttachment" in part]
    named = ("contentType", "title", "url", "size")
    based = next((each["reference"] for each in one.get("basedOn", ()) if "reference" in each), None)
    return {
        "reference": f"Communication/{one['id']}",
        "direction": "in" if wrote else "out",
        "at": instant(key.at),
        "status": one["status"],
        "reached": None if wrote else state(sends(one, systems)),
        "priority": one.get("priority", "routine"),
        "text": [str(part["contentString"]) for part in one.get("payload", ()) if "contentString" in part],
        "files": [{name: file[name] for name in named if name in file} for file in files],
        "request": based,
    }


def _count(parameters: Mapping[str, str]) -> int:
    found = parameters.get("count", str(COUNT))
    if not (found.isascii() and found.isdigit() and 1 <= int(found[:6]) <= MOST):
        raise Invalid(f"count: a number from 1 to {MOST}", code="value", expression=["count"])
    return int(found)


def _cursor(parameters: Mapping[str, str]) -> Key | None:
    if "cursor" not in parameters:
        return None
    try:
        at, _, id = base64.urlsafe_b64decode(parameters["cursor"] + "==").decode("ascii").partition(" ")
        moment = datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        moment, id = datetime.min, ""
    if moment.tzinfo is None or not _ID.fullmatch(id):
        raise Invalid("cursor: one that `next` of a page has named", code="value", expression=["cursor"])
    return Key(moment, id)


def _written(key: Key) -> str:
    return base64.urlsafe_b64encode(f"{key.at.isoformat()} {key.id}".encode()).decode().rstrip("=")
