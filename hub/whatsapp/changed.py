"""Messages that were edited or taken back: they keep their first form, and say what changed them.

The care services' contract, section 2. The change is a message of its own, which names the other by the channel's id.
"""

from __future__ import annotations

from typing import Any

from adapters.fhir_client import FhirClient, FhirRefused
from adapters.partner_errors import PartnerUnavailable
from mappings.identifiers import Systems

Json = Any

RACES = 5
MARKS = {"edit": "editada-por", "revoke": "apagada-por"}
"""Kind of a message -> extension of the one that it changes."""


async def mark(record: FhirClient, message: Json, systems: Systems) -> None:
    """Marks the message that this one changes, once however often it is called; nothing where it changes none that is
    there. Raises PartnerUnavailable, FhirRefused."""
    name = MARKS.get(message["category"][0]["coding"][0]["code"])
    if name is None:
        return
    own = {"url": systems.extension(name), "valueReference": {"reference": f"Communication/{message['id']}"}}
    for part in message.get("partOf", ()):
        named = part["identifier"]
        for _ in range(RACES):
            found = record.search("Communication", {"identifier": f"{named['system']}|{named['value']}"})
            changed = next(iter([one async for one in found]), None)
            if changed is None or own in changed.get("extension", ()):
                break
            marked = {**changed, "extension": [*changed.get("extension", ()), own]}
            try:
                await record.update(marked, changed["meta"]["versionId"])
                break
            except FhirRefused as refused:
                if refused.status not in (409, 412):
                    raise
        else:
            raise PartnerUnavailable("the message was changed by others again and again", 1)
