"""Every operation that reads shows only what the access may see; here two resources are hidden from it.

They are hidden by conditions of scopes, which open current versions alone: of two Practitioners old ones are seen too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from fhir_server.dispatch import Settings
from fhir_server.exchange import FhirRequest
from hub.authorization import known
from mappings.r4 import serialize
from smart_auth.scopes import Access, parse
from tests.fhir_server.conftest import serving

FHIR = {"content-type": "application/fhir+json"}
TAG = {"system": "urn:s", "code": "secret"}
ANA = {"reference": "Patient/ana"}
CODE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "ana"},
    {"resourceType": "Patient", "id": "hidden"},
    {"resourceType": "Practitioner", "id": "known-by-hidden"},
    {"resourceType": "Practitioner", "id": "known"},
    {"resourceType": "Observation", "id": "old", "status": "final", "code": CODE, "subject": ANA,
     "effectiveDateTime": "2020-01-01", "performer": [{"reference": "Practitioner/known"}]},
    {"resourceType": "Observation", "id": "hidden", "status": "final", "code": CODE, "subject": ANA,
     "effectiveDateTime": "2020-01-02", "performer": [{"reference": "Practitioner/known-by-hidden"}],
     "meta": {"tag": [TAG], "profile": ["http://example.org/secret"]}},
    {"resourceType": "Observation", "id": "of-hidden", "status": "final", "code": CODE,
     "subject": {"reference": "Patient/hidden"}},
]  # fmt: skip


SEEN = parse("system/Patient.cruds?_id=ana system/Observation.cruds?_id=old,of-hidden system/Practitioner.cruds", known)


async def access(request: FhirRequest) -> Access:
    """One that sees nothing with the id "hidden"."""
    return Access("somebody", unrestricted=False, expunge=True, scopes=SEEN.resources)


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(database) as client:
        for one in RESOURCES:
            answer = await client.put(f"{one['resourceType']}/{one['id']}", content=serialize(one), headers=FHIR)
            assert answer.status_code == 201, answer.text
            again = {**one, "language": "pt"}
            await client.put(f"{one['resourceType']}/{one['id']}", content=serialize(again), headers=FHIR)
    async with serving(database, Settings(expunge=True), access=access) as client:
        yield client


async def shown(client: httpx2.AsyncClient, url: str) -> set[str]:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    return {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in answer.json().get("entry", ())}


async def test_everything(client: httpx2.AsyncClient) -> None:
    expected = {"Patient/ana", "Observation/old", "Practitioner/known"}
    assert await shown(client, "Patient/ana/$everything") == expected
    assert await shown(client, "Patient/ana/$everything?_since=2000") == expected
    assert await shown(client, "Patient/$everything") == expected
    assert (await client.get("Patient/hidden/$everything")).status_code == 404


async def test_lastn(client: httpx2.AsyncClient) -> None:
    assert await shown(client, "Observation/$lastn?patient=ana") == {"Observation/old"}


async def test_meta(client: httpx2.AsyncClient) -> None:
    for path in ("$meta", "Observation/$meta"):
        assert "secret" not in (await client.get(path)).text
    assert (await client.get("Observation/hidden/$meta")).status_code == 404


async def test_expunge(client: httpx2.AsyncClient) -> None:
    parameter = [
        {"name": name, "valueBoolean": True} for name in ("expungePreviousVersions", "expungeDeletedResources")
    ]
    body = {"resourceType": "Parameters", "parameter": parameter}
    answer = (await client.post("$expunge", json=body, headers=FHIR)).json()
    assert [one["valueInteger"] for one in answer["parameter"]] == [0, 2]
    assert (await client.post("Observation/hidden/$expunge", json=body, headers=FHIR)).status_code == 404
