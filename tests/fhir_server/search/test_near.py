"""Location.near: what it asks, and where the edges of the earth are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.outcome import Invalid
from fhir_server.search.by_near import BANDS, DEFAULT_DISTANCE, asked, band
from tests.fhir_server.search.conftest import World


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("-23.55|-46.63|10|km", (-23.55, -46.63, 10_000.0)),
        ("-23.55|-46.63|10", (-23.55, -46.63, 10_000.0)),
        ("-23.55|-46.63", (-23.55, -46.63, DEFAULT_DISTANCE)),
        ("-23.55|-46.63||m", (-23.55, -46.63, DEFAULT_DISTANCE)),
        ("0|180|1.5e2|m", (0.0, 180.0, 150.0)),
        ("90|0|1|[mi_i]", (90.0, 0.0, 1609.344)),
        ("90|0|1|[ft_i]", (90.0, 0.0, 0.3048)),
    ],
)
def test_values(value: str, expected: tuple[float, float, float]) -> None:
    assert asked(value) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1", "is written"),
        ("1|2|3|km|5", "is written"),
        ("a|2", "latitude is no decimal"),
        ("91|2", "latitude is out of range"),
        ("1|-181", "longitude is out of range"),
        ("1|NaN", "longitude is out of range"),
        ("1|2|-1", "not negative"),
        ("1|2|1e13", "distance is out of range"),
        ("1|2|1|kg", "unit of length"),
        ("1|2|1|furlongs", "unit of length"),
    ],
)
def test_what_is_refused(value: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        asked(value)


@pytest.mark.parametrize(
    ("longitude", "expected"), [(-180, 0), (180, 0), (0, 1800), (179.99, BANDS - 1), (-0.01, 1799)]
)
def test_bands(longitude: float, expected: int) -> None:
    assert band(longitude) == expected


def place(id: str, latitude: str | None, longitude: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Location", "id": id, "name": id}
    if latitude and longitude:
        found["position"] = {"latitude": Decimal(latitude), "longitude": Decimal(longitude)}
    return found


PLACES = (
    place("se", "-23.5505", "-46.6333"),
    place("paulista", "-23.5614", "-46.6559"),
    place("campinas", "-22.9056", "-47.0608"),
    place("rio", "-22.9068", "-43.1729"),
    place("fiji", "-17.0", "179.95"),
    place("taveuni", "-17.0", "-179.95"),
    place("pole", "89.9", "100"),
    place("nowhere", None, None),
)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("near=-23.5505|-46.6333|5|km", "paulista se"),
        ("near=-23.5505|-46.6333|1|km", "se"),
        ("near=-23.5505|-46.6333|0|km", "se"),
        ("near=-23.5505|-46.6333|100|km", "campinas paulista se"),
        ("near=-23.5505|-46.6333|400|km", "rio campinas paulista se"),
        ("near=-23.5505|-46.6333", "paulista se"),
        ("near=-17|180|6|km", "taveuni fiji"),
        ("near=-17|-180|6|km", "taveuni fiji"),
        ("near=90|0|20|km", "pole"),
        ("near=89.95|-80|20|km", "pole"),
        ("near=0|0|21000|km", "pole taveuni fiji rio campinas paulista se"),
        ("near=-23.5505|-46.6333|1|km,-22.9068|-43.1729|1|km", "rio se"),
        ("near=-23.5505|-46.6333|100|km&name=campinas", "campinas"),
        ("near=-23.5505|-46.6333|100|km&_sort=name", "campinas paulista se"),
        ("near:missing=true", "nowhere"),
    ],
)
async def test_finds(places: World, query: str, ids: str) -> None:
    assert await places.pages(f"Location?{query}&_count=1") == ids.split()
    assert (await places.bundle(f"Location?{query}&_total=accurate"))["total"] == len(ids.split())


@pytest.fixture
async def places(empty: World) -> World:
    await empty.put(*PLACES)
    return empty


async def test_follows_what_is_written(places: World) -> None:
    await places.put(place("se", "-22.9068", "-43.1729"), place("rio", None, None))
    assert await places.ids("Location?near=-22.9068|-43.1729|1|km") == ["se"]
    await places.remove("Location", "se")
    assert await places.ids("Location?near=-22.9068|-43.1729|1|km") == []


@pytest.mark.parametrize("query", ["_sort=near", "near:exact=1|1"])
async def test_refuses(places: World, query: str) -> None:
    with pytest.raises(Invalid):
        await places.ids(f"Location?{query}")
