"""Compartments: which resources belong to a Patient, Encounter, ... https://hl7.org/fhir/R4/compartmentdefinition.html"""

from __future__ import annotations

from fhir_server.definitions import compartment as definition
from fhir_server.definitions import compartments
from fhir_server.outcome import NotFound
from fhir_server.search.parameters import shipped


def member_types(compartment: str) -> tuple[str, ...]:
    """Types that can be in the compartment. Raises NotFound if there is no compartment of this type."""
    if compartment not in compartments():
        raise NotFound("resources of this type have no compartment", code="not-supported")
    return tuple(definition(compartment))


def member_parameters(compartment: str, resource_type: str) -> tuple[int, ...]:
    """param_id of each reference parameter that puts a resource of the type into the compartment."""
    found = (shipped(resource_type).get(code) for code in definition(compartment).get(resource_type, ()))
    numbers = (number for one in found if one is not None for number in one.ids_to((compartment,)))
    return tuple(dict.fromkeys(numbers))
