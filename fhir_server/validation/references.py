"""Whether a Reference points to a type its element allows. https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from fhir_server.resource_types import TYPE_ID
from fhir_server.validation.bindings import Extra
from fhir_server.validation.problem import Found, Node, Problem, Scope

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_RESTFUL = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?$")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?")


def referenced_type(reference: str, scope: Scope) -> str | None:
    """Resource type a reference names, None where it does not tell (urn:uuid, logical URLs, unknown fragments)."""
    if reference.startswith("#"):
        name = (scope.contained(reference[1:]) or {}).get("resourceType")
        return name if type(name) is str else None
    if (match := _CONDITIONAL.match(reference)) or (match := _RESTFUL.search(reference)):
        name = match[1]
        # A URL elsewhere may have any path; only a relative reference must name a type of FHIR.
        return name if name in TYPE_ID or not _ABSOLUTE.match(reference) else None
    return None


TOLERATED: Mapping[str, str] = {
    "DeviceMetric.parent": "DeviceDefinition",
    "DeviceUseStatement.reasonReference": "Procedure",
    "MedicationRequest.dispenseRequest.performer": "Practitioner",
    "Observation.performer": "Encounter",
}
"""Element -> type which its definition excludes while HL7's own example has it: a warning, not an error."""


@cache
def target_check(path: str, targets: tuple[str, ...]) -> Extra:
    """Check of the Reference at `path` against the types its element allows; no targets: any type of FHIR."""
    tolerated = TOLERATED.get(path)
    allowed = frozenset(targets) or frozenset(TYPE_ID)
    words = f"must refer to {_listing(targets)}" if targets else "must refer to a resource type of FHIR R4"

    def check(node: Node, scope: Scope) -> Found:
        reference = node.get("reference")
        if type(reference) is str:
            # The usual case first: "Patient/1".
            if reference.partition("/")[0] not in allowed:
                name = referenced_type(reference, scope)
                if name is not None and name not in allowed:
                    if name != tolerated:
                        return [Problem("value", words)]
                    return [Problem("value", words, severity="warning")] if scope.warnings else None
            if "type" not in node:
                return None
            name, stated = referenced_type(reference, scope), node["type"]
            if name is not None and stated in TYPE_ID and name != stated:
                return [Problem("value", "must name the type that reference points to", "type")]
            return None
        stated = node.get("type")
        if type(stated) is str and stated in TYPE_ID and stated not in allowed:
            return [Problem("value", words, "type")]
        return None

    return check


def _listing(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
