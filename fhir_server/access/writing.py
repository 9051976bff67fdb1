"""What a write may leave behind: the new version must be one that the access could have changed.

Judged by the same predicate as reading, in the transaction that writes, after the rows are there.
https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_server.access.hiding import may_not_change
from fhir_server.access.interactions import require
from fhir_server.access.wall import wall_of
from fhir_server.outcome import Forbidden, NotFound
from fhir_server.references import local_reference, references_of
from fhir_server.store_errors import MissingReferences
from fhir_server.version import Change
from smart_auth.scopes import Access, Scope

if TYPE_CHECKING:
    from fhir_server.unit import Unit


def professional(access: Access) -> bool:
    """Whether it is one who may answer for what a model has found: https://hl7.org/fhir/R4/security-labels.html"""
    return "physician" in access.roles


def free(access: Access, resource_type: str) -> bool:
    """Whether whatever is written of the type is within the access."""
    if resource_type not in wall_of(access).open or _of_patient(access) or access.roles:
        return False
    return not may_not_change(access, resource_type)


def may_appear(access: Access, resource_type: str) -> None:
    """Whether an update may make a resource that is not there, or not visible.

    Raises NotFound where it may be there and hidden, Forbidden without the permission to create.
    """
    if access.unrestricted:
        return
    if resource_type not in wall_of(access).open or _of_patient(access):
        raise NotFound("there is no such resource")
    require(access, "c", resource_type)


async def judge(unit: Unit, access: Access, changes: Sequence[Change]) -> None:
    """Raises Forbidden if the access may not see what was written, MissingReferences if it refers to what is hidden."""
    written = {place: change for place, change in enumerate(changes) if change.resource is not None}
    for change in written.values():
        _kept(access, change)
    seen = await unit.read_as(access, [(change.type, change.id) for change in written.values()])
    if any(version is None for version in seen):
        raise Forbidden("what would be written is outside of what the token allows")
    if not (_of_patient(access) or access.roles):
        return
    targets = [
        (place, target)
        for (place, change), version in zip(written.items(), seen, strict=True)
        for text in sorted(set(references_of((version and version.body) or b"")) - _referred(change))
        if (target := local_reference(text, unit.base))
    ]
    # Without a scope to read the target one may refer to it, if it is one's own or shared, or open by policy.
    level = "user" if any(one.level == "user" for one in access.scopes) else "patient"
    reader = replace(access, scopes=(Scope(level, "*", "rs"),)).using("rs")
    there = await unit.read_as(reader, [target for _, target in targets])
    hidden = [(place, "/".join(target)) for (place, target), version in zip(targets, there, strict=True) if not version]
    if hidden:
        raise MissingReferences(hidden)


def _referred(change: Change) -> set[str]:
    """What the version before refers to: whoever may change that may leave it."""
    before = change.previous.body if change.previous is not None else None
    return set(references_of(before)) if before is not None else set()


def _kept(access: Access, change: Change) -> None:
    """Raises Forbidden if the change is of an element that the policy lets be read only."""
    for name in sorted(may_not_change(access, change.type)):
        before = (change.before or {}).get(name)
        if change.resource is not None and change.resource.get(name) != before:
            raise Forbidden(f"the policy does not let {change.type}.{name} be changed")


def _of_patient(access: Access) -> bool:
    """Whether the permission in use comes from patient scopes, some of it at least."""
    used = set(access.permission)
    return not access.unrestricted and any(
        one.level == "patient" and used & set(one.permissions) for one in access.scopes
    )
