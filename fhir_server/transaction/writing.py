"""All changes of a transaction in one write. https://hl7.org/fhir/R4/http.html#transactional-integrity"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fhir_server.access.writing import free, judge
from fhir_server.commit import missing
from fhir_server.outcome import Conflict, FhirError, Unprocessable
from fhir_server.store_errors import MissingReferences, StillReferenced
from fhir_server.transaction.entries import Entry
from fhir_server.transaction.pace import Pace
from fhir_server.transaction.refusals import Refusals
from fhir_server.transaction.settle import Decision
from fhir_server.unit import Unit
from fhir_server.version import Change, Version
from fhir_server.write import prepare
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server


async def write_all(
    server: Server, unit: Unit, decisions: Sequence[Decision], pace: Pace, access: Access
) -> dict[int, list[Version]]:
    """Writes all changes at once, each one that the access may make; the new versions by entry index.

    Raises FhirError, VersionConflict.
    """
    store = server.store
    entries: list[Entry] = []
    changes: list[Change] = []
    for decision in decisions:
        entries += [decision.entry] * len(decision.changes)
        changes += decision.changes
    if not changes:
        return {}
    rids = iter(await store.rids.many(sum(change.previous is None for change in changes)))
    now = server.now()
    writes = []
    for change in changes:
        # What Unit.write does, with turns for others in between: this is where most of the time goes.
        rid = change.previous.rid if change.previous else next(rids)
        writes.append(prepare(change, store.base, rid, now))
        if pace.due():
            await pace.rest()
    try:
        versions = await unit.write_prepared(writes)
        await _judge(unit, access, decisions, changes)
    except MissingReferences as error:
        raise _missing(server.base, entries, changes, error) from None
    except StillReferenced:
        # Who refers to it may not be visible to whoever asks.
        raise Conflict("other resources still refer to what is deleted") from None
    results: dict[int, list[Version]] = {}
    for entry, version in zip(entries, versions, strict=True):
        results.setdefault(entry.index, []).append(version)
    return results


async def _judge(unit: Unit, access: Access, decisions: Sequence[Decision], changes: Sequence[Change]) -> None:
    """Raises Forbidden, MissingReferences."""
    made = {id(change) for decision in decisions if decision.created for change in decision.changes}
    for permission in ("c", "u"):
        used = access.using(permission)
        # Each keeps its place, by which what it refers to is told.
        judged = [
            change if (id(change) in made) == (permission == "c") and not free(used, change.type) else _NOTHING
            for change in changes
        ]
        if any(change is not _NOTHING for change in judged):
            await judge(unit, used, judged)


_NOTHING = Change("", "", "", None, None)


def _missing(base: str, entries: Sequence[Entry], changes: Sequence[Change], error: MissingReferences) -> FhirError:
    """All references to what does not exist, named by entry and element."""
    refusals = Refusals()
    resources = [change.resource for change in changes]
    for index in sorted({index for index, _ in error.references}):
        of_one = [reference for reference in error.references if reference[0] == index]
        refusals.add(entries[index].index, Unprocessable(missing(base, resources, of_one)))
    try:
        refusals.check()
    except FhirError as refused:
        return refused
    return Unprocessable("references to resources that do not exist", code="not-found")
