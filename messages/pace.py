"""How fast a partner is sent to: so many a second from a place, few at a time to one person; shared by all processes.

Each key has a moment until which its sends so far reach (the generic cell rate algorithm): what goes next pushes it on
by one share, and may go as long as it is no further ahead than a burst. One statement for both keys of a send.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

Rows = Connection[Any]


@dataclass(frozen=True, slots=True)
class Rate:
    """One each so many seconds, and so many at once."""

    each: float
    burst: int

    @property
    def share(self) -> timedelta:
        """What one send takes."""
        return timedelta(seconds=self.each)


_TAKE = """
with pair as (
  insert into messages.pace as p (key, until) values (%(pair)s, %(now)s + %(pair_share)s)
  on conflict (key) do update set until = greatest(p.until, %(now)s) + %(pair_share)s
  where %(urgent)s or greatest(p.until, %(now)s) + %(pair_share)s <= %(now)s + %(pair_burst)s * %(pair_share)s
  returning until
), place as (
  insert into messages.pace as p (key, until)
  select %(place)s, %(now)s + %(place_share)s where exists (select from pair)
  on conflict (key) do update set until = greatest(p.until, %(now)s) + %(place_share)s
  returning until
)
select (select until from place), (select until from messages.pace where key = %(pair)s)"""


def take(
    connection: Rows, place: tuple[str, Rate], pair: tuple[str, Rate], now: datetime, *, urgent: bool = False
) -> tuple[bool, float]:  # fmt: skip
    """Whether a send is counted, and seconds: if so until it may leave, else until it is worth asking again.

    place, pair: keys and rates. urgent: it leaves at once, and is counted.
    """
    values = {
        "now": now, "urgent": urgent, "place": place[0], "pair": pair[0], "place_share": place[1].share,
        "pair_share": pair[1].share, "pair_burst": pair[1].burst,
    }  # fmt: skip
    row = connection.execute(_TAKE, values).fetchone()
    assert row is not None
    until, known = row
    if until is None and known is None:  # somebody has made the row since this statement began
        return take(connection, place, pair, now, urgent=urgent)
    if until is None:
        ahead = known + pair[1].share * (1 - pair[1].burst) - now
        return False, max(0.0, ahead.total_seconds())
    return True, 0.0 if urgent else max(0.0, (until - place[1].share * place[1].burst - now).total_seconds())


def forget(connection: Rows, now: datetime) -> int:
    """Keys that nothing has been sent by for an hour; how many."""
    return connection.execute("delete from messages.pace where until < %s", [now - timedelta(hours=1)]).rowcount
