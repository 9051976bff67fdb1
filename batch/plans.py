"""Products are versioned: what a product was stays beside it, closed the day before the next came into force. 10.3."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import orjson

from adapters.fhir_client import FhirClient, FhirRefused
from batch.ledger import Entry
from batch.text import utf8
from mappings import r4

Json = Any
GONE = (404, 410)


async def entries(client: FhirClient, entry: Entry, raw: bytes) -> list[bytes]:
    """A line of a versioned type as entries of a transaction. Raises PartnerUnavailable, FhirRefused."""
    [(kind, id)] = entry.targets
    try:
        before = await client.read(f"{kind}/{id}")
    except FhirRefused as error:
        if error.status not in GONE:
            raise
        before = None
    return [_entry(resource, match) for resource, match in versions(before, r4.parse(utf8(raw)))]


def versions(before: Json | None, after: Json) -> list[tuple[Json, str | None]]:
    """What is to be written, each with the version it replaces: the product as it is now, and what it was, closed.

    What is told late of a time before the present version goes beside it, closed, and leaves it alone.
    """
    if before is None:
        return [(after, None)]
    then, now = _start(before), _start(after)
    match = f'W/"{before["meta"]["versionId"]}"'
    if then is None or now is None or then == now:
        return [(after, match)]
    if then < now:
        return [(closed(before, then, now), None), (after, match)]
    return [(closed(after, now, then), None)]


def closed(version: Json, start: date, following: date) -> Json:
    """A version of a product that is over since another came into force."""
    end = (following - timedelta(days=1)).isoformat()
    return {
        **{name: value for name, value in version.items() if name != "meta"},
        "id": f"{version['id']}-{start:%Y%m%d}",
        "status": "retired",
        "period": {**version["period"], "end": end},
    }


def _start(resource: Json) -> date | None:
    text = str(resource.get("period", {}).get("start", ""))[:10]
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _entry(resource: Json, match: str | None) -> bytes:
    request = {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    if match is not None:
        request["ifMatch"] = match
    return b'{"resource":%b,"request":%b}' % (r4.serialize(resource), orjson.dumps(request))
