"""A migrated database has the tables that `schema.py` says."""

from __future__ import annotations

from sqlalchemy import Engine

from smart_auth.schema import SCHEMA, metadata
from tests.schemas import differences


def test_migrations_lead_to_the_schema(tables: Engine) -> None:
    with tables.connect() as connection:
        assert differences(connection, SCHEMA, metadata) == []
