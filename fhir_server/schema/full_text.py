"""The words of resources, if full text is switched on: see `full_text/`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table
from sqlalchemy.dialects.postgresql import TSVECTOR

from fhir_server.schema.columns import key, metadata

full_text = Table(
    "full_text",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Of the resource when it was indexed; rows of another version than the current one are not searched.
    Column("version", Integer, nullable=False),
    Column("narrative", TSVECTOR),
    Column("content", TSVECTOR, nullable=False),
    Index("full_text_narrative", "narrative", postgresql_using="gin"),
    Index("full_text_content", "content", postgresql_using="gin"),
)
"""The words of each resource, if full text is switched on: see `full_text/`."""

full_text_due = Table(
    "full_text_due",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=True),
    key("rid"),
)
"""Resources that changed and are not in `full_text` as they are."""

full_text_state = Table("full_text_state", metadata, Column("complete", Boolean, nullable=False))
"""One row: whether all that changed is in `full_text_due`."""
