"""What an installation says of itself to the mappings: its naming systems, zone, and who the plan is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mappings.identifiers import Systems
from mappings.tasy.names import CONTRACT, Names

Json = Any


@dataclass(frozen=True, slots=True)
class Site:
    """One establishment of one plan."""

    systems: Systems = field(default_factory=Systems)
    zone: str = "America/Sao_Paulo"
    """Of the establishment, as the tz database names it."""
    ans_registration: str = "999997"
    """Of the plan: six digits; the default is nobody's."""
    names: Names = CONTRACT
    """Of fields, where the installation has others."""

    def insurer(self) -> Json:
        """Reference to the plan, by its registration with ANS."""
        return {"identifier": {"system": self.systems.sid("registro-ans"), "value": self.ans_registration}}

    def reference(self, resource_type: str, system: str, value: str | int) -> Json:
        """A reference by identifier: system as in `Systems.sid`."""
        return {"type": resource_type, "identifier": {"system": self.systems.sid(system), "value": str(value)}}

    @staticmethod
    def period(start: date | None, end: date | None) -> Json:
        """A Period of whole days; what is not known is left out."""
        return {
            **({"start": start.isoformat()} if start else {}),
            **({"end": end.isoformat()} if end else {}),
        }
