"""The definitions of FHIR R4 4.0.1 as package data, loaded when first asked for. https://hl7.org/fhir/R4/definitions.html

`structure("Observation")`, `structure("Observation.component")`, `structure("HumanName")`: types and their elements.
`constraints()`, `value_set(url)`, `shipped("CodeSystem", url)`, `search_parameters()`, `compartment("Patient")`,
`operations()`: the rest.
Everything is cached and shared: treat it as immutable.
"""

from __future__ import annotations

from fhir_server.definitions.conformance import compartment, compartments, operations, search_parameters
from fhir_server.definitions.structures import (
    Constraint,
    Element,
    ElementType,
    Structure,
    constraints,
    data_types,
    is_a,
    primitive_types,
    structure,
    summary_elements,
)
from fhir_server.definitions.terminology import shipped, value_set

__all__ = [
    "Constraint",
    "Element",
    "ElementType",
    "Structure",
    "compartment",
    "compartments",
    "constraints",
    "data_types",
    "is_a",
    "operations",
    "primitive_types",
    "search_parameters",
    "shipped",
    "structure",
    "summary_elements",
    "value_set",
]
