"""`_list`: what a List refers to, by its id or as a patient's current list. https://hl7.org/fhir/R4/search.html#list"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fhir_server.outcome import Invalid
from fhir_server.search.criteria import All, Criterion, Leaf, Node, Reverse, Some
from fhir_server.search.parameters import SearchParameter, shipped

_USES = "http://terminology.hl7.org/CodeSystem/list-example-use-codes"
CURRENT: dict[str, tuple[str, ...]] = {
    "$current-problems": (f"{_USES}|problems", "http://loinc.org|46105-3", "http://loinc.org|11450-4"),
    "$current-medications": (f"{_USES}|medications", "http://loinc.org|57828-6", "http://loinc.org|10160-0"),
    "$current-allergies": (
        f"{_USES}|allergies", "http://loinc.org|18716-1", "http://loinc.org|52472-8", "http://loinc.org|48765-2",
    ),
}  # fmt: skip
"""Functional list -> codes by which a List is known as it. https://hl7.org/fhir/R4/lifecycle.html#lists

$current-drug-allergies is not among them: no code tells it from the list of all allergies.
"""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def list_criterion(types: Sequence[str], values: tuple[str, ...], criteria: Sequence[Criterion]) -> Criterion:
    """The criterion that one of the Lists refers to the resource: `42`, `$current-allergies`.

    `criteria`: the others of the search; where they name a patient, a current list is that patient's.
    Raises Invalid for what is neither an id nor a functional list known here.
    """
    ids = tuple(value for value in values if not value.startswith("$"))
    if not all(_ID.fullmatch(id) for id in ids):
        raise Invalid(f"_list is the id of a List, or one of {', '.join(CURRENT)}", code="value")
    named = [_current(value, criteria) for value in values if value.startswith("$")]
    lists: list[Node] = [Leaf("List", _of_list("_id"), None, ids)] if ids else []
    found = tuple(Reverse("List", _of_list("item"), node) for node in lists + named)
    return Criterion("_list", values, dict.fromkeys(types, found[0] if len(found) == 1 else Some(found)))


def _of_list(code: str) -> SearchParameter:
    parameter = shipped("List").get(code)
    assert parameter is not None
    return parameter


def _current(name: str, criteria: Sequence[Criterion]) -> Node:
    codes = CURRENT.get(name)
    if codes is None:
        raise Invalid(f"_list: the functional lists here are {', '.join(CURRENT)}", code="not-supported")
    patients = dict.fromkeys(
        Leaf("List", _of_list("patient"), node.modifier, node.values)
        for criterion in criteria
        for node in criterion.nodes.values()
        if isinstance(node, Leaf) and node.parameter.code == "patient" and node.values and not node.negated
    )
    status = Leaf("List", _of_list("status"), None, ("current",))
    return All((Leaf("List", _of_list("code"), None, codes), status, *patients))
