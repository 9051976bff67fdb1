"""The record: versions, search tables, outbox, and the checks that end a write."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

from fhir_server.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates everything."""
    metadata.create_all(op.get_bind())
    op.execute("create sequence rid_block")
    op.execute((files("fhir_server.migrations") / "functions.sql").read_text())
