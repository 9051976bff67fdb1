"""A key of `_sort` as written: a parameter of the type itself, or one at the end of a chain. https://hl7.org/fhir/R4/search.html#sort"""

from __future__ import annotations

from dataclasses import dataclass

from fhir_server.outcome import Invalid
from fhir_server.search.criteria import MAX_DEPTH, unknown
from fhir_server.search.parameters import SearchParameter, current, search_parameter

_UNSORTABLE = frozenset({"composite", "special"})


@dataclass(frozen=True, slots=True)
class SortPath:
    """Where the value stands."""

    steps: tuple[tuple[SearchParameter, ...], ...]
    """Reference parameters, any of each step: from the resource to what it refers to, and on. Usually none."""
    ends: tuple[SearchParameter, ...]
    """The parameter of each type at the end."""


def sort_path(resource_type: str, code: str) -> SortPath:
    """The path of `date`, `patient.name`, `subject:Patient.birthdate` from a type.

    A step without a type goes to all types that have what follows. Raises Invalid for what cannot be sorted by.
    """
    names = code.split(".")
    if len(names) > MAX_DEPTH + 1:
        raise Invalid(f"_sort: a chain has at most {MAX_DEPTH} steps", code="too-costly")
    path = _path((resource_type,), names)
    if path is None:
        raise Invalid(f"_sort: {resource_type} cannot be sorted by '{code[:64]}'", code="not-supported")
    return path


def _path(types: tuple[str, ...], names: list[str]) -> SortPath | None:
    """The path from any of the types that have it."""
    name, *rest = names
    code, _, wanted = name.partition(":")
    found = [parameter for one in types if (parameter := search_parameter(one, code))]
    for one in types:
        if code in current().pending.get(one, ()) and search_parameter(one, code) is None:
            raise unknown(one, code, "")
    if not rest:
        ends = tuple(one for one in found if one.type not in _UNSORTABLE)
        return SortPath((), ends) if ends and not wanted else None
    references = [
        one
        for one in found
        if "Reference" in one.data_types and one.type == "reference" and wanted in ("", *one.types_of_target)
    ]
    targets = dict.fromkeys(target for one in references for target in one.types_of_target if wanted in ("", target))
    below = _path(tuple(targets), rest)
    return SortPath((tuple(references), *below.steps), below.ends) if below else None
