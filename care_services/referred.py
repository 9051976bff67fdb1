"""The resources that a request of the record refers to, read at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapters.fhir_client import FhirClient
from mappings import r4

Json = Any

TYPES = ("Patient", "Coverage", "Organization", "Practitioner", "Location", "Condition")
"""Those that guides are made of."""
_REFERENCE = re.compile(r"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")


def references(resource: Json) -> Iterator[str]:
    """Every literal reference in it to a resource of TYPES, each as it stands there."""
    if isinstance(resource, list):
        for one in resource:
            yield from references(one)
    elif isinstance(resource, dict):
        for name, value in resource.items():
            if name == "reference" and isinstance(value, str):
                found = _REFERENCE.fullmatch(value)
                if found and found[1] in TYPES:
                    yield value
            elif isinstance(value, dict | list):
                yield from references(value)


async def referred(record: FhirClient, resource: Json) -> Mapping[str, Json]:
    """What it refers to and is there, by reference, contained resources too; in one request.

    Raises FhirRefused, PartnerUnavailable.
    """
    found = {f"#{one['id']}": one for one in resource.get("contained", ()) if "id" in one}
    wanted = list(dict.fromkeys(references(resource)))
    if not wanted:
        return found
    entries = [{"request": {"method": "GET", "url": one}} for one in wanted]
    bundle = r4.serialize({"resourceType": "Bundle", "type": "batch", "entry": entries})
    answer = r4.parse(await record.transaction(bundle))
    for reference, entry in zip(wanted, answer["entry"], strict=True):
        if entry["response"]["status"].startswith("200"):
            found[reference] = entry["resource"]
    return found
