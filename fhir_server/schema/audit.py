"""The audit trail: see `audit/`."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, SmallInteger, Table

from fhir_server.schema.columns import key, metadata

audit_intake = Table(
    "audit_intake",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=True),
    # Of the events of one commit: see `audit/rows.py`.
    Column("lines", LargeBinary, nullable=False),
    Column("events", Integer, nullable=False, server_default="1"),
    Column("rids", ARRAY(BigInteger)),
    Column("places", ARRAY(BigInteger)),
)
"""Events of the audit trail as they come in, until they are sealed."""

audit_batch = Table(
    "audit_batch",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # Number of its first event.
    Column("first", BigInteger, nullable=False, unique=True),
    key("events"),
    key("first_at"),
    key("last_at"),
    # The tags before its first and of its last event.
    Column("left_tag", LargeBinary, nullable=False),
    Column("right_tag", LargeBinary, nullable=False),
    Column("tags", LargeBinary, nullable=False),
    # Compressed.
    Column("lines", LargeBinary, nullable=False),
    Index("audit_batch_time", "last_at"),
)
"""The audit trail; a trigger lets nothing but additions through."""

audit_key = Table(
    "audit_key",
    metadata,
    # `audit/sealing.py` has the kinds.
    Column("kind", SmallInteger, nullable=False),
    key("key"),
    key("batch"),
    PrimaryKeyConstraint("kind", "key", "batch"),
)
"""Whom the events of a batch concern, and who acted."""
