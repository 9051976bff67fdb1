"""The table of words follows the record: once, whoever dies, and not for what is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from fhir_server.expunge import remove
from fhir_server.full_text import indexing
from fhir_server.full_text.due import SWITCHED_OFF, SWITCHED_ON
from fhir_server.full_text.indexing import LOCK, index_all, index_anew, index_some
from fhir_server.resource_types import TYPE_ID
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import World, patient
from tests.fhir_server.search.conftest import empty as empty


@pytest.fixture
def connection(database: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def switch(connection: Connection[Any], statement: str) -> int:
    connection.execute(statement.encode())
    return count(connection, "full_text_due")


def count(connection: Connection[Any], table: str) -> int:
    row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def found(connection: Connection[Any]) -> dict[str, tuple[int, str]]:
    rows = connection.execute(
        "select r.fhir_id, f.version, f.content::text from full_text f left join resource r using (rid)"
    ).fetchall()
    return {id: (version, words) for id, version, words in rows}


async def test_follows_writes_and_deletes(empty: World, connection: Connection[Any]) -> None:
    await empty.put(patient("ann", "Silva", None, "female"), patient("bob", "Souza", None, "male"))
    assert switch(connection, SWITCHED_ON.text) == 2
    assert switch(connection, SWITCHED_ON.text) == 2
    assert index_all(connection) == 2
    assert index_all(connection) == 0
    assert found(connection) == {
        "ann": (1, f"'#{TYPE_ID['Patient']}' 'female':3 'silva':1"),
        "bob": (1, f"'#{TYPE_ID['Patient']}' 'male':3 'souza':1"),
    }
    switch(connection, SWITCHED_OFF.text)
    await empty.put(patient("ann", "Santos", None, "female"))
    await empty.remove("Patient", "bob")
    assert switch(connection, SWITCHED_ON.text) == 2
    assert index_all(connection) == 2
    assert found(connection) == {"ann": (2, f"'#{TYPE_ID['Patient']}' 'female':3 'santos':1")}
    assert index_anew(connection, [TYPE_ID["Patient"]]) == 1


async def test_who_dies_leaves_what_is_due(
    empty: World, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await empty.put(*(patient(str(number), "Silva", None, "male") for number in range(5)))
    switch(connection, SWITCHED_ON.text)
    monkeypatch.setattr(indexing, "BATCH", 2)
    assert index_some(connection) == 2

    def dies(*row: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(indexing, "_row", dies)
        with pytest.raises(RuntimeError):
            index_all(connection)
    assert (count(connection, "full_text_due"), count(connection, "full_text")) == (3, 2)
    assert index_all(connection) == 3
    assert (count(connection, "full_text_due"), count(connection, "full_text")) == (0, 5)


async def test_one_at_a_time(empty: World, connection: Connection[Any], database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(f"select pg_advisory_lock({LOCK})".encode())
        assert index_all(connection) is None
        other.execute(f"select pg_advisory_unlock({LOCK})".encode())
    assert index_all(connection) == 0


async def test_what_is_expunged_while_it_is_indexed(
    empty: World, connection: Connection[Any], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await empty.put(patient("ann", "Silva", None, "female"))
    version = await empty.store.read(UNRESTRICTED, "Patient", "ann")
    assert version is not None
    switch(connection, SWITCHED_ON.text)
    read, go_on = threading.Event(), threading.Event()
    row = indexing._row

    def slow(*columns: Any) -> Any:
        read.set()
        assert go_on.wait(20)
        return row(*columns)

    monkeypatch.setattr(indexing, "_row", slow)
    worker = threading.Thread(target=index_some, args=(connection,))
    worker.start()
    assert read.wait(20)
    await empty.remove("Patient", "ann")
    async with empty.store.transaction(UNRESTRICTED) as unit:
        await remove(unit, [version.rid], integrity=True)
    go_on.set()
    worker.join()
    with psycopg.connect(database, autocommit=True) as other:
        assert count(other, "full_text") == 1
        assert index_all(other) == 1
        assert count(other, "full_text") == 0
