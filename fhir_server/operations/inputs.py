"""Input of an operation: parameters in the URL, or a Parameters resource by POST. https://hl7.org/fhir/R4/operations.html#request"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.body import json_of
from fhir_server.exchange import FhirRequest
from fhir_server.instant import period
from fhir_server.outcome import Invalid
from fhir_server.parameters_allowed import GENERAL
from fhir_server.prefer import prefer
from fhir_server.resource_types import TYPE_ID
from mappings.r4 import Json

Given = dict[str, list[str]]


def posted(request: FhirRequest) -> list[tuple[str, Json]]:
    """Name and value (or resource) of each parameter in the body; none without a body. Raises Invalid."""
    if not request.body and request.resource is None:
        return []
    body = json_of(request)
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        raise Invalid("the body of an operation is a Parameters resource", code="structure")
    parameters = body.get("parameter", [])
    found: list[tuple[str, Json]] = []
    for parameter in parameters if isinstance(parameters, list) else [parameters]:
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
            raise Invalid("each parameter needs a name", code="structure", expression=("Parameters.parameter",))
        values = [value for key, value in parameter.items() if key == "resource" or key.startswith("value")]
        if len(values) != 1:
            raise Invalid("each parameter needs one value", code="structure", expression=("Parameters.parameter",))
        found.append((parameter["name"], values[0]))
    return found


def texts(request: FhirRequest) -> list[tuple[str, str]]:
    """All parameters as a URL would have them, those of the body after those of the URL. Raises Invalid."""
    return [*request.query, *((name, _text(value)) for name, value in posted(request))]


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise Invalid("the parameters of this operation are simple values", code="value")


def simple(request: FhirRequest, taken: Sequence[str], repeated: Sequence[str] = ()) -> Given:
    """Parameters by name; only those in `repeated` may be given more than once.

    Raises Invalid, also for a parameter that is not `taken` unless the client is lenient.
    """
    given: Given = {}
    for name, value in texts(request):
        if name in taken:
            given.setdefault(name, []).append(value)
        elif name not in GENERAL and not prefer(request.headers).lenient:
            raise Invalid(f"this operation takes the parameters {', '.join(taken)}", code="not-supported")
    for name, values in given.items():
        if len(values) > 1 and name not in repeated:
            raise Invalid(f"{name} may be given once", code="invalid")
    return given


def whole(given: Given, name: str, default: int, maximum: int) -> int:
    """A whole number from 1; more than `maximum` counts as that. Raises Invalid."""
    if name not in given:
        return default
    [value] = given[name]
    if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0):
        raise Invalid(f"{name} is a whole number, 1 or more", code="value")
    return min(int(value), maximum)


def flag(given: Given, name: str) -> bool:
    """Whether a switch is on; absent is off. Raises Invalid."""
    [value] = given.get(name, ["false"])
    if value not in ("true", "false"):
        raise Invalid(f"{name} is true or false", code="value")
    return value == "true"


def instants(given: Given, name: str) -> tuple[int, int] | None:
    """First instant, and first instant after, of a FHIR date, dateTime or instant. Raises Invalid."""
    if name not in given:
        return None
    try:
        return period(given[name][0])
    except ValueError:
        raise Invalid(f"{name} must be a FHIR date, dateTime or instant", code="value") from None


def types(given: Given) -> tuple[str, ...] | None:
    """Resource types of `_type`, each value a comma list; None: not given. Raises Invalid."""
    if "_type" not in given:
        return None
    named = dict.fromkeys(part for value in given["_type"] for part in value.split(",") if part)
    if any(name not in TYPE_ID for name in named):
        raise Invalid("_type names an unknown resource type", code="value")
    return tuple(named)
