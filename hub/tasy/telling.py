"""How processes of the hub tell each other of messages, by NOTIFY: it is heard when the transaction has ended."""

from __future__ import annotations

from hub.ledger import Rows

ANSWERED, QUEUED = "message_answered", "message_queued"
"""Channels: "id reference" of what was answered; that there is something in the queue."""


def told(connection: Rows, id: int, reference: str) -> None:
    """A message was answered with a resource."""
    connection.execute("select pg_notify(%s, %s)", (ANSWERED, f"{id} {'/'.join(reference.split('/')[:2])}"))


def wake(connection: Rows) -> None:
    """There is something in the queue."""
    connection.execute(f"notify {QUEUED}")
