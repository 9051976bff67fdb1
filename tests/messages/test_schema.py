"""A migrated database has the tables that `schema.py` says."""

from __future__ import annotations

import sqlalchemy

from hub.migrate import sqlalchemy_url
from messages.schema import SCHEMA, metadata
from tests.schemas import differences


def test_migrations_lead_to_the_schema(database: str) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy_url(database), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        assert differences(connection, SCHEMA, metadata) == []
