"""The people of the scale runs: each time others, who refer to each other and to nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.population import written

BUNDLE = {
    "resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:b541fe39-8ec3-4f50-ac3c-9109374a1609", "resource": {
            "resourceType": "Patient", "id": "b541fe39-8ec3-4f50-ac3c-9109374a1609", "birthDate": "1980-02-29",
            "identifier": [{"system": "http://ids", "value": "1"}], "name": [{"family": "Ázure", "given": ["Zoë"]}]}},
        {"fullUrl": "urn:uuid:00000000-8ec3-4f50-ac3c-9109374a1609", "resource": {
            "resourceType": "Observation", "id": "00000000-8ec3-4f50-ac3c-9109374a1609",
            "subject": {"reference": "urn:uuid:b541fe39-8ec3-4f50-ac3c-9109374a1609"}}},
    ],
}  # fmt: skip


def read(folder: Path, source: Path, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    files = written([source], folder / str(number), number)
    assert [path.name for path in files] == ["Observation.ndjson", "Patient.ndjson"]
    observation, patient = (json.loads(path.read_bytes()) for path in files)
    assert observation["subject"] == {"reference": f"Patient/{patient['id']}"}
    return patient, observation


def test_others_have_other_names_years_and_identifiers(tmp_path: Path) -> None:
    source = tmp_path / "bundle.json"
    source.write_text(json.dumps(BUNDLE))
    (first, one), (second, other) = (read(tmp_path, source, number) for number in (0, 1))
    assert (first["birthDate"], first["identifier"][0]["value"]) == ("1980-02-29", "1")
    assert first["name"] == [{"family": "Ázure", "given": ["Zoë"]}]
    assert (second["birthDate"], second["identifier"][0]["value"]) == ("1979-02-28", "1-1")
    assert second["name"] == [{"family": "Ágbyl", "given": ["Gvë"]}]
    assert len({first["id"], one["id"], second["id"], other["id"]}) == 4
