"""What each _include and _revinclude of the instances brings, by their index rows alone: the walk of the
CapabilityStatement compares the answers with it. https://hl7.org/fhir/R4/search.html#include"""

from __future__ import annotations

from collections import defaultdict

from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search.index import index_rows
from fhir_server.search.links import NAME
from fhir_server.search.parameters import parameters_of
from tests.fhir_server.conftest import BASE
from tests.fhir_server.instances import FIRST, SECOND, instance

References = dict[tuple[str, str], set[str]]


def references() -> tuple[References, References]:
    """(source, include) -> what that brings; (target, revinclude) -> what that brings."""
    forth: References = defaultdict(set)
    back: References = defaultdict(set)
    every = {(name, id): index_rows(instance(name, id), BASE) for name in RESOURCE_TYPES for id in (FIRST, SECOND)}
    named: defaultdict[int, list[str]] = defaultdict(list)
    for (name, id), rows in every.items():
        for param_id, hashed in rows.canonical:
            if param_id == NAME:
                named[hashed].append(f"{name}/{id}")
    for (name, id), rows in every.items():
        found = [(param_id, f"{target_type}/{target_id}") for param_id, target_type, target_id in rows.reference]
        found += [(param_id, target) for param_id, hashed in rows.canonical if param_id for target in named[hashed]]
        for parameter in parameters_of(name).values():
            value = f"{name}:{parameter.code}"
            for param_id, target in found:
                if param_id in parameter.param_ids:
                    forth[f"{name}/{id}", value].add(target)
                    back[target, value].add(f"{name}/{id}")
    return forth, back
