"""How a reference parameter leads from one resource to another: by its id, or by its canonical URL.

https://hl7.org/fhir/R4/references.html#canonical A canonical reference with a version means that version, one without
means all that have the URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from fhir_server.definitions import structure
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.rows import hash64
from fhir_server.search.sink import Sink

NAME = 0
"""param_id of the rows of `canonical` that say what a resource is called; the others say what it refers to."""

REFERENCE = "reference"
CANONICAL = (
    "(select f.param_id, k.rid as target_rid, f.rid from canonical f"
    f" join canonical k on k.target_hash = f.target_hash and k.param_id = {NAME})"
)
"""Tables with the columns param_id, target_rid, rid."""


def link(parameter: SearchParameter) -> str:
    """The table that leads along the parameter."""
    return REFERENCE if "Reference" in parameter.data_types else CANONICAL


@cache
def has_canonical(resource_type: str) -> bool:
    """Whether resources of the type can be referred to by a URL of their own."""
    url = structure(resource_type).elements.get("url")
    return url is not None and any(kind.code == "uri" for kind in url.json_names().values())


def name(value: dict[str, Any], sink: Sink) -> None:
    """Writes what a resource is called: its URL, and its URL with its version."""
    sink.canonical += ((NAME, hash64(text)) for text in _names(value))


def _names(value: dict[str, Any]) -> Iterator[str]:
    url, version = value.get("url"), value.get("version")
    if url is not None:
        yield url
        if version is not None:
            yield f"{url}|{version}"
