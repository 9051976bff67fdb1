"""What a transaction asks the database: one statement for all criteria, one for all targets.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fhir_server import store_reads
from fhir_server.conditional import lock_key
from fhir_server.outcome import FhirError
from fhir_server.search.match import match_many
from fhir_server.transaction.criteria import Criteria, Target, criteria_of
from fhir_server.transaction.entries import Entry, Turn
from fhir_server.transaction.links import Kind
from fhir_server.transaction.plan import Plan, link_path
from fhir_server.transaction.refusals import Refusals, entry_path
from fhir_server.transaction.settle import Found
from fhir_server.unit import Unit
from smart_auth.scopes import UNRESTRICTED, Access

_MOST = 1000
PERMISSIONS = {"POST": "s", "PUT": "u", "PATCH": "u", "DELETE": "d"}
"""What an entry's target must be visible for; a conditional create only finds it."""


def lock_keys(plan: Plan) -> list[int]:
    """Advisory locks of all criteria that writes depend on, sorted: one order for everybody."""
    return sorted({lock_key(entry.type, entry.criteria) for entry in plan.writers if entry.criteria is not None})


async def ask(
    unit: Unit, access: Access, base: str, plan: Plan, keys: list[int], *, delete_limit: int, placeholders: bool
) -> Found:
    """What the database knows about the plan; the locks `keys` are held from here on.

    placeholders: whether rows may stand for resources that are referred to and were never created.
    """
    if keys:
        # In a statement of their own, so that the search sees what the holder before us committed.
        await unit.lock(keys)
    found = Found(await _matches(unit, access.using("s"), base, plan, delete_limit), {})
    by_permission: dict[str, dict[Target, None]] = {}
    for permission, target in _targets(plan.writers, found):
        by_permission.setdefault("" if access.unrestricted else permission, {})[target] = None
    for permission, wanted in by_permission.items():
        targets = list(wanted)
        found.versions.update(zip(targets, await unit.read_as(access.using(permission), targets), strict=True))
    if placeholders and (unknown := [target for target, version in found.versions.items() if version is None]):
        rows = await unit.select(store_reads.current(UNRESTRICTED, unknown, placeholders=True))
        for position, version in store_reads.current_versions(unknown, rows):
            if version.version_id == 0:
                found.versions[unknown[position]] = version
    return found


async def _matches(unit: Unit, access: Access, base: str, plan: Plan, delete_limit: int) -> dict[Criteria, list[str]]:
    """Ids that meet each of the criteria. Raises FhirError naming every entry whose criteria cannot be searched."""
    searches = list(_searches(plan))
    if not searches:
        return {}
    limit = _limit(plan.writers, delete_limit)
    try:
        answers = await match_many(unit, access, base, [(name, list(query)) for name, query in searches], limit)
    except FhirError:
        await _name_wrong_criteria(unit, access, base, plan)
        raise
    return {criteria: [id for _, id in answer] for criteria, answer in zip(searches, answers, strict=True)}


async def _name_wrong_criteria(unit: Unit, access: Access, base: str, plan: Plan) -> None:
    """Raises what is wrong with each of the criteria, told of the entries that state them."""
    refusals = Refusals()
    wrong: dict[Criteria, FhirError] = {}
    for criteria in _searches(plan):
        try:
            await match_many(unit, access, base, [(criteria[0], list(criteria[1]))])
        except FhirError as error:
            wrong[criteria] = error
    for entry in plan.writers:
        if entry.criteria is not None and (reason := wrong.get(criteria_of(entry.type, entry.criteria))):
            element = "request.ifNoneExist" if entry.turn is Turn.CREATE else "request.url"
            refusals.add(entry.index, _at(reason, entry_path(entry.index, element)))
        for link in entry.links:
            if link.kind is Kind.CRITERIA and (reason := wrong.get(plan.references[link.target])):
                refusals.add(entry.index, _at(reason, link_path(entry, link)))
    refusals.check()


def _at(error: FhirError, path: str) -> FhirError:
    return type(error)([replace(issue, expression=(path,)) for issue in error.issues])


def _searches(plan: Plan) -> dict[Criteria, None]:
    """Every criteria once."""
    wanted = {criteria_of(entry.type, entry.criteria): None for entry in plan.writers if entry.criteria is not None}
    wanted.update((criteria, None) for criteria in plan.references.values())
    return wanted


def _limit(writers: Iterable[Entry], delete_limit: int) -> int:
    """Matches to ask for: two tell one from several, also when the Bundle deletes some of them first."""
    deletes = [entry for entry in writers if entry.turn is Turn.DELETE]
    conditional = delete_limit if any(entry.criteria is not None for entry in deletes) else 1
    return conditional + 1 + min(len(deletes), _MOST)


def _targets(writers: Iterable[Entry], found: Found) -> Iterable[tuple[str, Target]]:
    """Every resource that ids or matches lead to, with the permission it is looked at for.

    What a create makes under a new id is not there to be read.
    """
    for entry in writers:
        permission = PERMISSIONS[entry.method]
        if entry.criteria is not None:
            for id in found.matches[criteria_of(entry.type, entry.criteria)]:
                yield permission, (entry.type, id)
        if entry.id is not None or (entry.method == "PUT" and "id" in entry.resource):
            yield permission, (entry.type, entry.provisional)
