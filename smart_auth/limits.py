"""How often something may be done in a minute, counted together by all processes; a crash may forget it."""

from __future__ import annotations

from sqlalchemy import Connection, text

TOKENS_PER_MINUTE = 60
"""Tokens for one client; of an app, for each person."""

SIGN_INS_PER_MINUTE = 30
"""Failures to sign in from one address."""
REQUESTS_PER_MINUTE = 300
"""Authorization requests from one address."""

_COUNT = text("""
insert into auth.counter as c (key, minute, count) values (:key, :minute, 1)
on conflict (key) do update set minute = excluded.minute,
  count = case when c.minute = excluded.minute then c.count + 1 else 1 end
returning count""")

_REFUND = text("update auth.counter set count = count - 1 where key = :key and count > 0")


def wait(connection: Connection, key: str, most: int, now: int) -> int:
    """Counts one more of `key`; seconds to wait if it is one too many in this minute, else 0."""
    minute, second = divmod(now, 60)
    count: int = connection.execute(_COUNT, {"key": key, "minute": minute}).scalar_one()
    return 60 - second if count > most else 0


def refund(connection: Connection, key: str) -> None:
    """Takes one back that should not have been counted."""
    connection.execute(_REFUND, {"key": key})
