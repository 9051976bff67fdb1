"""How events stand: what waits, how long, and what was counted."""

from __future__ import annotations

from typing import NamedTuple

from fhir_server.statement import Statement

MOST = 100_000
"""What waits is counted up to this."""


class Standing(NamedTuple):
    """Of all services."""

    waiting: int
    """Events that are not with the broker, or in `event_delivery`, yet."""
    seconds: float
    """How long the oldest of them has been waiting."""
    deliveries: int
    """Events in `event_delivery`."""
    published: int
    redelivered: int
    dead: int


_COUNTED = "(select number from event_count where name = '{}')"
STANDING = Statement(
    f"select (select count(*) from (select from event limit {MOST}) e),"
    " (select coalesce((extract(epoch from clock_timestamp()) * 1000000)::bigint"
    " - (select since from event order by sequence limit 1), 0)),"
    f" (select count(*) from (select from event_delivery limit {MOST}) d),"
    f" {', '.join(_COUNTED.format(name) for name in ('published', 'redelivered', 'dead'))}",
    generic=True,
)
"""One row for `standing`."""


def standing(waiting: int, waited: int, deliveries: int, published: int, redelivered: int, dead: int) -> Standing:
    """What the row says."""
    return Standing(waiting, max(waited, 0) / 1_000_000, deliveries, published, redelivered, dead)
