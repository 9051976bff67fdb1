"""What interactions need: every route and operation says it, and nothing is done without."""

from __future__ import annotations

import pytest

from fhir_server.access.interactions import NEEDS, held
from fhir_server.operations import OPERATIONS
from fhir_server.outcome import Forbidden
from fhir_server.routes import ROUTES
from hub.authorization import known
from smart_auth.scopes import NOBODY, UNRESTRICTED, Access, parse


def access(scope: str) -> Access:
    return Access("s", unrestricted=False, scopes=parse(scope, known).resources, patient="1")


def test_every_route_says_what_it_needs() -> None:
    assert {route.interaction for route in ROUTES} <= set(NEEDS)
    for operation in OPERATIONS:
        assert set(operation.permission) <= set("cruds"), operation.code
        assert operation.permission or operation.code in ("export", "import", "reindex", "versions"), operation.code


@pytest.mark.parametrize("interaction", sorted(NEEDS))
def test_nobody_gets_nowhere(interaction: str) -> None:
    if NEEDS[interaction]:
        for resource_type in (None, "Patient"):
            with pytest.raises(Forbidden):
                held(NOBODY, interaction, resource_type)
    assert held(UNRESTRICTED, interaction, "Patient") is UNRESTRICTED


@pytest.mark.parametrize(
    ("scope", "interaction", "resource_type", "allowed"),
    [
        ("system/Patient.r", "read", "Patient", True),
        ("system/Patient.r", "read", "Condition", False),
        ("system/Patient.r", "search-type", "Patient", False),
        ("system/Patient.s", "search-system", None, True),
        ("system/Patient.u", "update", "Patient", True),
        ("system/Patient.c", "update", "Patient", False),
        ("system/Patient.u", "conditional-update", "Patient", False),
        ("system/Patient.us", "conditional-update", "Patient", True),
        ("system/Patient.rs?_tag=x", "read", "Patient", True),
        ("system/Subscription.cruds", "create", "Subscription", False),
        ("system/*.cruds", "create", "Subscription", True),
    ],
)
def test_held(scope: str, interaction: str, resource_type: str | None, allowed: bool) -> None:
    if allowed:
        assert held(access(scope), interaction, resource_type).permission == NEEDS[interaction][0]
    else:
        with pytest.raises(Forbidden):
            held(access(scope), interaction, resource_type)
