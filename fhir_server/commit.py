"""Commits prepared changes: runs again what lost a race, tells the store's refusals as FhirErrors.

https://hl7.org/fhir/R4/http.html#transactional-integrity
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fhir_server.access.writing import free, judge
from fhir_server.outcome import Conflict, Issue, Unprocessable
from fhir_server.prepare import Resource, reference_paths
from fhir_server.store_errors import MissingReferences, RetryTransaction, StillReferenced, VersionConflict
from fhir_server.version import Change, Version
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server
    from fhir_server.exchange import FhirResponse

ATTEMPTS = 12


async def settle(server: Server, key: Hashable, attempt: Callable[[], Awaitable[FhirResponse]]) -> FhirResponse:
    """The answer of `attempt`, which rereads and decides anew each time, once it loses no race. Raises Conflict.

    Requests about one `key` go one after another: in this process none then loses a race, and fails the others that
    were to share its commit. An attempt with If-Match ends by itself: the reread version is not the one it names.
    """
    async with server.turns.turn(key):
        for _ in range(ATTEMPTS):
            try:
                return await attempt()
            except (VersionConflict, RetryTransaction):
                continue
    raise Conflict("the resource keeps changing; try again", code="transient")


async def write(server: Server, change: Change, access: Access) -> Version:
    """Commits one change, which must be one that the access may make, by the permission in use.

    Raises VersionConflict for `settle`, Unprocessable, Conflict, Forbidden.
    """
    with told(server.base, [change.resource]):
        if free(access, change.type) or change.resource is None:
            return await server.store.write(change)
        async with server.store.transaction(access) as unit:
            [version] = await unit.write([change])
            await judge(unit, access, [change])
        return version


@contextmanager
def told(base: str, resources: Sequence[Resource | None]) -> Iterator[None]:
    """Tells the store's refusals as FhirErrors; `resources` are those of the changes handed over, in their order."""
    try:
        yield
    except MissingReferences as error:
        raise Unprocessable(missing(base, resources, error.references)) from None
    except StillReferenced:
        # Who refers to it may not be visible to whoever asks.
        raise Conflict("other resources still refer to it", code="conflict") from None


def missing(base: str, resources: Sequence[Resource | None], references: Sequence[tuple[int, str]]) -> list[Issue]:
    """One issue for each missing target type of each resource, naming the elements and never the id."""
    wanted: dict[tuple[int, str], set[str]] = {}
    for index, target in references:
        wanted.setdefault((index, target.split("/", 1)[0]), set()).add(target)
    issues = []
    for (index, target_type), targets in sorted(wanted.items()):
        resource = resources[index] if 0 <= index < len(resources) else None
        paths = reference_paths(resource, targets, base) if resource else []
        issues.append(Issue("not-found", f"refers to a {target_type} that does not exist", tuple(paths)))
    return issues
