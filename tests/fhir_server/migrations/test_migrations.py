"""A migrated database has the tables that `schema/` says."""

from __future__ import annotations

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fhir_server.schema import metadata
from hub.migrate import sqlalchemy_url, upgrade


def test_migrations_lead_to_the_schema(database: str) -> None:
    upgrade(database)  # once more changes nothing
    engine = sqlalchemy.create_engine(sqlalchemy_url(database))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = sqlalchemy.inspect(connection)
        for table in metadata.sorted_tables:
            indexes = {
                index["name"]: [
                    *(name for name in index["column_names"] if name),  # None stands for an expression
                    *index["dialect_options"].get("postgresql_include", []),
                ]
                for index in made.get_indexes(table.name)
            }
            for index in table.indexes:
                include = list(index.dialect_options["postgresql"]["include"] or [])
                assert indexes[index.name] == [*index.columns.keys(), *include], index.name
    engine.dispose()
