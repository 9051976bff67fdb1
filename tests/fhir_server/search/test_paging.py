"""Pages stay whole while others write."""

from __future__ import annotations

import itertools

import pytest

from tests.fhir_server.search.conftest import World, observation, patient

NUMBER = 30


async def _filled(world: World) -> list[str]:
    await world.put(patient("p", "Silva", "1980-01-01", "male"))
    for number in range(NUMBER):
        when = None if number % 5 == 0 else f"2020-01-{number % 7 + 1:02}"
        await world.put(observation(f"o{number:02}", "Patient/p", "weight", when, str(50 + number % 3)))
    return [f"o{number:02}" for number in range(NUMBER)]


@pytest.mark.parametrize(
    "sort", ["", "_sort=date", "_sort=-date", "_sort=-date,_id", "_sort=value-quantity,date", "_sort=_lastUpdated"]
)
async def test_no_row_is_lost_or_repeated_while_others_write(empty: World, sort: str) -> None:
    before = await _filled(empty)
    numbers = itertools.count()

    async def meanwhile() -> None:
        number = next(numbers)
        await empty.put(observation(f"x{number}", "Patient/p", "weight", "2020-01-04", "51"))

    for count in (4, 7):
        found = await empty.pages(f"Observation?{sort}&_count={count}", meanwhile)
        assert len(found) == len(set(found))
        assert sorted(one for one in found if one.startswith("o")) == before


async def test_pages_of_any_size_give_one_order(empty: World) -> None:
    await _filled(empty)
    for sort in ("", "_sort=-date", "_sort=status,-date,_id"):
        whole = await empty.ids(f"Observation?{sort}&_count=1000")
        assert len(whole) == NUMBER
        for count in (1, 3, 29, 30, 31):
            assert await empty.pages(f"Observation?{sort}&_count={count}") == whole
