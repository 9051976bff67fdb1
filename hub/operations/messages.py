"""Messages found and looked at: `messages`, `messages/{id}`, `messages/{id}/forms`."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from fhir_server.audit.trail import TRAIL, Trail
from fhir_server.encryption.texts import hidden
from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Forbidden, Invalid
from hub.operations import asked, shown
from hub.operations.asked import Asked, answer
from hub.operations.masking import Meant, masked
from hub.operations.may import ACT, may, may_unmask
from hub.operations.record import read
from mappings import r4
from messages import dead, search
from messages.search import Criteria, Forms, Message
from messages.states import WITH_PEOPLE, State

Json = Any

UNMASK = "unmask"
"""What the audit trail calls it."""
MOST_APPLIED = 20
"""Resources shown of a message."""
_FILTERS = (
    "orderKey", "correlation", "businessKey", "file", "run", "flow", "state", "since", "until", "count", "cursor",
)  # fmt: skip


async def found(request: Asked) -> FhirResponse:
    """A page of messages."""
    given = request.parameters(*_FILTERS)
    count, cursor = asked.page(given)
    states = asked.chosen(given, "state", tuple(State))
    criteria = Criteria(
        correlation=asked.optional_uuid(given, "correlation"), business_key=given.get("businessKey"),
        begins=given.get("file"), order_key=given.get("orderKey"), flow=given.get("flow"),
        states=None if states is None else [State(one) for one in states], run=asked.optional_number(given, "run"),
        since=asked.optional_instant(given, "since"), until=asked.optional_instant(given, "until"),
    )  # fmt: skip
    some = await request.rows(lambda rows: search.found(rows, criteria, after=cursor, most=count + 1))
    body: Json = {"items": [shown.message(one) for one in some[:count]]}
    if len(some) > count:
        body["cursor"] = str(some[count - 1].id)
    return answer(body)


async def one(request: Asked) -> FhirResponse:
    """One message with what became of it and what may be done."""
    request.parameters()
    id = request.number("id")
    message = await request.rows(lambda rows: search.message(rows, id))
    history = await request.rows(lambda rows: search.history(rows, id))
    sealing = request.parts.ledger.sealing
    edits = (await request.rows(lambda rows: search.forms(rows, sealing, id))).edits if message.edits else ()
    corrections = [
        {"number": each.number, "at": each.at, "author": each.author, "reason": each.reason, "hash": each.hash}
        for each in edits
    ]
    more = {"history": [shown.transition(each) for each in history], "corrections": corrections}
    return answer(shown.message(message) | more | {"actions": _actions(request, message)})


def _actions(request: Asked, message: Message) -> list[str]:
    simulates = (message.flow, message.direction) in request.parts.simulate
    found = ["simulate"] if simulates else []
    if message.state in WITH_PEOPLE and may(request.access, ACT):
        found += ["edit", "resubmit", "discard"]
        if message.state is State.MORTA and message.order_key is not None:
            found.append("resubmit-in-order")
    return found


async def forms(request: Asked) -> FhirResponse:
    """What came, what people made of it, what it was mapped to, and what it became in the record."""
    given = request.parameters("unmask", "reason")
    if given.get("unmask", "false") not in ("true", "false"):
        raise Invalid("unmask: true or false", code="value", expression=["unmask"])
    unmask = given.get("unmask") == "true"
    id = request.number("id")
    why = ""
    if unmask:
        if not may_unmask(request.access):
            raise Forbidden("to see this unmasked needs a role of its own: operator-unmask or privacy-officer")
        why = asked.reason(given.get("reason"))
    message = await request.rows(lambda rows: search.message(rows, id))
    bodies = await request.rows(lambda rows: search.forms(rows, request.parts.ledger.sealing, id))
    trail = _trail(request, why) if unmask else None
    applied = await _applied(request, message, trail)
    if trail is not None and request.parts.audited and (event := trail.ended(200)) is not None:
        await request.parts.server.store.intake.note(event)
    meant = request.parts.site.names.meant
    return answer({
        "id": id, "masked": not unmask, "version": len(bodies.edits), "raw": _body(bodies.raw, unmask, meant),
        "corrections": _corrections(bodies, unmask, meant),
        "mapped": None if bodies.mapped is None else _body(bodies.mapped, unmask),
        "applied": [
            {"reference": name, **({"withheld": True} if body is None else _body(body, unmask))}
            for name, body in applied
        ],
    })  # fmt: skip


def _trail(request: Asked, why: str) -> Trail:
    """Of whoever has masks taken off, with what they said it is for."""
    query = hidden(urlencode({"reason": why}), f"query:{request.request_id}")
    return Trail(
        time.time_ns() // 1000, UNMASK, "", request.access, request.address, request.request_id,
        ("operations", *request.path.split("/")), query, "HOPERAT",
    )  # fmt: skip


async def _applied(request: Asked, message: Message, trail: Trail | None) -> list[tuple[str, bytes | None]]:
    """References with bodies; None: the record does not show it."""
    token = TRAIL.set(trail)
    try:
        return [(name, await read(request.parts.server, name)) for name in message.applied[:MOST_APPLIED]]
    finally:
        TRAIL.reset(token)


def _body(body: bytes, unmask: bool, meant: Meant = MappingProxyType({})) -> Json:
    try:
        document = r4.parse(body)
    except r4.MalformedJson:
        told = {"text": body.decode("utf-8", "replace")} if unmask else {}
        return {"mediaType": "text/plain", "bytes": len(body), **told}
    return {"mediaType": "application/json", "body": document if unmask else masked(document, meant=meant)}


def _corrections(bodies: Forms, unmask: bool, meant: Meant) -> list[Json]:
    found, before = [], bodies.raw
    for each in bodies.edits:
        found.append({
            "number": each.number, "at": each.at, "author": each.author, "reason": each.reason,
            **_body(each.body, unmask, meant), "diff": difference(before, each.body, unmask, meant),
        })  # fmt: skip
        before = each.body
    return found


def difference(before: bytes, after: bytes, unmask: bool, meant: Meant) -> list[str]:
    """Lines of a unified diff; of what is masked it says that it has changed. meant: as `masked` has it."""
    if unmask:
        return dead.difference(before, after)
    try:
        old, new = r4.parse(before), r4.parse(after)
    except r4.MalformedJson:
        return [] if before == after else ["*** (changed)"]
    return dead.difference(r4.serialize(masked(old, meant=meant)), r4.serialize(masked(new, old, meant)))
