"""What of an export an access covers: asked when it is ordered, and again when it is carried out."""

from __future__ import annotations

from dataclasses import replace

from fhir_server.access.interactions import wide
from fhir_server.access.wall import wall_of
from fhir_server.bulk.order import ExportOrder, possible_types
from fhir_server.outcome import Forbidden
from fhir_server.resource_types import RESOURCE_TYPES
from smart_auth.scopes import Access


def covered(order: ExportOrder, access: Access) -> tuple[ExportOrder, Access]:
    """The order for the types that a system scope opens to reading and searching, without condition, and the access it
    is carried out with. Raises Forbidden for a type asked for that is not among them, and where there are none."""
    if wide(access, "rs"):
        return order, access.using("rs")
    own = replace(access, scopes=tuple(one for one in access.scopes if one.level == "system"), patient=None)
    found = wall_of(own.using("r")).open & wall_of(own.using("s")).open
    needed = {"Group", "Patient"} if order.group is not None else set()
    kept = tuple(one for one in RESOURCE_TYPES if one in found & possible_types(order.level))
    if not kept or not found.issuperset({*order.types, *needed}):
        raise Forbidden("an export needs system scopes to read and search every type of it, without a condition")
    return replace(order, types=order.types or kept), own.using("rs")
