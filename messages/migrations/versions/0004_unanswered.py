"""Messages of members that have had no turn yet."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Creates the table."""
    op.execute("""
        create table messages.unanswered (
            sequence bigint primary key,
            reference text collate "C" not null,
            since bigint not null
        )""")
