"""The record: versions of resources, and what is noted of each with it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    text,
)

from fhir_server.schema.columns import TEXT_C, key, metadata

resource = Table(
    "resource",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    Column("type_id", SmallInteger, nullable=False),
    # Which search parameters it has values of; 1: not known. See search/presence.py.
    Column("parameter_set", SmallInteger, nullable=False, server_default="1"),
    # 0 is a placeholder: something refers to it, nobody has created it.
    Column("version", Integer, nullable=False),
    Column("last_updated", BigInteger, nullable=False),
    Column("fhir_id", TEXT_C, nullable=False),
    Column("method", String(6), nullable=False),
    # Bytes exactly as sent; null when deleted.
    Column("body", LargeBinary),
    Index("resource_id", "type_id", "fhir_id", unique=True),
    # Without rid: what one transaction wrote shares its instant, and then one index tuple.
    Index("resource_updated", "type_id", "last_updated"),
    Index("resource_changes", "last_updated"),
    Index("resource_live", "type_id", "rid", postgresql_where=text("body is not null")),
    # What has, or lacks, a parameter. By 256 rids at a time, so that entries share index tuples.
    Index(
        "resource_parameter_set",
        "type_id",
        "parameter_set",
        text("((rid >> 8)::integer)"),
        postgresql_where=text("body is not null"),
    ),
)
"""The current version of every resource. rid never changes, also not through delete and recreation."""

resource_version = Table(
    "resource_version",
    metadata,
    key("rid"),
    Column("type_id", SmallInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_updated", BigInteger, nullable=False),
    Column("method", String(6), nullable=False),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("rid", "version"),
    Index("resource_version_updated", "type_id", "last_updated"),
    Index("resource_version_changes", "last_updated"),
)
"""Previous versions; the current one stands in `resource` only."""

moved = Table(
    "moved",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
"""The version since which a resource is in the compartments of the patients that it is in now, if not since its first.

Versions before may have been other patients': see `access/predicate.py`.
"""

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=True),
    key("rid"),
    Column("version", Integer, nullable=False),
    Column("type_id", SmallInteger, nullable=False),
    Column("method", String(6), nullable=False),
)
"""One row per version, written with it; whoever announces changes deletes it."""

outbox_passed = Table(
    "outbox_passed",
    metadata,
    Column("type_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("versions", BigInteger, nullable=False),
    prefixes=["UNLOGGED"],
)
"""How many versions of each type have left the outbox, from some number on; see `search/totals.py` for two rows more.

Unlogged: a crash, which may undo the last commits, empties it, and what was known by its numbers is known no more.
"""
