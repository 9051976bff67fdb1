"""Runs of sets: listed, looked at, released or refused by people, with what they left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fhir_server.exchange import FhirResponse
from fhir_server.outcome import NotFound
from hub.operations import asked, shown
from hub.operations.asked import Asked, answer
from hub.operations.may import ACT, may
from messages import runs
from messages.store import Rows

_BY_STATE = "select state, count(*) from messages.message where run_id = %s group by state order by state"
_SAFE = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}
"""Reports are pages of ours about data of others: nothing in them runs."""


async def listed(request: Asked) -> FhirResponse:
    """A page of runs, newest first."""
    given = request.parameters("flow", "state", "count", "cursor")
    count, cursor = asked.page(given)
    flow, states = given.get("flow"), asked.chosen(given, "state", runs.STATES)
    some = await request.rows(
        lambda rows: runs.listed(rows, flow=flow, states=states, after=cursor, most=count + 1)
    )  # fmt: skip
    body = {"items": [shown.run(one) for one in some[:count]]}
    return answer(body | ({"cursor": str(some[count - 1].id)} if len(some) > count else {}))


async def one(request: Asked) -> FhirResponse:
    """One run with its reports and where its lines are."""
    request.parameters()
    return await _one(request)


async def _one(request: Asked) -> FhirResponse:
    id = request.number("id")
    run = await request.rows(lambda rows: runs.run(rows, id))
    reports = await request.rows(lambda rows: runs.reports(rows, id))
    states = await request.rows(lambda rows: rows.execute(_BY_STATE, (id,)).fetchall())
    decides = run.state == runs.HELD and may(request.access, ACT)
    return answer(shown.run(run) | {
        "reports": [{"name": name, "mediaType": media_type} for name, media_type in reports],
        "messages": dict(states), "actions": ["release", "refuse"] if decides else [],
    })  # fmt: skip


async def receipt(request: Asked) -> FhirResponse:
    """The receipt as it was sent."""
    request.parameters()
    id = request.number("id")
    found = await request.rows(lambda rows: runs.receipt(rows, id))
    if found is None:
        raise NotFound("this run has no receipt yet")
    json = found.lstrip()[:1] == b"{"
    return FhirResponse(200, found, content_type="application/json" if json else "application/octet-stream")


async def report(request: Asked) -> FhirResponse:
    """A report of a run."""
    request.parameters()
    id, name = request.number("id"), request.values["name"]
    found = await request.rows(lambda rows: runs.report(rows, request.parts.ledger.sealing, id, name))
    if found is None:
        raise NotFound("this run has no such report")
    return FhirResponse(200, found.body, content_type=found.media_type, headers=dict(_SAFE))


async def release(request: Asked) -> FhirResponse:
    """A held run goes on."""
    return await _decided(request, runs.release)


async def refuse(request: Asked) -> FhirResponse:
    """A held run is not applied."""
    return await _decided(request, runs.refuse)


async def _decided(request: Asked, decide: Callable[[Rows, int, str, str, datetime], None]) -> FhirResponse:
    why = asked.reason(request.document("reason").get("reason"))
    id, person, now = request.number("id"), request.access.subject, request.parts.now()
    await request.rows(lambda rows: decide(rows, id, person, why, now))
    return await _one(request)
