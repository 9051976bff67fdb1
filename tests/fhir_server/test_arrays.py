"""Packed arrays mean to PostgreSQL what the lists meant."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import pq

from fhir_server.arrays import bytea_array, int2_array, int4_array, int8_array, text_array

CASES = [
    (int2_array, "smallint[]", [0, -1, 32767, -32768]),
    (int4_array, "integer[]", [0, -1, 2**31 - 1]),
    (int8_array, "bigint[]", [*range(300), -(2**63)]),
    (text_array, "text[]", ["", "ç", None, "a,b\"'\\"]),
    (bytea_array, "bytea[]", [b"", b"\0\xff", None]),
]


def test_every_kind(postgres: str) -> None:
    connection = pq.PGconn.connect(postgres.encode())
    for pack, kind, values in CASES:
        for row in (values, values[:1], []):
            packed = pack(row)
            answer = connection.exec_params(
                b"select array_to_json($1::%s)" % kind.encode(), [packed], None, [pq.Format.BINARY]
            )
            assert answer.status == pq.ExecStatus.TUPLES_OK, answer.error_message
            echo = connection.exec_params(
                b"select $1::%s" % kind.encode(), [packed], None, [pq.Format.BINARY], pq.Format.BINARY
            )
            if row:
                assert echo.get_value(0, 0) == packed
    connection.finish()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=400))
@settings(max_examples=30)
def test_length_is_as_declared(values: list[int]) -> None:
    assert len(int8_array(values)) == 20 + 12 * len(values)
