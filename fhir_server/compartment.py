"""Compartments: which resources belong to a Patient, Encounter, ... https://hl7.org/fhir/R4/compartmentdefinition.html"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.definitions import compartment as definition
from fhir_server.definitions import compartments
from fhir_server.outcome import NotFound
from fhir_server.search.criteria import Criterion, Member
from fhir_server.search.parameters import shipped


def member_types(compartment: str) -> tuple[str, ...]:
    """Types that can be in the compartment. Raises NotFound if there is no compartment of this type."""
    if compartment not in compartments():
        raise NotFound("resources of this type have no compartment", code="not-supported")
    return tuple(definition(compartment))


def member_parameters(compartment: str, resource_type: str) -> tuple[int, ...]:
    """param_id of each reference parameter that puts a resource of the type into the compartment."""
    found = (shipped(resource_type).get(code) for code in definition(compartment).get(resource_type, ()))
    return tuple(parameter.param_id for parameter in found if parameter is not None)


def membership(compartment: str, id: str, types: Sequence[str]) -> Criterion:
    """The criterion that a resource of one of the types is in the compartment of `compartment/id`.

    Raises NotFound for a compartment that does not exist or does not hold the only type asked for.
    """
    possible = member_types(compartment)
    held = [one for one in types if one in possible]
    if not held:
        raise NotFound(f"the {compartment} compartment does not hold this type", code="not-supported")
    numbers = tuple(number for one in held for number in member_parameters(compartment, one))
    member = Member(compartment, id, numbers, itself=compartment in held)
    return Criterion(compartment, (id,), dict.fromkeys(types, member))
