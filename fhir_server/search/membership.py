"""That a resource is in a compartment, as a criterion of a search. https://hl7.org/fhir/R4/compartmentdefinition.html"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.compartment import member_parameters, member_types
from fhir_server.outcome import NotFound
from fhir_server.search.criteria import Criterion, Member


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
