"""What handlers of messages reach: the record, Tasy, the messages, and what the installation says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.fhir_client import FhirClient
from adapters.tasy.client import Tasy
from adapters.tasy.wire import Wire
from hub.ledger import Ledger
from hub.tasy.site import Place
from mappings.tasy.site import Site

ACTOR = "hub-worker"


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one process."""

    ledger: Ledger
    tasy: Tasy
    wire: Wire
    record: Mapping[str, FhirClient]
    """The record as each of the hub's own services sees it."""
    site: Site
    place: Place
