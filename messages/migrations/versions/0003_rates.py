"""Rates of flows are counted in an index alone."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A transition knows its flow."""
    op.execute("alter table messages.transition add column flow text")
    op.execute("""
        update messages.transition t set flow = m.flow from messages.message m where m.id = t.message_id""")
    op.execute("alter table messages.transition alter column flow set not null")
    op.execute("drop index messages.transition_at")
    op.execute("create index transition_at on messages.transition (at) include (flow, to_state)")
