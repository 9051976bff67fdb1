"""Messages of members that have had no turn of their conversation yet: noted with their event, gone with their turn.

The care services' contract, section 3. A row is a reference; what was written stands in the record alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from messages.store import Rows

CHANNEL = "unanswered"
"""Of PostgreSQL's NOTIFY: there are new rows."""
_NOTE = """
insert into messages.unanswered (sequence, reference, since)
select * from unnest(%s::bigint[], %s::text[], %s::bigint[]) on conflict do nothing"""


class Unanswered(NamedTuple):
    """A message."""

    sequence: int
    """Of its event: later messages have higher ones."""
    reference: str
    """`Communication/7/_history/1`"""
    since: int
    """When it left the outbox, in microseconds since 1970 UTC."""

    @property
    def id(self) -> str:
        """Of the Communication."""
        return self.reference.split("/")[1]


def note(connection: Rows, messages: Sequence[Unanswered]) -> None:
    """Each is to have a turn; once, however often it is noted."""
    if not messages:
        return
    connection.execute(_NOTE, [list(column) for column in zip(*messages, strict=True)])
    connection.execute(f"notify {CHANNEL}".encode())


def answered(connection: Rows, sequences: Collection[int]) -> None:
    """They have had it."""
    connection.execute("delete from messages.unanswered where sequence = any(%s)", [list(sequences)])
