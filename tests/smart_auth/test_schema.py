"""A migrated database has the tables that `schema.py` says."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from smart_auth.schema import SCHEMA, metadata


def test_migrations_lead_to_the_schema(tables: Engine) -> None:
    with tables.connect() as connection:
        options = {
            "compare_type": True, "include_schemas": True, "version_table_schema": SCHEMA,
            "include_name": lambda name, kind, parents: kind != "schema" or name == SCHEMA,
        }  # fmt: skip
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
