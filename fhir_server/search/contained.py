"""Contained resources as resources of their own: what they are called and numbered. https://hl7.org/fhir/R4/search.html#contained

Their index rows stand in the tables of all others, under param_ids of their own (those of "#Medication", as if that
were a type) and a rid that tells the container's: docs/decisions/contained-resources.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MARK = "#"
"""What the name of a type begins with that means its contained resources."""

MOST = 4096
"""Contained resources of one container that are searched."""
_FIRST = -(2**62)


def rid_of(container: int, number: int) -> int:
    """rid of `contained[number]`: negative, in the order of the containers, the first of each before its others."""
    return _FIRST + container * MOST + (MOST - 1 - number)


def last_of(rid: int) -> int:
    """The lowest rid that a contained resource of the same container can have; of any other resource its own rid."""
    return rid if rid >= 0 else rid - (rid - _FIRST) % MOST


def container(rid: int) -> int:
    """rid of the resource that contains this one; of any other its own."""
    return rid if rid >= 0 else (rid - _FIRST) // MOST


def place(rid: int) -> int:
    """Which of `contained` it is."""
    return MOST - 1 - (rid - _FIRST) % MOST


def container_sql(rid: str) -> str:
    """`container` as SQL."""
    return f"(case when {rid} < 0 then ({rid} + {-_FIRST}) / {MOST} else {rid} end)"


def is_contained(types: Sequence[str]) -> bool:
    """Whether the types are those of contained resources; they are never mixed."""
    return types[0][0] == MARK


def plain(resource_type: str) -> str:
    """The name of the type itself."""
    return resource_type.removeprefix(MARK)


def those_in(resource: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Id -> place and type of each contained resource."""
    found = enumerate(resource["contained"][:MOST])
    return {one["id"]: (number, one["resourceType"]) for number, one in found if "id" in one}
