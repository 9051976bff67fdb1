"""The patch of a PATCH entry: Parameters (FHIRPath Patch), or a Binary with a JSON Patch. https://hl7.org/fhir/R4/http.html#patch"""

from __future__ import annotations

import base64
import binascii

from fhir_server.body import PATCH_TYPE, media_type, parsed
from fhir_server.outcome import FhirError, Invalid, UnsupportedMediaType
from fhir_server.patch import fhirpath_patch, json_patch
from mappings.r4 import Json


def read_patch(resource: Json) -> Json:
    """The list of operations in a Binary of a JSON Patch, or the Parameters of a FHIRPath Patch.

    Raises Invalid, UnsupportedMediaType.
    """
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind == "Parameters":
        return resource
    if kind != "Binary":
        raise Invalid(
            "a PATCH entry carries Parameters (FHIRPath Patch) or a Binary (JSON Patch)", expression=("resourceType",)
        )
    if media_type(str(resource.get("contentType", "")))[0] != PATCH_TYPE:
        raise UnsupportedMediaType(f"a Binary to patch with is of {PATCH_TYPE}", expression=("Binary.contentType",))
    try:
        operations = parsed(base64.b64decode("".join(str(resource.get("data", "")).split()), validate=True))
    except binascii.Error:
        raise Invalid("data is not base64", code="value", expression=("Binary.data",)) from None
    except FhirError as error:
        raise Invalid(f"the JSON Patch in the Binary: {error}", code="structure", expression=("Binary.data",)) from None
    if not isinstance(operations, list):
        raise Invalid("a JSON Patch is an array of operations", code="structure", expression=("Binary.data",))
    return operations


def apply_patch(resource: dict[str, Json], patch: Json) -> Json:
    """The resource patched. Raises Invalid, Unprocessable."""
    if isinstance(patch, dict):
        return fhirpath_patch.apply(resource, patch)
    return json_patch.apply(resource, patch)
