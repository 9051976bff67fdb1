"""The templates that may be sent to whoever has not written for a day: one of each category, or a few in their order.

The care services' contract, sections 4 and 9: neutral on a lock screen, utility unless promotional. What they say is
among the rules' texts, under the name here, and part of the signed version; the channel has approved each by its name.
A text that changes gets a new version, hence another name. Pure data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

UTILITY, MARKETING = "UTILITY", "MARKETING"


@dataclass(frozen=True, slots=True)
class Model:
    """A template."""

    text: str
    """Of the rules' texts."""
    category: str
    """Of notices, a name of `decision.CATEGORIES`."""
    version: int = 1
    kind: str = UTILITY
    language: str = "pt_BR"
    slots: tuple[str, ...] = ()
    """What it says of the matter, in the order of the channel's {{1}}, {{2}}."""

    @property
    def name(self) -> str:
        """With the channel."""
        return f"austa_{self.text.removeprefix('template_')}_v{self.version}"


TEMPLATES: tuple[Model, ...] = (
    Model("template_check_in", "safety"),  # what answers somebody has none: whoever cannot be answered is telephoned
    Model("template_authorization", "authorization", slots=("protocol",)),
    Model("template_authorization_plain", "authorization"),
    Model("template_appointment", "appointment"),
    Model("template_reminder", "reminder"),
    Model("template_wellness", "wellness", kind=MARKETING),
    Model("template_healthpoints", "healthpoints", kind=MARKETING),
)


def chosen(category: str, unusable: Collection[str], slots: Mapping[str, str]) -> Model | None:
    """The first template of a category that the channel takes and of which every slot is known; None: there is none."""
    for one in TEMPLATES:
        if one.category == category and one.name not in unusable and all(name in slots for name in one.slots):
            return one
    return None
