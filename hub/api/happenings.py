"""What happens in conversations, for whoever is told of it: a message, its status, a state, a Task of a desk.

Found by when it was written, once for all websockets of a process; what the hub reads for that leaves it as ids alone,
and those only past the record's own predicate (`seen_by`). What a transaction wrote that took longer than OVERLAP is
not told, as nothing is that happened while nobody listened: whoever connects reads first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from care_services.desk import tasks
from fhir_server.access import visible
from fhir_server.compression import decompress
from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.statement import Parameters
from hub.api.conversation import is_talk, state_of
from mappings.identifiers import Systems
from mappings.r4 import parse
from mappings.whatsapp.sends import token
from smart_auth.scopes import UNRESTRICTED, Access

Json = Any

TYPES = ("Communication", "Task")
OVERLAP = 5_000_000
"""Microseconds for which is looked back, since what began earlier may be there later."""
MOST = 5000
"""Versions of one look; what is more is told as `missed`."""
_KNOWN = 10_000
"""Conversations whose ids, and whose states, are remembered."""
MESSAGE, CHANGED, STATUS, STATE, TASK = "message", "changed", "status", "state", "task"


class Happening(NamedTuple):
    """One of them."""

    rid: int
    version: int
    what: str
    """One of MESSAGE, CHANGED (what the member wrote), STATUS (of what was said), STATE, TASK."""
    conversation: str
    """Id of its Task."""
    reference: str

    def told(self) -> Json:
        """As it is told."""
        return {"event": self.what, "conversation": self.conversation, "reference": self.reference}


class Happenings:
    """Looks for them."""

    def __init__(self, server: Server, systems: Systems) -> None:
        self._server, self._systems = server, systems
        self._since = server.now()
        self._seen: dict[tuple[int, int], int] = {}
        self._ids: dict[str, str] = {}
        self._states: dict[str, str | None] = {}

    async def begin(self) -> None:
        """From now on: what is there already is no news."""
        self._since = self._server.now()
        for rid, version, updated in await self._versions():
            self._seen[rid, version] = updated

    async def look(self) -> tuple[list[Happening], bool]:
        """What is new, oldest first, and whether there was more of it than is told."""
        found = await self._versions()
        new = [(rid, version) for rid, version, _ in found if (rid, version) not in self._seen]
        full = len(found) >= MOST
        # What does not fit is passed over, so that no burst holds up what comes after it.
        self._since = self._server.now() if full else max([self._since, *(updated for *_, updated in found)])
        limit = self._since - 2 * OVERLAP
        self._seen = {one: at for one, at in self._seen.items() if at >= limit}
        self._seen |= {(rid, version): updated for rid, version, updated in found}
        return (await self._read(new) if new else []), full

    async def _versions(self) -> list[tuple[int, int, int]]:
        parameters = Parameters()
        since = parameters.add(self._since - OVERLAP, "bigint")
        each = (
            f"select rid, version, last_updated from resource where type_id = {TYPE_ID[kind]} and version > 0"
            f" and last_updated >= {since} and body is not null"
            for kind in TYPES
        )
        query = f"select * from ({' union all '.join(each)}) r order by last_updated limit {MOST}"
        rows = await self._server.store.select(parameters.statement(query))
        return [(_number(rid), _number(version), _number(updated)) for rid, version, updated in rows]

    async def _read(self, new: Sequence[tuple[int, int]]) -> list[Happening]:
        parameters = Parameters()
        listed = parameters.add("{" + ",".join(str(rid) for rid, _ in new) + "}", "bigint[]")
        query = (
            "select rid, version, type_id, fhir_id, body from resource"
            f" where rid = any({listed}) and body is not null order by last_updated, rid"
        )
        rows = await self._server.store.select(parameters.statement(query))
        whole = [
            (_number(rid), _number(version), RESOURCE_TYPES[_number(kind) - 1], id.decode(), parse(decompress(body)))
            for rid, version, kind, id, body in rows
        ]
        await self._learn(key for *_, kind, _, one in whole if kind == "Communication" and (key := self._key(one)))
        found = (self._happening(*one) for one in whole)
        return [one for one in found if one is not None]

    def _happening(self, rid: int, version: int, kind: str, id: str, one: Json) -> Happening | None:
        reference = f"{kind}/{id}"
        if kind == "Communication":
            talk = self._ids.get(self._key(one) or "")
            what = MESSAGE if version == 1 else STATUS if "basedOn" in one else CHANGED
            return None if talk is None else Happening(rid, version, what, talk, reference)
        if is_talk(one, self._systems):
            state = state_of(one)
            if self._states.get(id, "") == state:
                return None
            if len(self._states) >= _KNOWN:
                self._states.clear()
            self._states[id] = state
            return Happening(rid, version, STATE, id, reference)
        part = tasks.talk(one)
        if tasks.code(one) is None or part is None:
            return None
        return Happening(rid, version, TASK, part.split("/")[1], reference)

    def _key(self, one: Json) -> str | None:
        """Business number and identity, of a message in either direction."""
        number, ours = self._systems.sid("whatsapp/numero"), None
        theirs = None
        for each in (one.get("sender", {}), *one.get("recipient", ())):
            named = each.get("identifier", {})
            if named.get("system") == number:
                ours = named.get("value")
            elif "value" in named:
                theirs = named["value"]
        return f"{ours}:{theirs}" if ours and theirs else None

    async def _learn(self, keys: Iterable[str]) -> None:
        """The ids of conversations that are not known yet."""
        system = self._systems.sid("whatsapp/conversa")
        asked = sorted({key for key in keys if key not in self._ids})
        if len(self._ids) >= _KNOWN:
            self._ids.clear()
        for at in range(0, len(asked), 50):
            values = ",".join(f"{system}|{token(key)}" for key in asked[at : at + 50])
            query = [("identifier", values), ("_count", "1000"), ("_elements", "identifier")]
            request = FhirRequest("GET", ("Task",), query, {}, UNRESTRICTED, base=self._server.base)
            answer = await perform(self._server, request)
            for entry in json.loads(answer.body or b"{}").get("entry", ()):
                for name in entry["resource"].get("identifier", ()):
                    if name.get("system") == system:
                        self._ids[name["value"]] = entry["resource"]["id"]


async def seen_by(server: Server, access: Access, found: Sequence[Happening]) -> list[Happening]:
    """Those of resources that the access may read now."""
    if server.store.outdated:
        await server.store.refresh()
    parameters = Parameters()
    condition = visible(access.using("r"), "r", parameters)
    listed = parameters.add("{" + ",".join(str(one.rid) for one in found) + "}", "bigint[]")
    query = f"select r.rid from resource r where r.rid = any({listed}) and r.body is not null and {condition}"
    rows = await server.store.select(parameters.statement(query))
    there = {_number(rid) for (rid,) in rows}
    return [one for one in found if one.rid in there]


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)
