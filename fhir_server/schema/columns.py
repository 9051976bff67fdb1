"""What the tables share: their metadata, and columns that many have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, Text

metadata = MetaData()

TEXT_C = Text(collation="C")


def key(name: str, *, null: bool = False) -> Column[int]:
    """A rid, a hash, a number or an instant."""
    return Column(name, BigInteger, nullable=null)
