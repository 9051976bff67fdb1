"""How far incremental reading has come: a mark for each flow, moved on once what came before it is in the record."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.ledger import Ledger, now

OVERLAP = timedelta(minutes=10)
"""Read again each time: what Tasy committed late. Repeats change nothing. Contract, section 1."""


async def since(ledger: Ledger, name: str) -> str | None:
    """From when to read on, in Tasy's local time; None: from the beginning."""
    row = await ledger(
        lambda connection: connection.execute("select value from messages.mark where name = %s", (name,)).fetchone()
    )
    return None if row is None else (datetime.fromisoformat(row[0]) - OVERLAP).isoformat()


async def reached(ledger: Ledger, name: str, value: str) -> None:
    """Everything up to this local time, which Tasy said, is in the record."""
    await ledger(
        lambda connection: connection.execute(
            "insert into messages.mark as m (name, value, at) values (%s, %s, %s) on conflict (name)"
            " do update set value = excluded.value, at = excluded.at", (name, value, now()),
        )
    )  # fmt: skip
