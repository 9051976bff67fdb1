"""What Meta tells of the account, its numbers and templates -> what changes here. Pure.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference: account_update,
phone_number_quality_update, message_template_status_update, and those beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A number can send again, or no more."""

    phone: str | None
    """Its digits; None: all of the account."""
    sends: bool
    why: str


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A template stands otherwise, in the channel's words."""

    name: str
    state: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """People who run the hub should know; nothing changes by itself."""

    what: str


Change = NumberChange | TemplateChange | Alarm

_BLOCKS = frozenset({"DISABLE", "DISABLED"})
_SILENCES = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
"""A restriction of what answers people; the others hold back what nobody asked for, and errors tell of them."""
_AS_BEFORE = frozenset({"FLAGGED", "REINSTATED", "UNPAUSED"})
"""Events of a template that leaves it, or makes it, approved."""


def changes(told: Mapping[str, Json]) -> list[Change] | None:
    """What a change of a webhook tells; None: its field is none that is known. Raises KeyError, TypeError,
    AttributeError: it has not the shape it should have."""
    reader = _READERS.get(str(told.get("field")))
    return None if reader is None else reader(told["value"])


def _account(value: Json) -> list[Change]:
    event = str(value["event"])
    match event:
        case "DISABLED_UPDATE":
            ban = str(value["ban_info"]["waba_ban_state"])
            if ban in _BLOCKS:
                return [NumberChange(None, False, ban)]
            return [NumberChange(None, True, ban)] if ban == "REINSTATE" else [Alarm(f"{event}: {ban}")]
        case "ACCOUNT_RESTRICTION":
            kinds = [str(one["restriction_type"]) for one in value["restriction_info"]]
            found: list[Change] = [Alarm(f"{event}: {', '.join(kinds)}")]
            return [*found, NumberChange(None, False, _SILENCES)] if _SILENCES in kinds else found
        case _:
            return [Alarm(event)]


def _quality(value: Json) -> list[Change]:
    event = str(value["event"])
    return [Alarm(f"quality of a number: {event}")] if event in ("FLAGGED", "DOWNGRADE") else []


def _template(value: Json) -> list[Change]:
    event, name = str(value["event"]), str(value["message_template_name"])
    state = "APPROVED" if event in _AS_BEFORE else event
    found: list[Change] = [TemplateChange(name, state, str(value.get("reason") or ""))]
    return found if state == "APPROVED" else [*found, Alarm(f"template {name}: {event}")]


def _category(value: Json) -> list[Change]:
    return [Alarm(f"template {value['message_template_name']} is of category {value['new_category']} now")]


def _nothing(value: Json) -> list[Change]:
    return []


_READERS: Mapping[str, Callable[[Json], list[Change]]] = {
    "account_update": _account,
    "account_alerts": lambda value: [Alarm(str(value.get("alert_type", "account alert")))],
    "account_review_update": lambda value: [Alarm(f"review of the account: {value['decision']}")],
    "phone_number_quality_update": _quality,
    "phone_number_name_update": _nothing,
    "message_template_status_update": _template,
    "message_template_quality_update": _nothing,
    "template_category_update": _category,
    "security": lambda value: [Alarm(f"security of a number: {value.get('event', '')}")],
}
"""Field -> what it tells."""
