"""What people do with messages that wait for them: correct, simulate, send again, give up."""

from __future__ import annotations

from typing import Any

from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Conflict, Invalid, Unprocessable
from hub.operations import asked
from hub.operations.asked import Asked, answer
from hub.operations.masking import masked
from hub.operations.messages import difference
from hub.operations.pointers import NoSuchPlace, replaced
from hub.tasy.telling import wake
from mappings import r4
from messages import dead, search
from messages.dead import Outdated
from messages.states import State
from messages.store import Rows

Json = Any
MOST_KEY = 200


async def edit(request: Asked) -> FhirResponse:
    """A corrected body is in force."""
    given = request.document("version", "reason", "body", "replace")
    version, why = given.get("version"), asked.reason(given.get("reason"))
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise Invalid("version: how many corrections you know of", code="value", expression=["version"])
    id, sealing, now = request.number("id"), request.parts.ledger.sealing, request.parts.now()
    before = (await request.rows(lambda rows: search.forms(rows, sealing, id))).in_force
    body = _corrected(given, before)
    if body is None:
        raise Invalid("body, or replace: one of them is needed", code="required", expression=["body"])
    author = request.access.subject
    try:
        made = await request.rows(lambda rows: dead.edit(rows, sealing, id, version, author, why, body, now))
    except Outdated:
        raise Conflict("somebody else corrected it meanwhile: look at it again") from None
    except ValueError as error:
        raise Invalid(f"body: {error}", code="too-long", expression=["body"]) from None
    diff = difference(before, body, False, request.parts.site.names.meant)
    return answer({"id": id, "version": made, "diff": diff})


async def simulate(request: Asked) -> FhirResponse:
    """What it would become; nothing is written."""
    given = request.document("body", "replace")
    id = request.number("id")
    message = await request.rows(lambda rows: search.message(rows, id))
    mapping = request.parts.simulate.get((message.flow, message.direction))
    if mapping is None:
        raise Unprocessable("messages of this flow cannot be simulated", code="not-supported")
    forms = await request.rows(lambda rows: search.forms(rows, request.parts.ledger.sealing, id))
    found = await mapping(message, _corrected(given, forms.in_force) or forms.in_force)
    return answer({
        "ok": found.error is None, "result": [masked(one) for one in found.result],
        "faults": [dict(one) for one in found.faults], "error": found.error and dict(found.error),
    })  # fmt: skip


def _corrected(given: dict[str, Json], before: bytes) -> bytes | None:
    """The body that is sent, or the one before with what is to be replaced; None: neither. Raises Invalid."""
    if "body" in given:
        if "replace" in given:
            raise Invalid("body, or replace: not both", code="invariant", expression=["body", "replace"])
        return r4.serialize(given["body"])
    if "replace" not in given:
        return None
    changes = given["replace"]
    if not isinstance(changes, list) or not changes or not all(
        isinstance(one, dict) and one.keys() == {"path", "value"} and isinstance(one["path"], str) for one in changes
    ):  # fmt: skip
        raise Invalid("replace: an array of objects with path and value", code="structure", expression=["replace"])
    try:
        return r4.serialize(replaced(r4.parse(before), [(one["path"], one["value"]) for one in changes]))
    except NoSuchPlace as error:
        raise Invalid(f"replace: {error}", code="value", expression=["replace"]) from None
    except r4.MalformedJson:
        raise Unprocessable("what came is no JSON: send the whole body", expression=["replace"]) from None


async def resubmit(request: Asked) -> FhirResponse:
    """It begins anew."""
    why = asked.reason(request.document("reason").get("reason"))
    id, person, now = request.number("id"), request.access.subject, request.parts.now()

    def work(rows: Rows) -> None:
        dead.resubmit(rows, id, person, why, now)
        wake(rows)

    await request.rows(work)
    return answer({"ids": [id]})


async def resubmit_in_order(request: Asked) -> FhirResponse:
    """All dead letters of an order key begin anew, one after the other."""
    given = request.document("orderKey", "reason")
    why, key = asked.reason(given.get("reason")), given.get("orderKey")
    if not isinstance(key, str) or not 0 < len(key) <= MOST_KEY:
        raise Invalid("orderKey: a text", code="required", expression=["orderKey"])
    person, now = request.access.subject, request.parts.now()

    def work(rows: Rows) -> list[int]:
        found = dead.resubmit_in_order(rows, key, person, why, now)
        wake(rows)
        return found

    return answer({"ids": await request.rows(work)})


async def discard(request: Asked) -> FhirResponse:
    """It is given up."""
    why = asked.reason(request.document("reason").get("reason"))
    id, person, now = request.number("id"), request.access.subject, request.parts.now()
    await request.rows(lambda rows: dead.discard(rows, id, person, why, now))
    return answer({"id": id, "state": str(State.DESCARTADA)})
