"""JSON Merge Patch on a resource. https://www.rfc-editor.org/rfc/rfc7396

R4 does not name it; FHIR clients send it all the same (fhirpy's `patch()`), and FHIR's later releases allow it.
"""

from __future__ import annotations

from typing import Any

from fhir_server.outcome import Invalid, Unprocessable
from fhir_server.patch.document import copied, without_emptied
from fhir_server.patch.json_patch import IDENTITY
from mappings.r4 import Json


def apply(resource: dict[str, Any], patch: Json) -> dict[str, Any]:
    """The resource with the patch merged in: null removes a member, objects are merged, anything else replaces.

    The resource given is not changed. What the patch leaves empty goes, for FHIR has no empty arrays and objects.
    Raises Invalid (400) for a patch that is no object, Unprocessable (422) for a change of resourceType or id.
    """
    if not isinstance(patch, dict):
        raise Invalid("a JSON Merge Patch is an object", code="structure")
    result: dict[str, Any] = without_emptied(_merged(resource, patch))
    for name in IDENTITY:
        if result.get(name) != resource.get(name):
            raise Unprocessable(f"JSON Merge Patch: '{name}' of a resource cannot be changed", code="processing")
    return result


def _merged(target: Json, patch: Json) -> Json:
    if not isinstance(patch, dict):
        return copied(patch)
    kept = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = _merged(kept.get(name), value)
    return kept
