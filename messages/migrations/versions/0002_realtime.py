"""Events that Tasy told of, and how far incremental reading has come."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates both tables."""
    op.execute("""
        create table messages.callback (
            event text collate "C" primary key,
            subject text collate "C" not null,
            sequence bigint not null,
            received timestamptz not null
        )""")
    op.execute("create index callback_subject on messages.callback (subject, sequence)")
    op.execute("""
        create table messages.mark (
            name text collate "C" primary key,
            value text not null,
            at timestamptz not null
        )""")
