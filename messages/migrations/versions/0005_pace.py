"""How fast partners are sent to, shared by all processes."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Creates the table."""
    op.execute("""
        create table messages.pace (
            key text collate "C" primary key,
            until timestamptz not null
        ) with (fillfactor = 50)""")
