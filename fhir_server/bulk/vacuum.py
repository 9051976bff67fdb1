"""Vacuum and statistics of the tables that an import fills: once, when it is done. https://www.postgresql.org/docs/18/routine-vacuuming.html"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from fhir_server.index_tables import COLUMNS

ALONE_SECONDS = 60
"""For so long at most autovacuum is kept from the tables."""
_PATIENCE = "2s"
"""For so long the lock is waited for; whatever autovacuum is at work on meanwhile it gives up."""

_GROWING = ("resource", *COLUMNS)
_TABLES = """
select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
order by pg_table_size(oid) desc"""


def left_alone(conninfo: str) -> psycopg.Connection[Any]:
    """A connection that keeps autovacuum from the tables that grow, until it is closed or its time is over.

    Tables that begin small have grown by the share that calls for a visit each time it looks, later they seldom have.
    Reads and writes go on. Where another import keeps it away already, the connection does nothing.
    """
    connection = psycopg.connect(conninfo, application_name="hub-import")
    for name, value in (("lock_timeout", _PATIENCE), ("idle_in_transaction_session_timeout", f"{ALONE_SECONDS}s")):
        connection.execute("select set_config(%s, %s, false)", (name, value))
    connection.commit()
    tables = SQL(", ").join(map(Identifier, _GROWING))
    try:
        connection.execute(SQL("lock table {} in share update exclusive mode").format(tables))
    except psycopg.errors.LockNotAvailable:
        connection.rollback()
    return connection


def vacuum_all(conninfo: str, side_by_side: int) -> None:
    """Makes statistics and visibility maps of all tables fresh, the largest first."""

    def vacuum(table: str) -> None:
        with psycopg.connect(conninfo, autocommit=True, application_name="hub-import") as connection:
            connection.execute(SQL("vacuum (analyze) {}").format(Identifier(table)))

    with psycopg.connect(conninfo, autocommit=True, application_name="hub-import") as connection:
        tables = [table for (table,) in connection.execute(_TABLES).fetchall()]
    with ThreadPoolExecutor(side_by_side) as threads:
        list(threads.map(vacuum, tables))
