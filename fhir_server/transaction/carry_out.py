"""The transaction interaction: all entries or none. https://hl7.org/fhir/R4/http.html#trules

1. `plan`: turns, ids, links, validation; the database is not asked yet, and nothing is held.
2. `ask`: locks of the criteria, then one search for all criteria, one read of all targets.
3. `Settlement`: what each entry comes down to; links get the ids found.
4. One write of all changes; then reading entries, which see it; then the commit.
Steps 2 to 4 run again as a whole when another writer was faster or a deadlock was broken.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fhir_server import dispatch
from fhir_server.access.writing import may_appear
from fhir_server.exchange import FhirRequest
from fhir_server.logical_ids import new_id
from fhir_server.outcome import Conflict, FhirError, TooLarge
from fhir_server.postgres import DatabaseError
from fhir_server.prefer import removed, written
from fhir_server.store_errors import RetryTransaction, VersionConflict
from fhir_server.transaction.ask import ask, lock_keys
from fhir_server.transaction.entries import Turn
from fhir_server.transaction.inside import Inside
from fhir_server.transaction.links import Kind
from fhir_server.transaction.pace import Pace
from fhir_server.transaction.plan import Plan, link_path, plan, rewrite
from fhir_server.transaction.refusals import Refusals
from fhir_server.transaction.requests import answered, request_of
from fhir_server.transaction.settle import Decision, Settlement
from fhir_server.transaction.writing import write_all
from fhir_server.unit import Unit
from fhir_server.version import Version
from mappings.r4 import Json

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

ATTEMPTS = 8
MOST_CRITERIA = 5000
"""Different criteria that one transaction may write by: each is an advisory lock, and PostgreSQL has some 6,400."""
_OUT_OF_LOCKS = "53200"


@dataclass(slots=True)
class _Work:
    """One transaction on its way."""

    server: Server
    request: FhirRequest
    headers: Mapping[str, str]
    plan: Plan
    pace: Pace
    answers: list[bytes] = field(default_factory=list)


async def carry_out(
    server: Server, request: FhirRequest, entries: Sequence[Json], headers: Mapping[str, str]
) -> list[bytes]:
    """The entries of the answer, in order of the request. Raises FhirError: all reasons, and nothing is done."""
    pace, refusals = Pace(), Refusals()
    if any(map(_defines, entries)):
        await server.store.learn()  # they are judged by what is in force
    planned = await plan(
        entries,
        server.base,
        request.access,
        new_id=new_id,
        integrity=server.store.referential_integrity,
        pace=pace,
        refusals=refusals,
    )
    refusals.check()
    work = _Work(server, request, headers, planned, pace, [b""] * len(entries))
    keys = lock_keys(planned)
    if len(keys) > MOST_CRITERIA:
        raise TooLarge(f"a transaction may write by at most {MOST_CRITERIA} different criteria; split it")
    turns: list[Hashable] = list(keys)
    for attempt in range(ATTEMPTS):
        try:
            async with AsyncExitStack() as stack:
                for turn in turns:
                    # Waiting here takes no database connection, as waiting for the advisory lock would.
                    await stack.enter_async_context(server.turns.turn(turn))
                await _attempt(work, keys)
            return work.answers
        except (VersionConflict, RetryTransaction):
            if attempt == 0:
                # Lost a race: from now on in turn with others that write to the same resources.
                named = {(entry.type, entry.id) for entry in planned.writers if entry.id is not None}
                turns = [*keys, *sorted(named)]
            await asyncio.sleep(random.uniform(0, 0.005 * 2**attempt))
        except DatabaseError as error:
            if error.sqlstate == _OUT_OF_LOCKS:
                raise TooLarge("the database has too few locks for this transaction; split it") from error
            raise
    raise Conflict("resources of this transaction keep changing; try again", code="transient")


def _defines(entry: Json) -> bool:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return isinstance(resource, dict) and resource.get("resourceType") == "SearchParameter"


async def _attempt(work: _Work, keys: list[int]) -> None:
    server, request, planned = work.server, work.request, work.plan
    settings = server.settings
    delete_limit = settings.conditional_delete_limit if settings.conditional_delete_multiple else 1
    for entry in planned.writers:
        entry.assigned = entry.provisional
    async with server.store.transaction(request.access) as unit:
        refusals = Refusals()
        decisions: list[Decision] = []
        if planned.writers:
            found = await ask(
                unit,
                request.access,
                server.base,
                planned,
                keys,
                delete_limit=delete_limit,
                placeholders=not server.store.referential_integrity,
            )
            decisions = await _settled(work, Settlement(found, refusals, delete_limit=delete_limit), refusals)
        for decision in decisions:
            _appear(request, decision, refusals)
        refusals.check()
        results = await write_all(server, unit, decisions, work.pace, request.access)
        for decision in decisions:
            work.answers[decision.entry.index] = _answer(work, decision, results)
            if work.pace.due():
                await work.pace.rest()
        await _read(work, unit, refusals)
        refusals.check()


def _appear(request: FhirRequest, decision: Decision, refusals: Refusals) -> None:
    """Refuses an update that would make what is not there, unless the access may."""
    entry = decision.entry
    if decision.created and entry.method == "PUT" and not request.access.unrestricted:
        try:
            may_appear(request.access.using("u"), entry.type)
        except FhirError as error:
            refusals.add(entry.index, error)


async def _settled(work: _Work, settlement: Settlement, refusals: Refusals) -> list[Decision]:
    """The decisions, in order of processing; links rewritten to the ids that stand now."""
    planned, pace = work.plan, work.pace
    decisions = []
    for entry in planned.writers:
        decision = settlement.target(entry)
        if decision is not None:
            decisions.append(decision)
        if pace.due():
            await pace.rest()
    references: dict[str, str] = {}
    unknown: dict[str, FhirError] = {}
    for text, criteria in planned.references.items():
        try:
            references[text] = settlement.reference(criteria)
        except FhirError as error:
            unknown[text] = error
    for decision in decisions:
        entry = decision.entry
        if entry.links:
            rewrite(entry, planned.by_url, references)
            for link in entry.links if unknown else ():
                if link.kind is Kind.CRITERIA and link.target in unknown:
                    reason = unknown[link.target]
                    issue = replace(reason.issues[0], expression=(link_path(entry, link),))
                    refusals.add(entry.index, type(reason)([issue]))
        settlement.change(decision)
        if pace.due():
            await pace.rest()
    return decisions


def _answer(work: _Work, decision: Decision, results: Mapping[int, list[Version]]) -> bytes:
    entry = decision.entry
    request = request_of(entry, work.request, work.headers)
    versions = results.get((decision.like or decision).entry.index, [])
    if entry.turn is Turn.DELETE:
        response = removed(request, versions[0] if len(versions) == 1 else None, len(versions))
    else:
        unchanged = decision.like is not None or not versions
        version = versions[0] if versions else decision.standing
        assert version is not None  # a write either makes a version or leaves the one that stands
        warnings = work.plan.warnings.get(entry.index, ())
        response = written(request, version, created=decision.created, unchanged=unchanged, issues=warnings)
    return answered(entry, response, work.server.base)


async def _read(work: _Work, unit: Unit, refusals: Refusals) -> None:
    """The reading entries, inside the transaction: they see what it wrote, and no failure among them is accepted."""
    inside = replace(work.server, store=Inside(work.server.store, unit))
    for entry in work.plan.order:
        if entry.turn is Turn.READ:
            try:
                response = await dispatch.perform(inside, request_of(entry, work.request, work.headers))
            except FhirError as error:
                refusals.add(entry.index, error)
            else:
                work.answers[entry.index] = answered(entry, response, work.server.base)
