from __future__ import annotations

from typing import Any

import pytest

from fhir_server.summary import apply

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "1",
    "meta": {"versionId": "1", "tag": [{"code": "vip"}]},
    "text": {"status": "generated", "div": "<div/>"},
    "status": "final",
    "code": {"text": "weight"},
    "valueQuantity": {"value": 1},
    "note": [{"text": "x"}],
    "effectiveDateTime": "2020",
    "_effectiveDateTime": {"extension": []},
}


@pytest.mark.parametrize(
    ("summary", "elements", "kept"),
    [
        ("true", None, "resourceType id meta status code valueQuantity effectiveDateTime _effectiveDateTime"),
        ("text", None, "resourceType id meta text status code"),
        ("data", None, "resourceType id meta status code valueQuantity note effectiveDateTime _effectiveDateTime"),
        (None, ["note"], "resourceType id meta status code note"),
        (None, ["value"], "resourceType id meta status code valueQuantity"),
        (None, ["Observation.note"], "resourceType id meta status code note"),
        (None, ["nonsense"], "resourceType id meta status code"),
    ],
)
def test_what_is_kept(summary: str | None, elements: list[str] | None, kept: str) -> None:
    cut = apply(OBSERVATION, summary, elements)
    assert sorted(cut) == sorted(kept.split())
    assert [tag["code"] for tag in cut["meta"]["tag"]] == ["vip", "SUBSETTED"]
    assert [tag["code"] for tag in OBSERVATION["meta"]["tag"]] == ["vip"]


@pytest.mark.parametrize("summary", [None, "false"])
def test_nothing_asked_for_is_the_whole(summary: str | None) -> None:
    assert apply(OBSERVATION, summary, None) is OBSERVATION
