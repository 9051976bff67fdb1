"""A migrated database has the tables that `schema/` says."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fhir_server.schema import metadata
from hub.migrate import MIGRATIONS, newest, sqlalchemy_url, up_to_date, upgrade


@pytest.mark.parametrize("migrations", MIGRATIONS)
def test_the_newest_by_its_files_is_the_newest_by_alembic(migrations: str) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", migrations)
    assert newest(migrations) == ScriptDirectory.from_config(configuration).get_current_head()


@pytest.mark.parametrize("table", MIGRATIONS.values())
def test_what_lacks_a_migration_is_not_up_to_date(database: str, table: str) -> None:
    assert up_to_date(database)
    with psycopg.connect(database) as connection:
        connection.execute(f"delete from {table}")
    assert not up_to_date(database)


def test_what_has_no_table_is_not_up_to_date(bare_database: str) -> None:
    assert not up_to_date(bare_database)
    upgrade(bare_database)
    assert up_to_date(bare_database)


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
