"""Authorizations that wait for an answer, and how much of their time has passed. Tasy contract, section 15.

The limit is the one Tasy said; where it said none, days of work are counted from when the request was registered.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fhir_server.exchange import FhirResponse
from hub.operations import asked
from hub.operations.asked import Asked, answer
from hub.operations.record import searched
from mappings.tasy.site import Site

Json = Any

ALARMS = (100, 80, 50)
"""Per cent of the time that has passed."""
ORDINARY = 5
"""Days of work for an answer."""
_MOST = 1000
_PAUSED = frozenset({"4", "5"})
"""TISS states in which a document is waited for, which stops the clock."""


def days_of_work(day: date, number: int) -> date:
    """The last of so many days of work after a day; Saturdays and Sundays are none."""
    while number:
        day += timedelta(days=1)
        number -= day.weekday() < 5
    return day


def deadline(response: Json, urgent: bool, site: Site) -> tuple[datetime, bool]:
    """When a ClaimResponse has to have its answer, and whether Tasy said so."""
    created = datetime.fromisoformat(response["created"])
    if created.tzinfo is None:
        created = created.replace(tzinfo=ZoneInfo(site.zone))
    said = next((
        one.get("valueDate") for one in response.get("extension", ())
        if one.get("url") == site.systems.extension("limite-resposta")
    ), None)  # fmt: skip
    if said is None and urgent:
        return created, False
    day = date.fromisoformat(said) if said else days_of_work(created.astimezone(ZoneInfo(site.zone)).date(), ORDINARY)
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(site.zone)), said is not None


def clock(response: Json, urgent: bool, site: Site, now: datetime) -> Json:
    """How a ClaimResponse that decides nothing yet stands."""
    until, said = deadline(response, urgent, site)
    created = datetime.fromisoformat(response["created"])
    if created.tzinfo is None:
        created = created.replace(tzinfo=ZoneInfo(site.zone))
    whole = (until - created).total_seconds()
    percent = 100 if whole <= 0 else max(0, int(100 * (now - created).total_seconds() / whole))
    status = next((
        one.get("valueCode") for one in response.get("extension", ())
        if one.get("url") == site.systems.extension("tasy-status")
    ), None)  # fmt: skip
    values = {one.get("system"): one.get("value") for one in response.get("identifier", ())}
    paused = status in _PAUSED
    return {
        "claimResponse": f"ClaimResponse/{response['id']}", "claim": response.get("request", {}).get("reference"),
        "protocol": values.get(site.systems.sid("protocolo")), "guide": values.get(site.systems.sid("tasy/guia")),
        "received": created, "deadline": until, "kind": "urgent" if urgent else "ordinary", "estimated": not said,
        "percent": percent, "paused": paused, "status": status,
        "alarm": None if paused else next((one for one in ALARMS if percent >= one), None),
    }  # fmt: skip


async def listed(request: Asked) -> FhirResponse:
    """Those that wait, the most urgent first."""
    count, _ = asked.page(request.parameters("count"))
    server, site, now = request.parts.server, request.parts.site, request.parts.now()
    query = [
        ("use", "preauthorization"), ("outcome", "queued"), ("status", "active"), ("_sort", "created"),
        ("_count", str(_MOST)), ("_include", "ClaimResponse:request"),
    ]  # fmt: skip
    resources = await searched(server, "ClaimResponse", query)
    claims = {f"Claim/{one['id']}": one for one in resources if one["resourceType"] == "Claim"}

    def urgent(response: Json) -> bool:
        reference = response.get("request", {}).get("reference", "").partition("/_history/")[0]
        codings = claims.get(reference, {}).get("priority", {}).get("coding", ())
        return any(one.get("code") == "stat" for one in codings)

    items = [
        clock(one, urgent(one), site, now) for one in resources if one["resourceType"] == "ClaimResponse"
    ]  # fmt: skip
    items.sort(key=lambda one: (one["paused"], -one["percent"], one["deadline"]))
    return answer({"items": items[:count]})
