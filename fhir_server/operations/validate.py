"""$validate: would this be accepted? https://hl7.org/fhir/R4/resource-operation-validate.html"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fhir_server import validation
from fhir_server.access.interactions import wide
from fhir_server.body import json_of
from fhir_server.definitions import is_a
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import Gone, Invalid, Issue, NotFound, operation_outcome
from fhir_server.prepare import prepare_delete
from fhir_server.store_errors import StillReferenced, VersionConflict
from fhir_server.version import Version
from mappings.r4 import Json, parse, serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

MODES = ("create", "update", "delete", "profile")
_PROFILE = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Asked:
    """Input of the operation."""

    resource: Json = None
    mode: str | None = None
    profile: str | None = None


async def validate(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """200 with an OperationOutcome, whether the resource is valid or not.

    At instance level without a resource the stored one is validated. Raises Invalid (the operation is called wrongly),
    NotFound and Gone (no stored resource to look at).
    """
    assert resource_type is not None  # the table of operations has it at type and instance level only
    asked = parse_input(request, resource_type)
    if asked.mode == "delete":
        issues = await _deletable(server, request, resource_type, id)
    else:
        if asked.resource is None or asked.mode == "profile":
            asked = replace(asked, resource=await _stored(server, request, resource_type, id, asked.resource))
        issues = judge(asked, resource_type, id)
    if not issues:
        issues = [Issue("informational", "no issues: this is valid", severity="information")]
    return FhirResponse(200, serialize(operation_outcome(issues)))


def parse_input(request: FhirRequest, resource_type: str) -> Asked:
    """What a request asks: a Parameters resource or the resource itself as body, mode and profile also in the URL.

    Raises Invalid, UnsupportedMediaType.
    """
    body: Json = json_of(request) if request.body or request.resource is not None else None
    given: dict[str, list[Json]] = {}
    for name, value in request.query:
        if name in ("mode", "profile"):
            given.setdefault(name, []).append(value)
        elif name not in ("_format", "_pretty"):
            raise Invalid("$validate has the parameters resource, mode and profile", code="not-supported")
    if _is_input(body, resource_type):
        parameters: list[dict[str, Json]] = body["parameter"]
        for parameter in parameters:
            given.setdefault(parameter["name"], []).append(_value(parameter))
    elif body is not None:
        given["resource"] = [body]
    for name, values in given.items():
        if name not in ("resource", "mode", "profile"):
            raise Invalid("$validate has the parameters resource, mode and profile", code="not-supported")
        if len(values) > 1:
            raise Invalid(f"the parameter {name} may be given once", code="value")
        if name != "resource" and not isinstance(values[0], str):
            raise Invalid(f"the parameter {name} must be text", code="value")
    [mode], [profile], [resource] = (given.get(name, [None]) for name in ("mode", "profile", "resource"))
    if mode is not None and mode not in MODES:
        raise Invalid(f"mode is one of {', '.join(MODES)}", code="value")
    return Asked(resource, mode, profile)


def _is_input(body: Json, resource_type: str) -> bool:
    """Whether the body is the operation's input rather than a Parameters resource to be validated."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters":
        return False
    parameters: Json = body.get("parameter")
    named = isinstance(parameters, list) and all(
        isinstance(parameter, dict) and isinstance(parameter.get("name"), str) for parameter in parameters
    )
    if resource_type == "Parameters":
        return named and any(parameter["name"] == "resource" for parameter in parameters)
    if not named:
        raise Invalid("the Parameters need named parameters", code="structure", expression=("Parameters.parameter",))
    return True


def _value(parameter: dict[str, Json]) -> Json:
    return next((value for name, value in parameter.items() if name == "resource" or name.startswith("value")), None)


def judge(asked: Asked, resource_type: str, id: str | None) -> list[Issue]:
    """All issues of the resource for the mode and the profile asked for."""
    resource = asked.resource
    issues = validation.validate(resource, resource_type=resource_type)
    if isinstance(resource, dict):
        issues += _id_issues(resource, asked.mode, resource_type, id)
    if asked.profile is not None and not is_base_profile(asked.profile, resource_type):
        text = f"profile is not supported: only the base definition of {resource_type} is known here"
        issues.append(Issue("not-supported", text))
    return issues


def _id_issues(resource: dict[str, Json], mode: str | None, resource_type: str, id: str | None) -> list[Issue]:
    path = (f"{resource_type}.id",)
    if mode == "create":
        if id is not None:
            return [Issue("business-rule", "a resource that has an id already cannot be created")]
        if "id" in resource:
            return [Issue("informational", "id will be replaced by one of the server's", path, "information")]
        return []
    if mode == "update" and "id" not in resource:
        return [Issue("required", "id is required for an update", path)]
    if id is not None and "id" in resource and resource["id"] != id:
        return [Issue("value", "id is not the id in the URL", path)]
    return []


def is_base_profile(profile: str, resource_type: str) -> bool:
    """Whether the canonical names the base definition of the type, or of a type it specialises."""
    url, _, version = profile.partition("|")
    name = url.removeprefix(_PROFILE)
    known = url.startswith(_PROFILE) and name in (resource_type, "DomainResource", "Resource")
    return known and version in ("", "4.0", "4.0.1") and is_a(resource_type, name)


async def _stored(server: Server, request: FhirRequest, resource_type: str, id: str | None, resource: Json) -> Json:
    """The stored resource, where none may or need be sent. Raises Invalid, NotFound, Gone."""
    if resource is not None:
        raise Invalid("with mode=profile the stored resource is validated: send none", code="value")
    if id is None:
        raise Invalid("a resource to validate is needed", code="required", expression=("Parameters.parameter",))
    return parse(_current(await server.store.read(request.access.using("r"), resource_type, id)))


def _current(version: Version | None) -> bytes:
    if version is None or version.version_id == 0:
        raise NotFound("there is no such resource")
    if version.body is None:
        raise Gone("the resource was deleted")
    return version.body


class _Undo(Exception):
    pass


async def _deletable(server: Server, request: FhirRequest, resource_type: str, id: str | None) -> list[Issue]:
    """Whether a delete would be carried out: tried in a database transaction that is then undone."""
    if id is None:
        # https://hl7.org/fhir/R4/valueset-resource-validation-mode.html: an instance has to be named.
        raise Invalid("mode=delete is for one instance: Type/id/$validate", code="value")
    previous = await server.store.read(request.access.using("r"), resource_type, id)
    _current(previous)
    change = prepare_delete(previous)
    assert change is not None
    try:
        async with server.store.transaction(request.access) as unit:
            await unit.write([change])
            raise _Undo
    except _Undo:
        return []
    except StillReferenced as error:
        # Who refers to it may not be visible to whoever asks.
        by = f"a resource of type {error.by}" if wide(request.access, "rs") else "something"
        return [Issue("conflict", f"cannot be deleted: {by} still refers to it")]
    except VersionConflict:
        return [Issue("conflict", "is being changed by somebody else just now")]
