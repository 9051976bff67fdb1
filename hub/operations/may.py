"""Who may: people with the role of an operator, privacy officers, and services with a scope that names operations."""

from __future__ import annotations

from fhir_server.outcome import Forbidden
from smart_auth.roles import OPERATOR, PRIVACY_OFFICER, UNMASKER
from smart_auth.scopes import OPERATIONS, Access

READ, ACT = "rs", "u"
"""Permissions of `user/Operations` and `system/Operations`."""
_ROLES = {READ: frozenset({OPERATOR, PRIVACY_OFFICER}), ACT: frozenset({OPERATOR})}


def may(access: Access, permission: str) -> bool:
    """Whether it is for this: by scope, and for people by role too."""
    if access.unrestricted:
        return True
    levels = {
        one.level for one in access.administers
        if one.type == OPERATIONS and set(permission) <= set(one.permissions)
    }  # fmt: skip
    return "system" in levels or ("user" in levels and not _ROLES[permission].isdisjoint(access.roles))


def permit(access: Access, permission: str) -> None:
    """Raises Forbidden."""
    if not may(access, permission):
        raise Forbidden(f"this needs a scope such as user/{OPERATIONS}.{permission}, and the role {OPERATOR}")


def may_unmask(access: Access) -> bool:
    """Whether health data may be shown to whoever it is: a person who may read, with a role that is for that."""
    if access.unrestricted:
        return True
    by_person = any(one.level == "user" and one.type == OPERATIONS for one in access.administers)
    return by_person and may(access, READ) and not {UNMASKER, PRIVACY_OFFICER}.isdisjoint(access.roles)
