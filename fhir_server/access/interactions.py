"""What an interaction needs of a token's scopes. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html"""

from __future__ import annotations

from collections.abc import Mapping

from fhir_server.access.kept import kept
from fhir_server.access.policies import Policies
from fhir_server.access.wall import wall_of
from fhir_server.outcome import Forbidden
from smart_auth.scopes import Access

NEEDS: Mapping[str, tuple[str, ...]] = {
    "capabilities": (),
    "websocket": ("r",),
    "read": ("r",),
    "vread": ("r",),
    "history-instance": ("r",),
    "history-type": ("s",),
    "history-system": ("s",),
    "search-type": ("s",),
    "search-system": ("s",),
    "create": ("c",),
    "update": ("u",),
    "patch": ("u",),
    "delete": ("d",),
    "conditional-update": ("u", "s"),
    "conditional-patch": ("u", "s"),
    "conditional-delete": ("d", "s"),
    # Each entry is held to its own.
    "transaction": (),
    # The type named is that of the compartment; the search is held to the types it searches.
    "search-compartment": (),
    # Jobs are their owner's.
    "job-status": (),
    "job-cancel": (),
    "job-file": (),
}
"""Interaction -> permissions, all of which it needs; of one with several letters any. The first is that in use."""


OPEN_TO_ALL = frozenset({"capabilities"})
"""Interactions that need no token."""

_MOST_KEPT = 100
"""Answers kept with an access, so that nobody makes them many."""


def held(access: Access, interaction: str, resource_type: str | None, needs: tuple[str, ...] | None = None) -> Access:
    """The access with the interaction's permission in use, type None: on any type.

    needs: of an operation, as it declares them. Raises Forbidden: the same, whether or not such resources exist.
    """
    if access.unrestricted:
        return access
    known, asked = _allowed(access), (interaction, resource_type, needs)
    found = known.get(asked)
    if found is not None:
        return found
    wanted = NEEDS[interaction] if needs is None else needs
    for permission in wanted[1:]:
        require(access, permission, resource_type)
    found = require(access, wanted[0], resource_type) if wanted else access
    if len(known) < _MOST_KEPT:
        known[asked] = found
    return found


@kept
def _allowed(access: Access, policies: Policies) -> dict[tuple[str, str | None, tuple[str, ...] | None], Access]:
    """What `held` has found, by what it was asked."""
    return {}


def require(access: Access, permission: str, resource_type: str | None) -> Access:
    """The access with a permission in use, of which any letter must be granted on the type (None: on any type).

    Raises Forbidden.
    """
    in_use = access.using(permission)
    wall = wall_of(in_use)
    if resource_type is None:
        granted = bool(wall.types)
    else:
        granted = resource_type in wall.types
        if resource_type == "Subscription" and permission in ("c", "u"):
            hears(access)
        if resource_type == "SearchParameter" and permission in ("c", "u", "d") and not wide(access, "cruds"):
            raise Forbidden("by SearchParameters go conditions of scopes and policies: this needs system/*.cruds")
    if not granted:
        raise Forbidden("the scopes of the token do not allow this")
    return in_use


def hears(access: Access) -> None:
    """Raises Forbidden for who may not be told what a Subscription tells: of whatever it names, and how often."""
    if not wide(access, "rs"):
        raise Forbidden("a Subscription needs a system scope to read all types")


def readable(access: Access, resource_type: str) -> bool:
    """Whether what was written may be shown to who wrote it."""
    return access.unrestricted or resource_type in wall_of(access.using("r")).types


def wide(access: Access, permissions: str) -> bool:
    """Whether every one of the permissions is granted on everything."""
    return access.unrestricted or all(wall_of(access.using(one)).everything for one in permissions)
