"""Parquet as readers see it: the same resources as NDJSON, byte for byte, and columns that say the same."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fhir_server.bulk import parquet
from fhir_server.bulk.parquet import JSON, ParquetFile, columns, table
from fhir_server.resource_types import RESOURCE_TYPES
from tests.fhir_server.bulk.conftest import Bulk

MEDIA = "application/vnd.apache.parquet"

EXACT = (
    b'{"resourceType":"Observation","id":"exact","meta":{"versionId":"1"},"status":"final","_status":{"id":"x"},'
    b'"contained":[{"resourceType":"Patient","id":"p"}],"extension":[{"url":"urn:x","valueString":"y"}],'
    b'"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}],"text":"Fr\xc3\xa9quence"},"subject":{"reference":"#p"},'
    b'"effectiveDateTime":"2024-05","valueQuantity":{"value":72.50,"unit":"/min"},'
    b'"referenceRange":[{"low":{"value":1.10},"high":{"value":1e3},"text":"z"}]}'
)


def rows(lines: list[bytes], resource_type: str = "Observation") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table(lines, columns(resource_type)).to_pylist()
    return found


def held(value: Any, column: Any) -> bool:
    """Whether a column says what JSON says, as far as there is a column for it."""
    if isinstance(column, dict):
        return all(held(value.get(name), inner) for name, inner in column.items() if name != JSON)
    if isinstance(column, list):
        return len(column) == len(value) and all(map(held, value, column))
    return bool(column == value) if column is not None else value is None or isinstance(value, dict | list)


def test_columns_say_what_the_resource_says() -> None:
    [row] = rows([EXACT])
    assert row[JSON].encode() == EXACT
    assert (row["id"], row["status"], row["effectiveDateTime"], row["code"]["text"]) == (
        "exact", "final", "2024-05", "Fréquence"
    )  # fmt: skip
    assert row["valueQuantity"]["value"] == 72.5
    assert row["referenceRange"][0]["high"]["value"] == 1000
    assert row["valueString"] is None
    assert held(json.loads(EXACT), row)


def test_every_type_can_be_written() -> None:
    """No empty group, which Parquet has not, and every file can be read again."""
    for name in RESOURCE_TYPES:
        line = b'{"resourceType":"%s","id":"x"}' % name.encode()
        sink = io.BytesIO()
        pq.write_table(table([line], columns(name)), sink)
        [row] = pq.read_table(io.BytesIO(sink.getvalue()), columns=[JSON, "id"]).to_pylist()
        assert row == {JSON: line.decode(), "id": "x"}


@pytest.mark.parametrize(
    "odd",
    [b'{"resourceType":"Observation","id":"odd","status":["final"]}', b'{"id":"odd","valueInteger":99999999999999}'],
)
def test_what_does_not_fit_keeps_its_json(odd: bytes) -> None:
    one, other = rows([EXACT, odd])
    assert one["status"] == "final"
    assert (other["id"], other["status"], other[JSON].encode()) == ("odd", None, odd)


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 10 * len(EXACT))
    file = ParquetFile(tmp_path / "x", "Observation")
    for _ in range(5):
        file.write([EXACT] * 7)
    file.close().close()
    read = pq.ParquetFile(tmp_path / "x")
    assert [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)] == [10, 10, 10, 5]
    assert read.schema_arrow.metadata[b"resourceType"] == b"Observation"


async def read(bulk: Bulk, item: dict[str, Any]) -> pa.Table:
    answer = await bulk.client.get(item["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA)
    found = pq.read_table(io.BytesIO(answer.content))
    assert found.num_rows == item["count"]
    return found


async def test_export_holds_the_same_as_ndjson(bulk: Bulk) -> None:
    answer = await bulk.client.put(
        "Observation/exact", content=EXACT, headers={"content-type": "application/fhir+json"}
    )
    assert answer.status_code == 201
    plain = {item["type"]: item for item in (await bulk.manifest("$export"))["output"]}
    for name in (MEDIA, "parquet"):
        manifest = await bulk.manifest(f"$export?_outputFormat={name}")
        assert {item["type"] for item in manifest["output"]} == set(plain)
        for item in manifest["output"]:
            assert item["url"].endswith(".parquet")
            found = await read(bulk, item)
            lines = (await bulk.client.get(plain[item["type"]]["url"])).content.splitlines()
            assert [line.encode() for line in found[JSON].to_pylist()] == lines
            for row, line in zip(found.to_pylist(), lines, strict=True):
                assert row["meta"]["versionId"] == "1"
                assert held(json.loads(line), row)


async def test_elements_and_deletions(bulk: Bulk) -> None:
    manifest = await bulk.manifest("$export?_outputFormat=parquet&_type=Patient&_elements=id,birthDate")
    [item] = manifest["output"]
    for row in (await read(bulk, item)).to_pylist():
        assert (row["birthDate"], row["gender"]) == ("1970-01-31", None)
    await bulk.client.delete("Observation/b1")
    manifest = await bulk.manifest("$export?_outputFormat=parquet&_since=2001-01-01T00:00:00Z")
    [deleted] = manifest["deleted"]  # told as Bundles, in NDJSON, as errors are
    assert (await bulk.lines(deleted))[0]["type"] == "transaction"
