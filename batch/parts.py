"""What a run of a set needs, joined by whoever starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.fhir_client import FhirClient
from batch.ledger import Connection
from batch.pgp import Keyring
from mappings.tasy.site import Site
from messages.bodies import Sealing

ACTOR = "hub-batch"
"""Who moves messages here."""
Progress = Callable[[str, int], None]
"""Is told what is done ("bytes", "lines"), and how many."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run needs."""

    connection: Connection
    """In autocommit."""
    client: FhirClient
    keyring: Keyring
    signer: str
    """Fingerprint of the hub's own key."""
    sealing: Sealing
    site: Site
    folder: Path
    """For sets on their way in."""
    now: Callable[[], datetime]
    progress: Progress = lambda _, __: None

    def local(self) -> datetime:
        """Now, as the contract writes times: of the establishment, without offset. Section 1."""
        return self.now().astimezone(ZoneInfo(self.site.zone)).replace(tzinfo=None, microsecond=0)
