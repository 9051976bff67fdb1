"""How many messages to persons have come how far."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Creates the table."""
    op.execute("""
        create table messages.tally (
            line text collate "C" not null,
            template text collate "C" not null,
            state text collate "C" not null,
            code text collate "C" not null,
            number bigint not null,
            primary key (line, template, state, code)
        ) with (fillfactor = 50)""")
