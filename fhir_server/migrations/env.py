"""Alembic's entry: runs revisions on the connection handed over in the configuration's attributes."""

from __future__ import annotations

from alembic import context

from fhir_server.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
