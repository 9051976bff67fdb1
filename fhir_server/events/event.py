"""An event: a versioned reference and what came about with it, as it is kept and sent."""

from __future__ import annotations

from typing import Literal

import msgspec

Interaction = Literal["create", "update", "delete"]


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a service learns."""

    sequence: int
    """Of the version in the outbox: no other event has it."""
    reference: str
    """`Claim/7/_history/1`"""
    interaction: Interaction
    """create: the first version; update: a further one, of whatever method; delete."""
    order_key: str
    """Events that share it are told in order: `Patient/3` of whom the resource is, else the resource itself."""
    since: int
    """When it left the outbox, in microseconds since 1970 UTC."""


class NoEvent(ValueError):
    """A message that is none; the text says why, without any value."""


def message(event: Event) -> bytes:
    """The event as JSON."""
    return msgspec.json.encode(event)


def of_message(body: bytes) -> Event:
    """The event of a message. Raises NoEvent."""
    try:
        return msgspec.json.decode(body, type=Event)
    except msgspec.MsgspecError as error:
        raise NoEvent(f"not an event: {type(error).__name__}") from None
