"""Who listens to what: (resource type, interaction) -> services, by their names in `hub/services.py`.

Interactions: create (the first version), update (a further one), delete. docs/architecture.md#events
"""

from __future__ import annotations

from collections.abc import Mapping

SUBSCRIPTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Claim", "create"): ("authorization",),
    ("Claim", "update"): ("authorization",),
    ("ClaimResponse", "create"): ("authorization-told",),
    ("ClaimResponse", "update"): ("authorization-told",),
    ("Communication", "create"): ("chat",),
    ("CommunicationRequest", "create"): ("whatsapp",),
    ("Provenance", "create"): ("desk",),
}
