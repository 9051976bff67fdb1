"""A write before it is committed: what a resource sent in would change. https://hl7.org/fhir/R4/http.html

Everything here is pure. An interaction (and a transaction entry) goes the same way:

1. `body.resource_of(request, type)`            the resource as sent (a raw Binary becomes a Binary resource)
2. `checked(resource, type, id)`                right type, right id, valid; raises with all issues at once
3. `conditional.hold(request.headers, previous)` If-Match and If-None-Match against the current version
4. `prepare_create` / `prepare_update` / `prepare_delete` -> `Change`, or None where nothing would change
5. commit: `store.write(change)`, or `unit.write(changes)` for several at once
6. `prefer.written(request, version, created=...)` the answer

A transaction does 1-4 for each of its entries (step 2 after urn:uuid references are replaced), then commits once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fhir_server.labels.given import labelled
from fhir_server.outcome import Invalid, Issue, Unprocessable
from fhir_server.search.custom import problems
from fhir_server.search.parameters import current
from fhir_server.validation import validate
from fhir_server.version import Change, Version
from mappings.r4 import Json, parse

Resource = dict[str, Any]

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""https://hl7.org/fhir/R4/datatypes.html#id"""


def checked(
    resource: Json, resource_type: str, id: str | None = None, *, warnings: bool = False
) -> tuple[Resource, list[Issue]]:
    """The resource if it may be stored as `resource_type` (and, for PUT, as `id`); with `warnings` those about it.

    Raises Invalid (no resource, another type, another id) or Unprocessable (the rules of FHIR; every issue is named).
    """
    if not isinstance(resource, dict):
        raise Invalid("the body must be one resource: a JSON object with a resourceType", code="structure")
    found = resource.get("resourceType")
    if not isinstance(found, str):
        raise Invalid("the body has no resourceType", code="structure", expression=("resourceType",))
    if found != resource_type:
        raise Invalid(
            f"the URL is about {resource_type}, the body is of another resource type", expression=("resourceType",)
        )
    if id is not None:
        same_id(resource, id)
    issues = validate(resource, resource_type=resource_type, warnings=warnings)
    if resource_type == "SearchParameter" and not any(issue.severity == "error" for issue in issues):
        issues = [*issues, *problems(resource, current())]
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Unprocessable(issues)
    return resource, issues


def same_id(resource: Resource, id: str) -> None:
    """Raises Invalid unless the resource names the id of the URL; https://hl7.org/fhir/R4/http.html#update."""
    type_and_id = f"{resource.get('resourceType')}.id"
    if not ID.fullmatch(id):
        raise Invalid("an id has 1 to 64 of the characters A-Z a-z 0-9 - .", code="value", expression=(type_and_id,))
    if "id" not in resource:
        raise Invalid(
            "an update needs the id in the body as well as in the URL", code="required", expression=(type_and_id,)
        )
    if resource["id"] != id:
        raise Invalid("the id in the body is not the id in the URL", code="value", expression=(type_and_id,))


def prepare_create(resource: Resource, resource_type: str, id: str) -> Change:
    """The creation of `resource` under the server-assigned `id`; an id sent in is replaced, as the standard says."""
    return Change(
        type=resource_type, id=id, method="POST", resource=labelled({**resource, "id": id}, None), previous=None
    )


def prepare_update(
    resource: Resource,
    resource_type: str,
    id: str,
    previous: Version | None,
    method: str = "PUT",
    *,
    reviewed: bool = False,
) -> Change | None:
    """The change that makes `resource` current: a creation, an update, or a restoration of what was deleted.

    None: the current version says the same already (member order aside), and stays. Security labels stay as `labels/`
    says; reviewed: by a professional.
    """
    before = None
    if previous is not None and previous.body is not None:
        before = parse(previous.body)
    resource = labelled({**resource, "id": id}, before, reviewed=reviewed)
    if before is not None and same_content(resource, before):
        return None
    return Change(resource_type, id, method, resource, previous, before)


def prepare_delete(previous: Version | None) -> Change | None:
    """The deletion of the current version. None: never existed, or is deleted already."""
    if previous is None or previous.body is None:
        return None
    return Change(type=previous.type, id=previous.id, method="DELETE", resource=None, previous=previous)


def prepare_patched(patched: Json, previous: Version, *, reviewed: bool = False) -> Change | None:
    """The change a patch makes: its result must still be this resource, and valid. None: it changes nothing.

    Raises Unprocessable.
    """
    if (
        not isinstance(patched, dict)
        or patched.get("resourceType") != previous.type
        or patched.get("id") != previous.id
    ):
        raise Unprocessable("a patch may not change resourceType or id", code="business-rule")
    try:
        resource, _ = checked(patched, previous.type)
    except Invalid as error:
        raise Unprocessable(error.issues) from None
    return prepare_update(resource, previous.type, previous.id, previous, "PATCH", reviewed=reviewed)


def same_content(resource: Resource, before: Resource) -> bool:
    """Whether a resource says what another says, apart from meta.versionId and meta.lastUpdated.

    Order of members does not count, digits of decimals do (1.10 is not 1.1).
    """
    one, other = _plain(resource), _plain(before)
    return one == other and _same(one, other)  # what differs is soon seen; what seems equal is looked at closely


def _plain(resource: Resource) -> Resource:
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    kept = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": kept} if kept else rest


def _same(one: Json, other: Json) -> bool:
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(_same(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        return type(one) is type(other) and one.as_tuple() == other.as_tuple()
    return type(one) is type(other) and bool(one == other)


def reference_paths(resource: Resource, targets: set[str], base: str) -> list[str]:
    """FHIRPaths of the elements that refer to any of `targets` ("Patient/1"), for messages about missing references."""
    return [f"{resource.get('resourceType')}{path}" for path in _referring(resource, targets, base + "/", "")]


def _referring(node: Json, targets: set[str], prefix: str, path: str) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("reference")
        if isinstance(reference, str):
            local = reference.removeprefix(prefix).split("/_history/", 1)[0].split("#", 1)[0]
            if local in targets:
                yield path
        for name, value in node.items():
            if isinstance(value, (dict, list)):
                yield from _referring(value, targets, prefix, f"{path}.{name}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _referring(value, targets, prefix, f"{path}[{position}]")
