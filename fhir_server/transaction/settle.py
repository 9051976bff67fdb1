"""What each write of a transaction comes down to, once the database has been asked. https://hl7.org/fhir/R4/http.html#trules

Decisions only: the searches and reads were done by `ask.py`, the writing is done by the interaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fhir_server.conditional import hold
from fhir_server.interactions.patch import patched
from fhir_server.interactions.update import standing
from fhir_server.outcome import Conflict, FhirError, Invalid, NotFound, PreconditionFailed
from fhir_server.prepare import prepare_create, prepare_delete, prepare_update
from fhir_server.store_errors import VersionConflict
from fhir_server.transaction.criteria import Criteria, Present, Target, criteria_of
from fhir_server.transaction.entries import Entry, Turn
from fhir_server.transaction.patches import apply_patch
from fhir_server.transaction.refusals import Refusals, entry_path
from fhir_server.version import Change, Version


@dataclass(slots=True)
class Found:
    """What the database knew."""

    matches: dict[Criteria, list[str]]
    """Ids that meet each criteria, at least two where there are several."""
    versions: dict[Target, Version | None]
    """The current version of every target an id or criteria lead to."""


@dataclass(slots=True)
class Decision:
    """What one entry comes down to."""

    entry: Entry
    changes: list[Change] = field(default_factory=list)
    """None where nothing changes, several for a conditional delete of many."""
    standing: Version | None = None
    """The version that stays where nothing changes."""
    like: Decision | None = None
    """For a conditional create that finds what an earlier entry makes: the decision about that entry."""
    created: bool = False


class Settlement:
    """Decides entry by entry, in order of processing; what cannot be goes into `refusals`."""

    def __init__(self, found: Found, refusals: Refusals, *, delete_limit: int) -> None:
        """delete_limit: how many resources one conditional delete may remove."""
        self._found, self._refusals, self._delete_limit = found, refusals, delete_limit
        self._deleted: set[Target] = set()
        self._replaced: set[Target] = set()
        self._claims: dict[Target, Entry] = {}
        self._present = Present()
        self._made: dict[Target, Decision] = {}
        self._by_criteria: dict[Criteria, Decision] = {}

    def target(self, entry: Entry) -> Decision | None:
        """First pass: which resource an entry is about. Sets `entry.assigned`; None if it is refused."""
        try:
            return _TARGETS[entry.turn](self, entry)
        except FhirError as error:
            self._refusals.add(entry.index, error)
            return None

    def reference(self, criteria: Criteria) -> str:
        """`Practitioner/1`: what a conditional reference means, after all targets are known.

        Raises Invalid if nothing matches, PreconditionFailed if several do.
        """
        resource_type = criteria[0]
        ids = dict.fromkeys(self._ids(criteria))
        own = self._present.matches(criteria)
        if own is None:
            same = self._by_criteria.get(criteria)
            own = [(resource_type, same.entry.assigned)] if same else []
        else:
            # The Bundle replaces these: what they will say counts, not what the database says still.
            ids = {id: None for id in ids if (resource_type, id) not in self._replaced}
        ids.update((id, None) for _, id in own)
        if not ids:
            raise Invalid("the conditional reference matches nothing", code="not-found")
        if len(ids) > 1:
            raise PreconditionFailed("the conditional reference matches several resources", code="multiple-matches")
        return f"{resource_type}/{next(iter(ids))}"

    def change(self, decision: Decision) -> None:
        """Second pass, links rewritten: the change an entry makes."""
        try:
            _CHANGES[decision.entry.method](self, decision)
        except FhirError as error:
            self._refusals.add(decision.entry.index, error)

    # First pass

    def _ids(self, criteria: Criteria) -> list[str]:
        """Ids the database found, without those deleted by now."""
        found = self._found.matches.get(criteria, [])
        return [id for id in found if (criteria[0], id) not in self._deleted]

    def _claim(self, entry: Entry, target: Target) -> None:
        """Nobody else in the Bundle may write to the target."""
        other = self._claims.setdefault(target, entry)
        if other is not entry:
            self._refusals.among((other.index, entry.index), "request.url", "two entries write to the same resource")

    def _delete_target(self, entry: Entry) -> Decision:
        if entry.criteria is None:
            ids = [entry.assigned]
        else:
            ids = self._ids(criteria_of(entry.type, entry.criteria))
            if len(ids) > self._delete_limit:
                raise PreconditionFailed(
                    f"more than {self._delete_limit} match",
                    code="multiple-matches",
                    expression=(entry_path(entry.index, "request.url"),),
                )
        for id in ids:
            self._claim(entry, (entry.type, id))
            self._deleted.add((entry.type, id))
        decision = Decision(entry)
        for id in ids:
            previous = self._found.versions.get((entry.type, id))
            if "if-match" in entry.headers:
                hold(entry.headers, standing(previous))
            change = prepare_delete(previous)
            if change is not None:
                decision.changes.append(change)
        return decision

    def _create_target(self, entry: Entry) -> Decision:
        decision = Decision(entry, created=True)
        if entry.criteria is not None:
            criteria = criteria_of(entry.type, entry.criteria)
            existing = self._matching(criteria, entry, "request.ifNoneExist")
            if existing is not None:
                entry.assigned, decision.created = existing[1], False
                decision.like = self._made.get(existing)
                decision.standing = self._found.versions.get(existing)
                if decision.like is None and standing(decision.standing) is None:
                    raise VersionConflict  # deleted between search and read
                return decision
            self._by_criteria[criteria] = decision
        target = (entry.type, entry.assigned)
        self._claim(entry, target)
        self._made[target] = decision
        self._present.add(target, entry.resource)
        return decision

    def _update_target(self, entry: Entry) -> Decision:
        decision = Decision(entry)
        if entry.criteria is not None:
            criteria = criteria_of(entry.type, entry.criteria)
            existing = self._matching(criteria, entry, "request.url")
            if existing is not None:
                named = entry.resource.get("id") if entry.method == "PUT" else None
                if named is not None and named != existing[1]:
                    raise Invalid("the id in the body is not that of the match", expression=(f"{entry.type}.id",))
                entry.assigned = existing[1]
            elif entry.method == "PATCH":
                raise NotFound("no resource matches", expression=(entry_path(entry.index, "request.url"),))
            elif standing(self._found.versions.get((entry.type, entry.assigned))) is not None:
                raise Conflict(
                    "nothing matches, yet a resource with the id in the body exists", expression=(f"{entry.type}.id",)
                )
            self._by_criteria[criteria] = decision
        target = (entry.type, entry.assigned)
        self._claim(entry, target)
        if entry.method == "PUT":
            self._replaced.add(target)
            self._made[target] = decision
            self._present.add(target, entry.resource)
        return decision

    def _matching(self, criteria: Criteria, entry: Entry, element: str) -> Target | None:
        """The one resource that meets the criteria when the entry's turn has come. Raises PreconditionFailed."""
        found = {(criteria[0], id): None for id in self._ids(criteria)}
        own = self._present.matches(criteria)
        if own is None:
            same = self._by_criteria.get(criteria)
            own = [(criteria[0], same.entry.assigned)] if same else []
        found.update((target, None) for target in own)
        if len(found) > 1:
            raise PreconditionFailed(
                "several resources match", code="multiple-matches", expression=(entry_path(entry.index, element),)
            )
        return next(iter(found), None)

    # Second pass

    def _created(self, decision: Decision) -> None:
        entry = decision.entry
        if decision.created:
            decision.changes = [prepare_create(entry.resource, entry.type, entry.assigned)]

    def _put(self, decision: Decision) -> None:
        entry = decision.entry
        previous = self._found.versions.get((entry.type, entry.assigned))
        hold(entry.headers, standing(previous))
        resource = {**entry.resource, "id": entry.assigned}
        change = prepare_update(resource, entry.type, entry.assigned, previous)
        decision.created = standing(previous) is None
        if change is None:
            decision.standing = previous
        else:
            decision.changes = [change]

    def _patched(self, decision: Decision) -> None:
        entry = decision.entry
        previous = self._found.versions.get((entry.type, entry.assigned))
        if standing(previous) is not None:
            hold(entry.headers, previous)
        decision.standing, change = patched(previous, lambda resource: apply_patch(resource, entry.resource))
        if change is not None:
            decision.changes = [change]

    def _done(self, decision: Decision) -> None:
        """A deletion was decided in the first pass."""


_TARGETS: Mapping[Turn, Callable[[Settlement, Entry], Decision]] = {
    Turn.DELETE: Settlement._delete_target,
    Turn.CREATE: Settlement._create_target,
    Turn.UPDATE: Settlement._update_target,
}
_CHANGES: Mapping[str, Callable[[Settlement, Decision], None]] = {
    "DELETE": Settlement._done,
    "POST": Settlement._created,
    "PUT": Settlement._put,
    "PATCH": Settlement._patched,
}
