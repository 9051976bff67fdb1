"""Calls of the language model, and how many each day and member had."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Creates the tables."""
    op.execute("""
        create table messages.model_use (
            day date not null,
            member text collate "C" not null,
            calls integer not null,
            primary key (day, member)
        )""")
    op.execute("""
        create table messages.model_call (
            id bigint generated always as identity primary key,
            at timestamptz not null,
            purpose text not null,
            model text not null,
            prompt text not null,
            outcome text not null,
            input integer not null,
            cached integer not null,
            output integer not null,
            milliseconds integer not null,
            accepted integer not null,
            dropped integer not null,
            prices date
        )""")
    op.execute("create index model_call_at on messages.model_call (at)")
