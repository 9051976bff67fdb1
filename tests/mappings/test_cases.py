"""Every case of a mapping: what it becomes is what was expected, and valid FHIR R4."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_server.validation import validate
from mappings import case, r4
from mappings.tasy.site import Site

CASES = case.sources(Path(__file__).parent / "cases")
CLINIC = Path(__file__).parent / "cases" / "provider" / "clinic.json"


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path) -> None:
    found = case.outcome(path.parent.name, path.read_bytes(), case.beside(path), Site())
    expected = path.with_suffix(".expected.json").read_text("utf-8")
    assert case.difference(expected, case.text(found.document())) == []
    for resource in found.result:
        if "resourceType" in resource:
            assert [issue for issue in validate(resource) if issue.severity == "error"] == []


def test_every_entity_has_a_case() -> None:
    assert {path.parent.name for path in CASES} == set(case.ENTITIES)


def test_a_difference_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "provider" / "changed.json"
    path.parent.mkdir()
    source = CLINIC.read_bytes()
    found = case.outcome(
        "provider", source.replace(b'"ie_situacao":"A"', b'"ie_situacao":"I"'), {"today": "2026-03-10"}, Site()
    )
    expected = CLINIC.with_suffix(".expected.json").read_text("utf-8")
    lines = case.difference(expected, case.text(found.document()))
    assert '-      "active": true,' in lines
    assert '+      "active": false,' in lines


def test_what_is_needed_beside_the_source_is_named() -> None:
    with pytest.raises(KeyError, match="today"):
        case.outcome("provider", b'{"nr_seq_prestador":1,"ie_tipo_pessoa":"J","ie_situacao":"A"}', {}, Site())


@pytest.mark.parametrize("entity", sorted(case.ENTITIES))
@pytest.mark.parametrize("source", [b"", b"[]", b"{}", b'"x"', b"\xff"])
def test_nonsense_is_told(entity: str, source: bytes) -> None:
    beside = {"today": "2026-03-10", "now": "2026-03-10T10:00:00", "reference": "Claim/1", "asked": {}, "patients": {}}
    found = case.outcome(entity, source, beside, Site())
    assert found.error
    assert found.error["reason"]


def test_expected_is_json_that_people_read() -> None:
    assert r4.parse(case.text({"result": [], "faults": []}).encode()) == {"result": [], "faults": []}
