"""The CapabilityStatement as it is served; what it lists is walked in test_capability_walk."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from fhir_server.dispatch import Settings
from fhir_server.interactions.capabilities import statement
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.validation import validate


async def test_it_is_served_and_cached(shared_client: httpx2.AsyncClient) -> None:
    response = await shared_client.get("metadata")
    assert response.status_code == 200
    assert response.json()["resourceType"] == "CapabilityStatement"
    again = await shared_client.get("metadata", headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await shared_client.get("metadata", headers={"if-none-match": 'W/"x"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [("mode=full", 200), ("mode=normative", 200), ("mode=terminology", 404), ("mode=x", 400), ("nonsense=1", 400)],
)
async def test_modes(shared_client: httpx2.AsyncClient, query: str, status: int) -> None:
    assert (await shared_client.get(f"metadata?{query}")).status_code == status


async def test_a_summary_of_it(shared_client: httpx2.AsyncClient) -> None:
    body = (await shared_client.get("metadata?_elements=fhirVersion")).json()
    assert body["fhirVersion"] == "4.0.1"
    assert "rest" not in body


def test_it_is_valid() -> None:
    found = statement("http://example.org/fhir", Settings(), True, "1")
    assert [issue for issue in validate(found) if issue.severity == "error"] == []


@pytest.mark.parametrize(
    ("settings", "integrity", "element", "expected"),
    [
        (Settings(), True, "conditionalDelete", "single"),
        (Settings(conditional_delete_multiple=True), True, "conditionalDelete", "multiple"),
        (Settings(), True, "referencePolicy", ["literal", "logical", "enforced"]),
        (Settings(), False, "referencePolicy", ["literal", "logical"]),
    ],
)
def test_it_follows_the_settings(settings: Settings, integrity: bool, element: str, expected: Any) -> None:
    resources = statement("http://example.org/fhir", settings, integrity, "1")["rest"][0]["resource"]
    assert [resource["type"] for resource in resources] == list(RESOURCE_TYPES)
    assert all(resource[element] == expected for resource in resources)
