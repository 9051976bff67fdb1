"""_summary and _elements on one resource."""

from __future__ import annotations

import orjson
import pytest

from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Invalid
from fhir_server.shape import shaped
from smart_auth.scopes import UNRESTRICTED

BODY = b'{"resourceType":"Patient","id":"1","meta":{"versionId":"1"},"active":true,"photo":[{"title":"x"}]}'


def part(query: list[tuple[str, str]]) -> bytes:
    return shaped(FhirRequest("GET", ("Patient", "1"), query, {}, UNRESTRICTED), BODY)


@pytest.mark.parametrize("query", [[], [("_summary", "false")], [("_elements", "")], [("_pretty", "true")]])
def test_all_of_it_is_the_very_bytes(query: list[tuple[str, str]]) -> None:
    assert part(query) is BODY


@pytest.mark.parametrize(
    ("query", "kept"), [(("_summary", "true"), "active"), (("_elements", "photo"), "photo"), (("_summary", "text"), "")]
)
def test_a_part(query: tuple[str, str], kept: str) -> None:
    assert set(orjson.loads(part([query]))) - {"resourceType", "id", "meta"} == ({kept} if kept else set())


@pytest.mark.parametrize(
    "query",
    [[("_summary", "count")], [("_summary", "x")], [("_summary", "true"), ("_elements", "active")], [("name", "x")]],
)
def test_refusals(query: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid):
        part(query)
