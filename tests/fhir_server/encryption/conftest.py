"""A database whose identifiers of two systems are encrypted, and all that a thief of it could read."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator

import httpx2
import psycopg
import pytest
import zstandard

from fhir_server.compression import _own
from fhir_server.encryption import bodies, keys
from fhir_server.encryption.keys import CannotOpen
from fhir_server.search.rows import hash64
from tests.fhir_server.conftest import serving

CPF = "http://rnds.saude.gov.br/fhir/r4/NamingSystem/cpf"
CNS = "http://rnds.saude.gov.br/fhir/r4/NamingSystem/cns"


@pytest.fixture
def wrapping() -> bytes:
    """A key of this test alone."""
    return secrets.token_bytes(32)


@pytest.fixture
def given(database: str, wrapping: bytes) -> Iterator[keys.Given]:
    """Encryption is on in this process and the database."""
    found = keys.Given(database, (wrapping,), frozenset((CPF, CNS)))
    keys.begin(found)
    with psycopg.connect(database, autocommit=True) as connection:
        keys.establish(connection)
    yield found
    keys.begin(None)


@pytest.fixture
async def encrypting(given: keys.Given) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server that encrypts."""
    async with serving(given.conninfo) as client:
        yield client


def stolen(database: str) -> Iterator[tuple[str, bytes]]:
    """Table and text of every value in the database: as it stands, and unpacked wherever it is packed."""
    with psycopg.connect(database, autocommit=True) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f"select x::text from {table} x").fetchall():
                yield table, row.encode()
            columns = connection.execute(
                "select attname from pg_attribute where attrelid = %s::regclass and atttypid = 'bytea'::regtype"
                " and attnum > 0 and not attisdropped", [table],
            ).fetchall()  # fmt: skip
            for (column,) in columns:
                for (raw,) in connection.execute(f"select {column} from {table} where {column} is not null"):
                    yield table, raw
                    yield table, unpacked(raw)


def unpacked(raw: bytes) -> bytes:
    """What anybody can make of stored bytes without a key."""
    with contextlib.suppress(CannotOpen):  # random bytes, a key or a hash, may begin as a body does
        if raw[:1] == bodies.MARK:
            raw = bodies.parts(raw)[2]
    try:
        return _own().decompress(raw)
    except zstandard.ZstdError:
        return raw


def traces(database: str, *values: str) -> list[str]:
    """Tables in which a value stands, or a hash of it that anybody can make."""
    known = [form.encode() for value in values for form in (value, value.encode().hex())]
    known += [str(hash64(value)).encode() for value in values]
    return sorted({table for table, text in stolen(database) if any(one in text for one in known)})
