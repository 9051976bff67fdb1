"""A small record to search, and a way to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fhir_server.dispatch import Server
from fhir_server.exchange import FhirRequest
from fhir_server.interactions.search import search
from fhir_server.search import remembered
from fhir_server.store import Change, ResourceStore
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED

BASE = "http://fhir.example.org/fhir"


def forget() -> None:
    """Whatever is asked is made ready anew."""
    remembered._remembered.cache_clear()
    remembered._known.cache_clear()


class World:
    """A store with resources in it, searched as HTTP would."""

    def __init__(self, store: ResourceStore) -> None:
        self.store = store
        self.server = Server(store, BASE, lambda: 0)

    async def put(self, *resources: dict[str, Any]) -> None:
        """Creates or replaces resources, in order."""
        for resource in resources:
            previous = await self.store.read(UNRESTRICTED, resource["resourceType"], resource["id"])
            await self.store.write(Change(resource["resourceType"], resource["id"], "PUT", resource, previous))

    async def remove(self, resource_type: str, id: str) -> None:
        """Deletes a resource."""
        previous = await self.store.read(UNRESTRICTED, resource_type, id)
        await self.store.write(Change(resource_type, id, "DELETE", None, previous))

    async def bundle(self, url: str, **headers: str) -> dict[str, Any]:
        """The answer to GET of a URL, absolute or below the base."""
        parts = urlsplit(url.removeprefix(BASE).removeprefix("/"))
        path = tuple(part for part in parts.path.split("/") if part)
        request = FhirRequest("GET", path, parse_qsl(parts.query, keep_blank_values=True), headers, UNRESTRICTED)
        if len(path) == 3:
            answer = await search(self.server, request, None if path[2] == "*" else path[2], (path[0], path[1]))
        else:
            answer = await search(self.server, request, path[0] if path else None)
        assert answer.status == 200
        assert answer.body is not None
        bundle: dict[str, Any] = parse(answer.body)
        return bundle

    async def ids(self, url: str, mode: str = "match") -> list[str]:
        """Ids of the entries of one mode, in order."""
        entries = (await self.bundle(url)).get("entry", [])
        return [entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == mode]

    async def pages(self, url: str, between: Callable[[], Awaitable[None]] | None = None) -> list[str]:
        """Ids of the matches of all pages, following the links; `between` is awaited after each page."""
        found: list[str] = []
        following: str | None = url
        while following:
            bundle = await self.bundle(following)
            found += [e["resource"]["id"] for e in bundle.get("entry", []) if e["search"]["mode"] == "match"]
            following = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
            if between is not None:
                await between()
        return found


def coded(code: str, system: str = "http://codes") -> dict[str, Any]:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code, "display": f"The {code}"}]}


def patient(id: str, family: str, birth: str | None, gender: str, **more: Any) -> dict[str, Any]:
    """A patient."""
    born = {"birthDate": birth} if birth else {}
    return {"resourceType": "Patient", "id": id, "name": [{"family": family}], "gender": gender} | born | more


def observation(id: str, subject: str, code: str, when: str | None, value: str | None, **more: Any) -> dict[str, Any]:
    """An observation in kg."""
    found: dict[str, Any] = {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "category": [coded("vital-signs")],
        "code": coded(code),
        "subject": {"reference": subject},
    }
    if when:
        found["effectiveDateTime"] = when
    if value is not None:
        unit = {"unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
        found["valueQuantity"] = {"value": Decimal(value)} | unit
    return found | more


RESOURCES: tuple[dict[str, Any], ...] = (
    {"resourceType": "Organization", "id": "north", "name": "North", "active": True},
    {
        "resourceType": "Organization", "id": "ward", "name": "Ward", "partOf": {"reference": "Organization/north"},
    },
    {"resourceType": "Organization", "id": "bed", "name": "Bed", "partOf": {"reference": "Organization/ward"}},
    patient(
        "ann", "Silva", "1980-02-29", "female", managingOrganization={"reference": "Organization/bed"},
        identifier=[{"system": "http://ids", "value": "A-1"}],
        meta={"tag": [{"system": "http://tags", "code": "vip"}]},
    ),
    patient("bob", "Souza", "1990-01-01", "male", managingOrganization={"reference": "Organization/north"}),
    patient("cid", "Santos", None, "male", identifier=[{"system": "http://ids", "value": "C-3"}]),
    {
        "resourceType": "Encounter", "id": "stay", "status": "finished", "class": {"code": "IMP"},
        "subject": {"reference": "Patient/ann"}, "period": {"start": "2020-01-01", "end": "2020-03-01"},
    },
    {
        "resourceType": "Encounter", "id": "visit", "status": "finished", "class": {"code": "AMB"},
        "subject": {"reference": "Patient/bob"},
        "period": {"start": "2021-05-05T10:00:00Z", "end": "2021-05-05T11:00:00Z"},
    },
    observation("w1", "Patient/ann", "weight", "2020-01-10", "60", encounter={"reference": "Encounter/stay"}),
    observation("w2", "Patient/ann", "weight", "2020-02-10", "61.5", encounter={"reference": "Encounter/stay"}),
    observation("w3", "Patient/bob", "weight", "2021-05-05", "90", encounter={"reference": "Encounter/visit"}),
    observation("h1", "Patient/ann", "height", "2020-01-15", None),
    observation("h2", "Patient/cid", "height", None, None, performer=[{"reference": "Patient/ann"}], status="amended"),
    {
        "resourceType": "Provenance", "id": "pv", "target": [{"reference": "Observation/w1"}],
        "recorded": "2020-01-11T00:00:00Z", "agent": [{"who": {"reference": "Organization/north"}}],
    },
)  # fmt: skip


@pytest.fixture
async def empty(database: str) -> AsyncIterator[World]:
    """A record of this test alone."""
    store = ResourceStore(database, BASE)
    yield World(store)
    store.close()


@pytest.fixture
async def world(module_database: str) -> AsyncIterator[World]:
    """A record with RESOURCES, shared by the tests of a module, which only read."""
    store = ResourceStore(module_database, BASE)
    found = World(store)
    if await store.read(UNRESTRICTED, RESOURCES[-1]["resourceType"], RESOURCES[-1]["id"]) is None:
        await found.put(*RESOURCES)
    yield found
    store.close()
