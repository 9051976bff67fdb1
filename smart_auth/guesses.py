"""How often a secret may be tried in vain: five times, then after waits that grow from a second to 15 minutes.

A try is counted before it is judged, so that many at once are no way round. What is known of a secret's owner by a
browser that signed in before is counted apart: strangers cannot keep them out. NIST SP 800-63B, 5.2.2
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from smart_auth.secret_values import digest

FREE = 5
LONGEST = 15 * 60
FORGOTTEN = 24 * 3600
"""Seconds without a try."""

_TRY = text("""
insert into auth.guess as g (key, count, until) values (:key, 1, :now)
on conflict (key) do update set
  count = case when g.until < :now - :forgotten then 1 else g.count + 1 end,
  until = case when g.until < :now - :forgotten or g.count + 1 < :free then :now
    else :now + least(:longest, 2 ^ least(g.count + 1 - :free, 20))::integer end
where g.until <= :now returning count""")
_UNTIL = text("select until from auth.guess where key = :key")
_FORGET = text("delete from auth.guess where key = :key")


def wait(connection: Connection, kind: str, whose: str, now: int) -> int:
    """Counts a try; seconds to wait if it may not be made now, else 0."""
    key = digest(f"{kind}:{whose}")
    values = {"key": key, "now": now, "free": FREE, "longest": LONGEST, "forgotten": FORGOTTEN}
    if connection.execute(_TRY, values).first() is not None:
        return 0
    until: int = connection.execute(_UNTIL, {"key": key}).scalar() or now
    return max(until - now, 1)


def forget(connection: Connection, kind: str, whose: str) -> None:
    """The secret was right."""
    connection.execute(_FORGET, {"key": digest(f"{kind}:{whose}")})
