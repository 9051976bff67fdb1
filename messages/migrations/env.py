"""Alembic's entry: runs revisions on the connection handed over in the configuration's attributes."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from messages.schema import SCHEMA, metadata

connection = context.config.attributes["connection"]
connection.execute(text(f"create schema if not exists {SCHEMA}"))
context.configure(connection=connection, target_metadata=metadata, version_table_schema=SCHEMA)
with context.begin_transaction():
    context.run_migrations()
