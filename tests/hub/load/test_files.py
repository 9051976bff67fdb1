"""Files -> units: formats, packing, order, lines."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.load.files import CHUNK, Refused, UnreadableFile, entry_lines, find, units

PATIENT = {"resourceType": "Patient", "id": "a"}
TRANSACTION = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [{"resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}}],
}


def bundles(path: Path, refused: list[Refused] | None = None) -> list[dict[str, Any]]:
    sink = [] if refused is None else refused
    return [json.loads(unit.body(unit.kind)) for unit in units(path, sink.append)]


@pytest.mark.parametrize(
    ("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_packed_files(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"bundle.json{suffix}"
    path.write_bytes(pack(json.dumps(TRANSACTION).encode()))
    [bundle] = bundles(path)
    assert bundle == TRANSACTION


def test_a_transaction_goes_out_byte_for_byte(tmp_path: Path) -> None:
    raw = json.dumps(TRANSACTION, indent=3).encode()
    (tmp_path / "b.json").write_bytes(raw)
    [unit] = units(tmp_path / "b.json", print)
    assert unit.body("transaction") == raw
    assert unit.whole


def test_ndjson_in_chunks_keeps_digits_and_reports_bad_lines(tmp_path: Path) -> None:
    lines = [f'{{"resourceType": "Basic", "id": "{n}", "x": 1.10}}' for n in range(CHUNK + 1)]
    lines[1:1] = ["", "{nonsense", "[1]", '{"resourceType": "A", "resourceType": "B"}']
    (tmp_path / "Basic.ndjson").write_text("\n".join(lines))
    refused: list[Refused] = []
    found = list(units(tmp_path / "Basic.ndjson", refused.append))
    assert [len(unit.entries) for unit in found] == [CHUNK, 1]
    assert [fault.line for fault in refused] == [3, 4, 5]
    assert found[0].lines is not None
    assert list(found[0].lines[:2]) == [1, 6]
    assert b'"x":1.10' in found[0].body("batch", [0])
    assert found[0].entries[0]["request"] == {"method": "PUT", "url": "Basic/0"}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"resource": PATIENT}, {"method": "PUT", "url": "Patient/a"}),
        ({"resource": {"resourceType": "Patient"}}, {"method": "POST", "url": "Patient"}),
        ({"fullUrl": "urn:uuid:1", "resource": PATIENT}, {"method": "POST", "url": "Patient"}),
        ({"fullUrl": "http://x/Patient/a", "resource": PATIENT}, {"method": "PUT", "url": "Patient/a"}),
    ],
)
def test_entry_of_a_collection(tmp_path: Path, entry: dict[str, Any], expected: dict[str, str]) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [entry, {}]}))
    [bundle] = bundles(tmp_path / "c.json")
    assert [e["request"] for e in bundle["entry"]] == [expected]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{"), ("a.json", b"[]"), ("a.json", b'{"a": 1}'), ("a.json.gz", b"no gzip"), ("a.json.xz", b"no xz"),
     ("a.json.bz2", b"no bzip"), ("a.json.gz", gzip.compress(b"{}" * 99, mtime=0)[:-9]), ("a.json", b"\xff")],
)  # fmt: skip
def test_unreadable(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile):
        bundles(tmp_path / name)


def test_find_orders_by_what_refers_to_what(tmp_path: Path) -> None:
    names = ["Observation.ndjson", "Patient.000.ndjson.gz", "practitionerInformation1.json", "x.json.bz2",
             "sub/hospitalInformation1.json", "Organization.ndjson", "notes.txt", "NOTICE"]  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [[path.name for path in group] for group in find([tmp_path, tmp_path / "x.json.bz2"])]
    assert found == [["hospitalInformation1.json"], ["practitionerInformation1.json"], ["x.json.bz2"],
                     ["Organization.ndjson"], ["Patient.000.ndjson.gz"], ["Observation.ndjson"]]  # fmt: skip


def test_folders_in_the_order_named_and_files_together(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/1.json", "a/1.json", "c.json", "d.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    paths = [tmp_path / name for name in ("b", "a", "d.json", "c.json")]
    found = [[str(path.relative_to(tmp_path)) for path in group] for group in find(paths)]
    assert found == [["b/1.json", "b/2.json"], ["a/1.json"], ["c.json", "d.json"]]


@pytest.mark.parametrize("name", ["missing.json", "notes.txt"])
def test_find_refuses_what_is_named_and_cannot_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UnreadableFile, match=name):
        find([tmp_path / name])


def test_lines_of_entries(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(
        '\ufeff{"type": "batch",\n "meta": {"entry": [1]},\n "entry": [\n  {"a": 1},\n\n  {"b":\n [2]}, {}]\n}',
        encoding="utf-8",
    )
    assert entry_lines(tmp_path / "b.json") == [4, 6, 7]
