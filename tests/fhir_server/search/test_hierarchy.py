"""`:below` and `:above` of references that are part of their own kind, and of canonical URLs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fhir_server.outcome import Invalid
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import BASE, World


def place(id: str, within: str | None = None) -> dict[str, Any]:
    return {"resourceType": "Location", "id": id} | ({"partOf": {"reference": f"Location/{within}"}} if within else {})


def done(id: str, where: str) -> dict[str, Any]:
    return {
        "resourceType": "Procedure", "id": id, "status": "completed", "subject": {"reference": "Location/site"},
        "location": {"reference": f"Location/{where}"},
    }  # fmt: skip


def answers(id: str, questionnaire: str) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse", "id": id, "status": "completed", "questionnaire": questionnaire,
    }  # fmt: skip


RESOURCES = (
    place("site"), place("ward", "site"), place("room", "ward"), place("other"),
    place("egg"), place("hen", "egg"),
    done("p-site", "site"), done("p-ward", "ward"), done("p-room", "room"), done("p-other", "other"),
    done("p-hen", "hen"),
    answers("q", "http://q.org/a/b|1"), answers("q2", "http://q.org/a"),
)  # fmt: skip


@pytest.fixture
async def places(module_database: str) -> AsyncIterator[World]:
    store = ResourceStore(module_database, BASE)
    found = World(store)
    if await store.read(UNRESTRICTED, "QuestionnaireResponse", "q2") is None:
        await found.put(*RESOURCES)
        await found.put(place("egg", "hen"))  # A circle, which nothing forbids.
    yield found
    store.close()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Procedure?location:below=site", "p-room p-ward p-site"),
        ("Procedure?location:below=Location/ward", "p-room p-ward"),
        (f"Procedure?location:below={BASE}/Location/room", "p-room"),
        ("Procedure?location:below=nothing", ""),
        ("Procedure?location:below=ward,other", "p-other p-room p-ward"),
        ("Procedure?location:above=room", "p-room p-ward p-site"),
        ("Procedure?location:above=ward", "p-ward p-site"),
        ("Procedure?location:above=hen", "p-hen"),
        ("Procedure?location:below=egg", "p-hen"),
        ("Location?partof:below=site", "room ward"),
        ("Location?partof:above=ward", "room ward"),
        ("Procedure?location:below=site&status=completed&_sort=_id", "p-room p-site p-ward"),
        ("QuestionnaireResponse?questionnaire:below=http://q.org/a", "q2 q"),
        ("QuestionnaireResponse?questionnaire:above=http://q.org/a/b", "q2 q"),
    ],
)
async def test_finds(places: World, query: str, ids: str) -> None:
    assert await places.pages(f"{query}&_count=1") == ids.split()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("Procedure?location:below=Patient/1", "of Location"),
        ("Procedure?location:below=http://elsewhere.org/fhir/Location/1", "of this server"),
        ("Observation?device:below=1", "refers to none"),
    ],
)
async def test_refuses(places: World, query: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        await places.ids(query)
