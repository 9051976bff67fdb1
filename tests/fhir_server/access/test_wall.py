"""What scopes open, type by type."""

from __future__ import annotations

import pytest

from fhir_server.access.wall import NEVER, NO_WALL, SHARED, wall_of
from fhir_server.compartment import member_types
from fhir_server.resource_types import RESOURCE_TYPES
from hub.authorization import known
from smart_auth.scopes import NOBODY, UNRESTRICTED, Access, parse


def access(scope: str, permission: str = "r", patient: str | None = "1") -> Access:
    scopes = parse(scope, known).resources
    return Access("s", unrestricted=False, scopes=scopes, patient=patient).using(permission)


@pytest.mark.parametrize(
    ("scope", "permission", "opened", "inside"),
    [
        ("system/Patient.rs", "r", {"Patient"}, set()),
        ("system/Patient.rs", "u", set(), set()),
        ("system/Patient.rs", "", set(), set()),
        ("system/Patient.r system/Observation.s", "s", {"Observation"}, set()),
        ("system/Patient.r system/Observation.s", "rs", {"Patient", "Observation"}, set()),
        ("patient/Observation.rs", "r", set(), {"Observation"}),
        ("patient/Organization.cruds", "r", {"Organization"}, set()),
        ("patient/Organization.cruds", "u", set(), set()),
        ("patient/Observation.rs system/Observation.rs", "r", {"Observation"}, set()),
        ("patient/Group.rs patient/AuditEvent.rs patient/Schedule.rs", "r", set(), set()),
        ("patient/Task.rs patient/Device.rs patient/Binary.rs patient/Subscription.rs", "r", set(), set()),
        ("user/*.cruds", "r", set(), set()),
        ("system/Observation.rs?category=x", "r", set(), set()),
    ],
)
def test_types(scope: str, permission: str, opened: set[str], inside: set[str]) -> None:
    wall = wall_of(access(scope, permission))
    assert (set(wall.open), set(wall.inside)) == (opened, inside)
    assert not wall.everything


def test_everything_and_nothing() -> None:
    assert wall_of(UNRESTRICTED) is NO_WALL
    assert wall_of(access("system/*.cruds", "d")) is NO_WALL
    assert not wall_of(access("system/*.rs", "d")).types
    assert not wall_of(NOBODY).types
    assert wall_of(access("patient/*.rs", patient=None)).inside == frozenset()


def test_a_patients_app_sees_its_compartment_and_what_is_shared() -> None:
    wall = wall_of(access("patient/*.cruds"))
    assert wall.open == SHARED
    assert wall.inside == set(member_types("Patient")) - NEVER
    assert set(RESOURCE_TYPES) >= SHARED
    assert not SHARED & set(member_types("Patient"))
    assert wall_of(access("patient/*.cruds", "u")).open == frozenset()


def test_conditions_are_parts_of_their_own() -> None:
    wall = wall_of(access("patient/Observation.rs?category=x system/Observation.rs?code=y"))
    assert {(part.types, part.inside, part.condition) for part in wall.parts} == {
        (("Observation",), True, (("category", "x"),)),
        (("Observation",), False, (("code", "y"),)),
    }
    assert list(wall.types) == ["Observation"]
