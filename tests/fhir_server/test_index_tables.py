"""Index rows leave their tables by an index, never by reading a table."""

from __future__ import annotations

import psycopg
import pytest

from fhir_server.index_tables import _DELETE, COLUMNS
from fhir_server.store import _POINT


@pytest.mark.parametrize("table", COLUMNS)
def test_a_delete_finds_its_rows_by_an_index(module_database: str, table: str) -> None:
    with psycopg.connect(module_database, options=_POINT) as connection:
        connection.execute(f"prepare removal as {_DELETE[table]}")
        arguments = ", ".join(["'{1}'"] * len(COLUMNS[table]))
        plan = "\n".join(row[0] for row in connection.execute(f"explain execute removal({arguments})"))
    assert "Seq Scan" not in plan, plan
    assert "Index Cond" in plan, plan


def test_composite_rows_with_and_without_bounds_are_removed(module_database: str) -> None:
    columns = ", ".join(COLUMNS["composite"])
    with psycopg.connect(module_database) as connection:
        connection.execute(
            f"insert into composite ({columns}) values (1, 2, 3, 4, 5, 1.5, 2.5, null, null, 9),"
            " (1, 2, 3, 4, 5, null, null, null, null, 9), (1, 2, 3, 4, 5, 1.5, 2.5, null, null, 10)"
        )
        connection.execute("prepare removal as " + _DELETE["composite"])
        arrays = "'{1,1}', '{2,2}', '{3,3}', '{4,4}', '{5,5}', '{1.5,null}', '{2.5,null}', '{null,null}', '{null,null}'"
        connection.execute(f"execute removal({arrays}, '{{9,9}}')")
        assert connection.execute("select rid from composite").fetchall() == [(10,)]
