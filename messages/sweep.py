"""How long messages are kept: five years, what became of them as long. Tasy contract, section 16."""

from __future__ import annotations

from datetime import datetime, timedelta

from messages.store import Rows

RETENTION = timedelta(days=5 * 365 + 2)
DAYS_OF_USE = timedelta(days=30)
"""Of the language model, by member."""
_CHUNK = 5000

_MESSAGES = """
delete from messages.message where id in (
  select id from messages.message where received < %s and due is null order by received limit %s)"""
_RUNS = """
delete from messages.run r where coalesce(r.finished, r.started) < %s
  and not exists (select from messages.message m where m.run_id = r.id)"""


def sweep(connection: Rows, now: datetime) -> int:
    """Removes what is older, with its history and corrections, piece by piece; how many messages.

    connection: in autocommit, so that each piece is a transaction. What is still in the queue stays.
    """
    before, removed = now - RETENTION, 0
    while found := connection.execute(_MESSAGES, (before, _CHUNK)).rowcount:
        removed += found
    connection.execute(_RUNS, (before,))
    connection.execute("delete from messages.callback where received < %s", (before,))
    connection.execute("delete from messages.protocol_day where day < %s", (before.date(),))
    connection.execute("delete from messages.model_call where at < %s", (before,))
    connection.execute("delete from messages.model_use where day < %s", ((now - DAYS_OF_USE).date(),))
    return removed
