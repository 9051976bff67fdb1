"""RT-1 in the worker: a question from the queue is asked of Tasy, and answered whatever becomes of that. Contract 5."""

from __future__ import annotations

from typing import Any

from adapters.tasy.client import sent
from care_services.eligibility import Answer, answer, manual_check
from hub.ledger import Rows, now
from hub.own_clients import ELIGIBILITY
from hub.tasy.guides import versioned
from hub.tasy.parts import ACTOR, Parts
from hub.tasy.telling import told
from mappings import r4
from mappings.repair import repair, still_open
from mappings.tasy.eligibility import to_eligibility_response
from mappings.tasy.read import read
from mappings.tasy.records import EligibilityReply, EligibilityRequest
from messages import bodies, queue, states, store
from messages.queue import Taken
from messages.states import State
from messages.store import BACKGROUND, INTERACTIVE, URGENT, Fault, Incoming

Json = Any
PATIENCE = {URGENT: 9.0, INTERACTIVE: 9.0, BACKGROUND: 45.0}
"""Seconds from the moment it was put into the queue, by lane; then the answer is provisional."""
LEAST = 0.2


async def ask(parts: Parts, taken: Taken) -> None:
    """Asks, answers, and tells whoever waits. Raises FhirRefused, PartnerUnavailable: the record cannot be asked."""
    asked = r4.parse(taken.body)
    left = PATIENCE[taken.lane] - (now() - taken.received).total_seconds()

    async def tasy(request: EligibilityRequest) -> bytes:
        return await parts.tasy.eligibility(
            request, lane=taken.lane, seconds=max(left, LEAST), correlation=taken.correlation
        )

    record = parts.record[ELIGIBILITY]
    found = await answer(asked, record, tasy, parts.site, now(), await parts.ledger(roster))
    number = f"{parts.site.systems.sid('mensagem')}|{taken.correlation}"
    response = await record.create(_numbered(found.response, str(taken.correlation), parts), {"identifier": number})
    if found.faults:
        check = _numbered(manual_check(response, found.faults, parts.site, now()), str(taken.correlation), parts)
        await record.create(check, {"identifier": number})
    if found.damaged:
        about = response["patient"].get("reference") or f"CoverageEligibilityResponse/{response['id']}"
        reason = "; ".join(f"segurado.{one.element}: {one.reason}" for one in found.damaged)
        await record.create(repair(about, reason, parts.site), still_open(about, parts.site))
    await parts.ledger(lambda connection: _note(connection, parts, taken, found, response))


async def receive(parts: Parts, taken: Taken) -> None:
    """An answer of Tasy's that a person corrected: whoever asked has another, later response.

    Raises MappingError, FhirRefused, PartnerUnavailable.
    """
    record = parts.record[ELIGIBILITY]
    asked = await record.read(taken.business_key)
    reply, _ = read(EligibilityReply, taken.body, parts.site.names)
    response, _ = to_eligibility_response(reply, asked, versioned(asked), parts.site)
    number = f"{taken.correlation}-{taken.id}"
    stored = await record.create(
        _numbered(response, number, parts), {"identifier": f"{parts.site.systems.sid('mensagem')}|{number}"}
    )
    sealed = parts.ledger.sealing.seal(r4.serialize(stored), bodies.mapped(taken.id))
    await parts.ledger(
        lambda connection: queue.done(
            connection, taken, states.way(taken.state, State.ENTREGUE), ACTOR, now(), mapped=sealed,
            applied=[versioned(stored)],
        )
    )  # fmt: skip


def _numbered(resource: Json, number: str, parts: Parts) -> Json:
    """With an identifier by which it is there once, should the worker die before it says that it is."""
    own = {"system": parts.site.systems.sid("mensagem"), "value": number}
    return {**resource, "identifier": [*resource.get("identifier", ()), own]}


def _note(connection: Rows, parts: Parts, taken: Taken, found: Answer, response: Json) -> None:
    """What was said and what became of it, in one transaction."""
    sealing, moment = parts.ledger.sealing, now()
    reference = versioned(response)
    fault = Fault(found.faults[0].code, found.faults[0].reason, found.faults[0].element) if found.faults else None
    with connection.transaction():
        if found.said is not None:
            came = Incoming("RT-1", taken.business_key, found.said, taken.correlation, lane=taken.lane)
            received = store.receive(connection, sealing, came, ACTOR, moment)
            if received.new:
                mapped = sealing.seal(r4.serialize(response), bodies.mapped(received.id))
                end = State.MORTA if found.why == "unmapped" else State.ENTREGUE
                path = (end,) if end == State.MORTA else states.way(received.state, end)
                store.advance(
                    connection, received.id, path, ACTOR, moment, mapped=mapped, applied=[reference],
                    fault=fault if end == State.MORTA else None,
                )  # fmt: skip
        failed = found.said is None and fault is not None
        asked = sealing.seal(sent(found.sent), bodies.mapped(taken.id)) if found.sent else None
        queue.done(
            connection, taken, (State.MORTA,) if failed else states.way(taken.state, State.ENTREGUE), ACTOR, moment,
            mapped=asked, applied=[reference], fault=fault if failed else None, reason=found.why,
        )  # fmt: skip
        told(connection, taken.id, reference)


def roster(connection: Rows) -> Any:
    """When the roster of members was last brought to what Tasy has; None: never."""
    row = connection.execute(
        "select max(finished) from messages.run where flow = 'B-1' and state = 'APPLIED'"
    ).fetchone()
    return row[0] if row else None
