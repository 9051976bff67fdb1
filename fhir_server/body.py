"""A request's body as a resource: media type, JSON, size and depth. https://hl7.org/fhir/R4/http.html#mime-type"""

from __future__ import annotations

import base64
from functools import lru_cache

from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Invalid, UnsupportedMediaType
from mappings.r4 import Json, MalformedJson, parse

MAX_DEPTH = 64

JSON_TYPES = frozenset({"application/fhir+json", "application/json", "text/json", "application/json+fhir"})
PATCH_TYPE = "application/json-patch+json"
MERGE_TYPE = "application/merge-patch+json"
FORM_TYPE = "application/x-www-form-urlencoded"


@lru_cache(maxsize=512)
def media_type(content_type: str) -> tuple[str, dict[str, str]]:
    """A Content-Type value as its media type and parameters, lower-case: ("application/json", {"charset": "utf-8"})."""
    essence, *rest = content_type.split(";")
    parameters: dict[str, str] = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"').lower()
    return essence.strip().lower(), parameters


@lru_cache(maxsize=512)
def require_json(content_type: str) -> None:
    """Raises UnsupportedMediaType unless a body of this Content-Type is FHIR JSON in UTF-8, version 4.0."""
    essence, parameters = media_type(content_type)
    if not essence:
        raise UnsupportedMediaType("Content-Type is missing; send application/fhir+json")
    if essence not in JSON_TYPES:
        raise UnsupportedMediaType("this Content-Type is not read here; send application/fhir+json")
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("only UTF-8 is read")
    require_r4(parameters)


def require_r4(parameters: dict[str, str]) -> None:
    """Raises UnsupportedMediaType for a fhirVersion parameter other than 4.0."""
    if not parameters.get("fhirversion", "4.0").startswith("4.0"):
        raise UnsupportedMediaType("this server speaks FHIR 4.0")


def json_of(request: FhirRequest) -> Json:
    """The JSON value of the body, or the resource of a Bundle entry.

    Raises UnsupportedMediaType, or Invalid naming line and column.
    """
    if request.body is None:
        if request.resource is None:
            raise Invalid("a body is needed", code="required")
        return request.resource
    require_json(request.headers.get("content-type", ""))
    return parsed(request.body)


def resource_of(request: FhirRequest, resource_type: str) -> Json:
    """The resource sent in. A raw Binary body becomes a Binary resource, https://hl7.org/fhir/R4/binary.html#rest.

    Raises UnsupportedMediaType, Invalid.
    """
    if resource_type == "Binary" and request.body is not None:
        return binary_of(request, request.body)
    return json_of(request)


def parsed(raw: bytes) -> Json:
    """JSON from bytes, at most `MAX_DEPTH` deep. Raises Invalid naming line and column."""
    if not raw:
        raise Invalid("the body is empty", code="required")
    value = well_formed(raw)
    # Fewer brackets than levels allowed cannot nest too deep: most bodies are done with two counts.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise Invalid(f"nested deeper than {MAX_DEPTH} levels", code="too-long")
    return value


def well_formed(raw: bytes) -> Json:
    """JSON from bytes, however deep: for what is validated next, which goes no deeper. Raises Invalid as `parsed`."""
    try:
        return parse(raw)
    except MalformedJson as error:
        raise Invalid(f"malformed JSON: {error}", code="structure") from None


def depth(value: Json) -> int:
    """How many objects and arrays stand inside each other, one level at a time without recursion."""
    levels = 0
    level = [value] if isinstance(value, (dict, list)) else []
    while level:
        levels += 1
        children: list[Json] = []
        for node in level:
            children.extend(node.values() if isinstance(node, dict) else node)
        level = [child for child in children if isinstance(child, (dict, list))]
    return levels


def binary_of(request: FhirRequest, raw: bytes) -> Json:
    """The Binary that a body sent to /Binary means: itself if it is one, else the bytes with their Content-Type."""
    content_type = request.headers.get("content-type", "")
    essence, _ = media_type(content_type)
    if not essence:
        raise UnsupportedMediaType("Content-Type is missing; it says what the Binary is")
    if essence in JSON_TYPES:
        try:
            value = parsed(raw)
        except Invalid:
            if essence != "application/json":
                raise
            value = None
        if isinstance(value, dict) and value.get("resourceType") == "Binary":
            return value
    binary: dict[str, Json] = {"resourceType": "Binary"}
    if request.method == "PUT" and len(request.path) > 1:
        binary["id"] = request.path[1]
    binary["contentType"] = content_type.strip()
    security_context = request.headers.get("x-security-context")
    if security_context:
        binary["securityContext"] = {"reference": security_context.strip()}
    if raw:
        binary["data"] = base64.b64encode(raw).decode()
    return binary
