"""References along a hierarchy: `:below` and `:above` where things are part of things of their kind.

https://hl7.org/fhir/R4/search.html#recursive `location:below=42` is the location and whatever is part of it.
"""

from __future__ import annotations

from fhir_server.search.parameters import SearchParameter, shipped

PARENT: dict[str, str] = {
    "Encounter": "part-of",
    "Location": "partof",
    "Organization": "partof",
    "Procedure": "part-of",
    "ResearchStudy": "partof",
    "Specimen": "parent",
    "Task": "part-of",
}
"""Resource type -> code of the parameter that refers to what it is part of."""


def parent_of(resource_type: str) -> SearchParameter | None:
    """The parameter by which a type refers to what it is part of; None for types without such an order."""
    return shipped(resource_type).get(PARENT[resource_type]) if resource_type in PARENT else None
