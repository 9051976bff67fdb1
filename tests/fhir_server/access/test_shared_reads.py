"""Persons behind the same wall read by one statement, and each sees what they would see alone."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fhir_server import store_reads
from fhir_server.access.wall import wall_of
from fhir_server.store import ResourceStore
from fhir_server.version import Change
from hub.authorization import known
from smart_auth.scopes import Access, parse
from tests.attacks.world import callers, record
from tests.fhir_server.conftest import BASE

pytestmark = pytest.mark.usefixtures("shipped_policies")
MARK = "m1"
KINDS = ("Observation", "Condition", "Encounter", "Coverage", "Patient", "Organization", "Task", "RiskAssessment")
Asked = list[tuple[Access, tuple[str, str]]]


@pytest.fixture
async def store(database: str) -> AsyncIterator[ResourceStore]:
    store = ResourceStore(database, BASE)
    for one in record(MARK):
        await store.write(Change(one["resourceType"], one["id"], "PUT", one, None))
    yield store
    store.close()


def accesses() -> list[Access]:
    """Of every caller, and of somebody else like them."""
    found = []
    for number, one in enumerate(callers(MARK)):
        resources = parse(one.scope, known).resources
        access = Access(
            f"s{number}", unrestricted=False, client=f"c{number}", scopes=resources, roles=one.roles,
            patient=one.patient, fhir_user=one.user, organization=one.organization,
        )  # fmt: skip
        like = replace(
            access, subject=f"t{number}", patient=one.patient and f"b-{MARK}",
            fhir_user=one.user and f"{one.user.partition('/')[0]}/b-{MARK}",
            organization=one.organization and f"Organization/other-{MARK}",
        )  # fmt: skip
        found += [access.using("r"), like.using("r")]
    return found


def every() -> Asked:
    """Each of them, asking for whatever there is of some types, and for what there is not."""
    keys = [(one["resourceType"], one["id"]) for one in record(MARK) if one["resourceType"] in KINDS]
    return [(access, key) for access in accesses() for key in [*keys, ("Observation", "nothing")]]


async def seen(store: ResourceStore, asked: Asked) -> tuple[list[bool], int]:
    """Whether each sees what they ask for, when all of one wall ask together; and in how many statements they did."""
    walls: dict[int, list[int]] = defaultdict(list)
    for place, (access, _) in enumerate(asked):
        walls[id(wall_of(access))].append(place)
    found, statements = [False] * len(asked), 0
    for places in walls.values():
        for statement, some in store_reads.shared([asked[place] for place in places]):
            statements += 1
            for row in await store.select(statement):
                found[places[some[int.from_bytes(row[0], "big") - 1]]] = True
    return found, statements


@pytest.mark.parametrize("kind", [*KINDS, None])
async def test_who_reads_together_sees_what_they_would_see_alone(store: ResourceStore, kind: str | None) -> None:
    asked = [(access, key) for access, key in every() if kind in (None, key[0])]
    random.Random(kind).shuffle(asked)
    together, statements = await seen(store, asked)
    alone = [bool(await store.select(store_reads.current(access, [key]))) for access, key in asked]
    assert together == alone
    assert any(alone)
    assert not all(alone)
    persons = len({id(access) for access, _ in asked})
    assert statements < 2 / 3 * persons, "those behind one wall share a statement"


async def test_persons_of_a_role_share_a_wall_and_a_statement(store: ResourceStore) -> None:
    nurses = [
        Access(
            f"n{number}", unrestricted=False, client="app", scopes=parse("user/*.rs", known).resources,
            roles=("nurse",), fhir_user=f"Practitioner/n{number}", organization=f"Organization/o{number}",
        ).using("r")
        for number in range(10)
    ]  # fmt: skip
    asked = [(nurse, ("Observation", f"own-{MARK}")) for nurse in nurses]
    [(statement, places)] = store_reads.shared(asked)
    assert places == list(range(10))
    assert len(await store.select(statement)) == 10
    assert store_reads.shared(asked[:1])[0][0] == store_reads.current(*asked[0][:1], [asked[0][1]])
