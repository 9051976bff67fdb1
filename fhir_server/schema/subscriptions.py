"""Subscriptions: how far each is, what it has told, whose it is, and how websockets are bound to it."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from fhir_server.schema.columns import key, metadata

subscription_state = Table(
    "subscription_state",
    metadata,
    # Of the Subscription.
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Number of the last event.
    key("events"),
    # Hash of what the endpoint has agreed to; null until it has.
    key("settled", null=True),
)

subscription_event = Table(
    "subscription_event",
    metadata,
    key("subscription_rid"),
    key("number"),
    # Of what changed.
    key("rid"),
    # When that version came about.
    key("happened"),
    Column("version", Integer, nullable=False),
    Column("type_id", SmallInteger, nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("method", String(6), nullable=False),
    PrimaryKeyConstraint("subscription_rid", "number"),
    Index("subscription_event_waiting", "subscription_rid", "number", postgresql_where=text("not delivered")),
)
"""An event of a Subscription: a version that met it. Delivered ones are kept a while for $events."""

subscription_token = Table(
    "subscription_token",
    metadata,
    # SHA-256 of the token, which itself is kept by nobody but its client.
    Column("hash", LargeBinary, primary_key=True),
    key("expires"),
    # The Access of whoever asked for it, as JSON text.
    Column("access", Text, nullable=False),
    # Of the Subscriptions it binds to.
    Column("rids", ARRAY(BigInteger), nullable=False),
)
"""What a client binds a websocket with: `subscriptions/tokens.py`."""

subscription_owner = Table(
    "subscription_owner",
    metadata,
    # Of the Subscription.
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Grant, client and subject of the token that wrote it last, as revocations name them.
    Column("names", ARRAY(Text), nullable=False),
    key("since"),
    # One of them was revoked since.
    Column("ended", Boolean, nullable=False),
)
"""Whose Subscriptions are: see `subscriptions/owners.py`."""
