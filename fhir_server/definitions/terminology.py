"""Value sets and code systems of R4. https://hl7.org/fhir/R4/terminologies-systems.html"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from fhir_server.definitions.package_data import lines


def value_set(url: str) -> Mapping[str, frozenset[str] | None] | None:
    """System -> its codes in the value set; None as codes: any of that system (UCUM, BCP 13, ISO 4217).

    None for a value set that is not required-bound anywhere in R4, or whose content HL7 does not publish (one).
    """
    # What is not known is kept nowhere, for URLs come from clients.
    return _content(url) if url in lines("value_sets.zst") else None


@cache
def _content(url: str) -> Mapping[str, frozenset[str] | None]:
    raw = lines("value_sets.zst")[url]
    return {system: None if codes is None else frozenset(codes) for system, codes in orjson.loads(raw).items()}


def shipped(resource_type: str, url: str) -> dict[str, Any] | None:
    """R4's own ValueSet (with `compose`) or CodeSystem (with `concept`) of a URL, without words; None if it has none.

    Not kept: the larger code systems have thousands of concepts.
    """
    raw = lines("code_systems.zst" if resource_type == "CodeSystem" else "composed_value_sets.zst").get(url)
    return None if raw is None else orjson.loads(raw)
