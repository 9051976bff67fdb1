"""The care services that are on, each with what it needs of other systems, and what they listen to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from care_services.subscriptions import SUBSCRIPTIONS
from fhir_server.events.delivery import Noting, Service
from hub.desk.acting import Acting
from hub.platform_events import PLATFORM_EVENTS
from hub.settings import Settings
from hub.tasy.requested import Requested
from hub.whatsapp.authorization_told import AuthorizationTold
from hub.whatsapp.heard import heard, noted
from hub.whatsapp.sending import Sending


@dataclass(frozen=True, slots=True)
class Services:
    """Which of them are on, and what they listen to."""

    run: Mapping[str, Service] = field(default_factory=dict)
    """Of services by their names. Those that `subscriptions` names beyond these are off."""
    subscriptions: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=lambda: SUBSCRIPTIONS)
    """(Resource type, interaction) -> names."""
    notes: Mapping[str, Noting] = field(default_factory=dict)
    """Those among them that take many events at a time."""

    def names(self, resource_type: str, interaction: str) -> list[str]:
        """Services that an event is for."""
        return [name for name in self.subscriptions.get((resource_type, interaction), ()) if name in self.run]

    def one_by_one(self, resource_type: str, interaction: str) -> list[str]:
        """Those that take such events one at a time, in their order."""
        return [name for name in self.names(resource_type, interaction) if name not in self.notes]


def services(settings: Settings, url: str = "") -> Services:
    """Those that the settings switch on. url: of the database, for whoever calls them."""
    run: dict[str, Service] = {}
    notes: dict[str, Noting] = {}
    if settings.tasy_url is not None:
        run["authorization"] = Requested(settings)
    if settings.whatsapp_url is not None:
        run["chat"], notes["chat"] = heard, noted
        run["whatsapp"] = Sending(settings, url)
        run["desk"], run["authorization-told"] = Acting(settings), AuthorizationTold(settings)
    return Services(run, notes=notes)


def listened(settings: Settings, found: Services | None = None) -> Sequence[tuple[str, str]]:
    """Resource types and interactions of which versions become events; none: nothing is kept, and nobody started."""
    found = services(settings) if found is None else found
    pairs = {pair for pair in found.subscriptions if found.names(*pair)}
    if settings.amqp_url is not None:
        pairs |= {(one.resource_type, interaction) for one in PLATFORM_EVENTS for interaction in one.interactions}
    return sorted(pairs)
