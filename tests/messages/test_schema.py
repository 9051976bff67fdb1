"""A migrated database has the tables that `schema.py` says."""

from __future__ import annotations

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hub.migrate import sqlalchemy_url
from messages.schema import SCHEMA, metadata


def test_migrations_lead_to_the_schema(database: str) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy_url(database), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        options = {
            "compare_type": True, "include_schemas": True, "version_table_schema": SCHEMA,
            "include_name": lambda name, kind, parents: kind != "schema" or name == SCHEMA,
        }  # fmt: skip
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
