"""Events on their way to care services: see `events/`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, SmallInteger, String, Table, Text

from fhir_server.schema.columns import key, metadata

event = Table(
    "event",
    metadata,
    # Of its row in the outbox.
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    key("rid"),
    # When it left the outbox.
    key("since"),
    Column("version", Integer, nullable=False),
    Column("type_id", SmallInteger, nullable=False),
    Column("interaction", String(6), nullable=False),
)
"""A version that somebody listens to, until it is with the broker or in `event_delivery`."""

event_delivery = Table(
    "event_delivery",
    metadata,
    Column("service", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    key("since"),
    # When it is tried next.
    key("due"),
    Column("attempts", SmallInteger, nullable=False),
    Column("interaction", String(6), nullable=False),
    Column("reference", Text, nullable=False),
    # What it must not overtake another of: the Patient, or the resource itself.
    Column("order_key", Text, nullable=False),
    # Why it was not done the last time: never a value.
    Column("fault", Text),
    PrimaryKeyConstraint("service", "sequence"),
    Index("event_delivery_order", "service", "order_key", "sequence"),
    Index("event_delivery_due", "sequence"),
)
"""An event that a service has not done with: all of them where there is no broker, else those that failed."""

event_done = Table(
    "event_done",
    metadata,
    Column("service", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    key("at"),
    PrimaryKeyConstraint("service", "sequence"),
    Index("event_done_at", "at"),
)
"""The ledger: an event is done with, or a dead letter. Committed with the effect, so that it has it once."""

event_count = Table(
    "event_count",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""How many were published, redelivered, dead, since ever."""
