"""Whether a migrated database has the tables that a room's `schema.py` says."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData


def differences(connection: Connection, schema: str, metadata: MetaData) -> Any:
    """What differs within a PostgreSQL schema; empty: nothing."""
    options = {
        "compare_type": True, "include_schemas": True, "version_table_schema": schema,
        "include_name": lambda name, kind, parents: kind != "schema" or name == schema,
    }  # fmt: skip
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
