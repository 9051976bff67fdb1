"""`_text` and `_content`: what they find, with what they go together, what they say of what is not indexed yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fhir_server.full_text.due import SWITCHED_ON
from fhir_server.full_text.indexing import index_all
from fhir_server.interactions.capabilities import statement
from fhir_server.outcome import Invalid
from fhir_server.search.match import matches
from fhir_server.store import ResourceStore
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.search.conftest import BASE, World, observation, patient


def shown(text: str) -> dict[str, Any]:
    return {"text": {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}}


RESOURCES = (
    patient("ann", "Silva", "1980-02-29", "female", **shown("<p>Coração <b>partido</b></p>")),
    patient("bob", "Souza", None, "male", **shown("bone metastases")),
    patient("cid", "Santos", None, "male", **shown("liver metastases")),
    observation("o1", "Patient/ann", "weight", "2020-01-01", "60", note=[{"text": "heart beats fast"}]),
    observation("o2", "Patient/ann", "weight", "2020-01-02", "61", note=[{"text": "fast heart"}, {"text": "beats"}]),
    observation("o3", "Patient/bob", "height", "2020-01-03", None, note=[{"text": "metastases"}], status="amended"),
)


def index(database: str, *, relayed: bool = True) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update full_text_state set complete = false")
        connection.execute(SWITCHED_ON.text.encode())
        index_all(connection)
        if relayed:
            connection.execute("delete from outbox")


def switched_on(store: ResourceStore) -> World:
    world = World(store)
    world.server = replace(world.server, settings=replace(world.server.settings, full_text=True))
    return world


@pytest.fixture
async def told(module_database: str) -> AsyncIterator[World]:
    store = ResourceStore(module_database, BASE)
    world = switched_on(store)
    if await store.read(UNRESTRICTED, "Observation", "o3") is None:
        await world.put(*RESOURCES)
        index(module_database)
    yield world
    store.close()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Patient?_text=metastases", "cid bob"),
        ("Patient?_text=(bone OR liver) and metastases", "cid bob"),
        ("Patient?_text=metastases -bone", "cid"),
        ("Patient?_text=coracao", "ann"),
        ("Patient?_text=CORAÇÃO partido", "ann"),
        ("Patient?_text=silva", ""),
        ("Patient?_content=silva", "ann"),
        ("Patient?_content=coracao,souza", "bob ann"),
        ("Patient?_content=s*", "cid bob ann"),
        ("Patient?_content=not metastases", "ann"),
        ('Observation?_content="heart beats"', "o1"),
        ("Observation?_content=heart beats", "o2 o1"),
        ("Observation?_content=metastases", "o3"),
        ("Observation?_content=beats&_sort=date", "o1 o2"),
        ("Observation?_content=beats&_sort=-date", "o2 o1"),
        ("Observation?_content=beats&code=weight&date=ge2020-01-02", "o2"),
        ("Observation?_content=beats&patient=ann", "o2 o1"),
        ("Observation?_content=beats&patient=bob", ""),
        ("Observation?_content=beats&_content=fast", "o2 o1"),
        ("Observation?patient._text=bone", "o3"),
        ("Patient?_has:Observation:patient:_content=fast", "ann"),
        ("?_content=metastases", "o3 cid bob"),
        ("?_content=metastases&_type=Patient,Observation", "o3 cid bob"),
        ("Patient/ann/*?_content=fast", "o2 o1"),
    ],
)
async def test_finds(told: World, query: str, ids: str) -> None:
    assert await told.pages(f"{query}&_count=1") == ids.split()
    bundle = await told.bundle(f"{query}&_total=accurate")
    assert bundle["total"] == len(ids.split())
    assert "outcome" not in {entry["search"]["mode"] for entry in bundle.get("entry", ())}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("Patient?_text=", "empty value"),
        ("Patient?_content=(a", "not closed"),
        ("Patient?_content:exact=a", "no such modifier"),
        ("Patient?_content:missing=true", "no such modifier"),
        ("Patient?_sort=_content", "cannot be sorted"),
        ("Bundle?_text=a", "no search parameter '_text'"),
    ],
)
async def test_refuses(told: World, query: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        await told.ids(query)


async def test_switched_off(told: World) -> None:
    off = World(told.store)
    for query in ("Patient?_text=bone", "Observation?patient._content=bone"):
        with pytest.raises(Invalid, match="HUB_FULL_TEXT=true"):
            await off.ids(query)
    for world, there in ((told, True), (off, False)):
        rest = statement(BASE, world.server.settings, True, "1")["rest"][0]
        [of_patients] = (one for one in rest["resource"] if one["type"] == "Patient")
        assert ("_text" in {one["name"] for one in of_patients["searchParam"]}) is there
        assert ("_content" in {one["name"] for one in rest["searchParam"]}) is there


async def test_conditions_cannot_ask_for_words(told: World) -> None:
    with pytest.raises(Invalid, match="in a search only"):
        await matches(told.store, UNRESTRICTED, BASE, "Patient", [("_content", "silva")])


async def warnings(world: World, query: str) -> list[str]:
    entries = (await world.bundle(query)).get("entry", ())
    outcomes = [entry["resource"] for entry in entries if entry["search"]["mode"] == "outcome"]
    return [issue["diagnostics"] for outcome in outcomes for issue in outcome["issue"]]


async def test_says_what_waits_and_never_shows_what_was(empty: World, database: str) -> None:
    world = switched_on(empty.store)
    await world.put(RESOURCES[0])
    [warning] = await warnings(world, "Patient?_content=silva")
    assert warning.startswith("resources wait to be indexed")
    index(database, relayed=False)
    assert await world.ids("Patient?_content=silva") == ["ann"]
    [warning] = await warnings(world, "Patient?_content=silva")
    assert warning.startswith("1 changes wait to be indexed")
    index(database)
    assert await warnings(world, "Patient?_content=silva") == []
    await world.put(patient("ann", "Santos", None, "female"))
    assert await world.ids("Patient?_content=silva") == []
    assert len(await warnings(world, "Patient?_content=santos")) == 1
    await world.remove("Patient", "ann")
    assert await world.ids("Patient?_content=santos") == []
