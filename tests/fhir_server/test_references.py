"""References are found in what is stored, and those to this server told from others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.references import local_reference, references_of
from mappings.r4 import Json, serialize

BASE = "http://fhir.example.org/fhir"


def members(value: Json) -> list[str]:
    """Every text under the name "reference", found the slow way."""
    if isinstance(value, list):
        return [text for item in value for text in members(item)]
    if not isinstance(value, dict):
        return []
    own = [value["reference"]] if isinstance(value.get("reference"), str) else []
    return own + [text for member in value.values() for text in members(member)]


_TEXTS = st.text(st.sampled_from('ab"\\:{}/é\n😀 ') | st.characters(codec="utf-8")) | st.sampled_from(
    ['"reference":"', 'reference":"x', '\\"reference\\":\\"', '"', "\\", "Patient/1"]
)
_NAMES = st.sampled_from(["reference", "display", '"reference"', "a"])
_VALUES = st.recursive(
    _TEXTS | st.none() | st.integers(0, 9), lambda below: st.lists(below, max_size=3) | st.dictionaries(_NAMES, below)
)


@given(st.dictionaries(_NAMES, _VALUES))
def test_references_are_found_in_the_bytes_as_in_the_tree(resource: dict[str, Any]) -> None:
    assert sorted(references_of(serialize(resource))) == sorted(members(resource))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/1", ("Patient", "1")),
        (f"{BASE}/Patient/1", ("Patient", "1")),
        ("Patient/1/_history/2", ("Patient", "1")),
        ("http://elsewhere.example.org/fhir/Patient/1", None),
        (f"{BASE}x/Patient/1", None),
        ("#contained", None),
        ("Nonsense/1", None),
        ("Patient/", None),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", None),
    ],
)
def test_local_references(reference: str, expected: tuple[str, str] | None) -> None:
    assert local_reference(reference, BASE) == expected
