"""Alembic's entry: runs revisions on the connection handed over in the configuration's attributes."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
connection.execute(text("create schema if not exists batch"))
context.configure(connection=connection, version_table_schema="batch")
with context.begin_transaction():
    context.run_migrations()
