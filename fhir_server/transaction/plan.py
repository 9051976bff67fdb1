"""A transaction before the database is asked: entries in their turns, ids assigned, links known, resources valid.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fhir_server.access.interactions import held
from fhir_server.dispatch import resolve
from fhir_server.outcome import FhirError, Invalid, Issue
from fhir_server.prepare import checked
from fhir_server.transaction.criteria import Criteria, reference_criteria
from fhir_server.transaction.entries import Entry, Turn, by_turn, parse_entry, place
from fhir_server.transaction.links import Kind, Link, links_of, path_of, rewritten_narrative, root_of
from fhir_server.transaction.pace import Pace
from fhir_server.transaction.patches import read_patch
from fhir_server.transaction.refusals import Refusals, entry_path
from mappings.r4 import Json
from smart_auth.scopes import Access

UNRESOLVED = "unresolved"
"""Stands for the id of a conditional reference while its resource is validated."""


@dataclass(slots=True)
class Plan:
    """What the entries of a transaction ask for."""

    order: list[Entry]
    """In order of processing."""
    by_url: dict[str, Entry]
    """The entries that write, by fullUrl."""
    references: dict[str, Criteria]
    """Conditional references: text -> criteria."""
    warnings: dict[int, list[Issue]] = field(default_factory=dict)
    """What validation remarked, by entry."""

    @property
    def writers(self) -> list[Entry]:
        """Entries that may change something, in order of processing."""
        return [entry for entry in self.order if entry.turn is not Turn.READ]


async def plan(
    entries: Sequence[Json],
    base: str,
    access: Access,
    *,
    new_id: Callable[[], str],
    integrity: bool,
    pace: Pace,
    refusals: Refusals,
) -> Plan:
    """The plan of a transaction; what is wrong with entries goes into `refusals`, all of it.

    integrity: whether a urn: reference that no entry bears is refused. Resources are rewritten in place, with
    provisional ids where criteria decide.
    """
    understood: list[Entry] = []
    for index, json in enumerate(entries):
        try:
            entry = parse_entry(index, json, base)
            place(entry)
            _allowed(entry, access)
            if entry.method == "PATCH":
                entry.resource = read_patch(entry.resource)
        except FhirError as error:
            refusals.add(index, error)
        else:
            understood.append(entry)
        if pace.due():
            await pace.rest()
    by_url = _by_full_url(understood, refusals)
    made = Plan(by_turn(understood), by_url, {})
    for entry in made.writers:
        _assign(entry, new_id)
    for entry in made.writers:
        if entry.turn is not Turn.DELETE:
            entry.links = links_of(entry.resource, by_url, root_of(entry.full_url))
            _collect(entry, made, base, integrity, refusals)
        if pace.due():
            await pace.rest()
    provisional = {text: f"{criteria[0]}/{UNRESOLVED}" for text, criteria in made.references.items()}
    for entry in made.writers:
        rewrite(entry, made.by_url, provisional)
        if entry.turn is Turn.CREATE or entry.method == "PUT":
            try:
                _, issues = checked(entry.resource, entry.type, entry.id)
                if issues:
                    made.warnings[entry.index] = issues
            except FhirError as error:
                refusals.add(entry.index, error)
        if pace.due():
            await pace.rest()
    return made


_INTERACTIONS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def _allowed(entry: Entry, access: Access) -> None:
    """Raises Forbidden, and for a reading entry that has no route NotFound or MethodNotAllowed, before all else."""
    if entry.turn is not Turn.READ:
        conditional = "conditional-" if entry.criteria is not None and entry.method != "POST" else ""
        held(access, conditional + _INTERACTIONS[entry.method], entry.type)
        return
    try:
        routed = resolve(entry.method, entry.path)
    except FhirError as error:
        path = (entry_path(entry.index, "request.url"),)
        error.issues = tuple(replace(issue, expression=path) for issue in error.issues)
        raise
    held(access, routed.interaction, routed.resource_type, routed.needs)
    code = entry.path[-1].removeprefix("$") if entry.path else ""
    if routed.interaction.startswith("$") and _changes_state(code):
        where = (entry_path(entry.index, "request.url"),)
        raise Invalid("an operation that changes something cannot be part of a transaction", expression=where)


def _changes_state(code: str) -> bool:
    # The table of operations imports interactions, and this is one.
    from fhir_server.operations import OPERATIONS

    return any(operation.code == code and operation.affects_state for operation in OPERATIONS)


def _by_full_url(entries: Sequence[Entry], refusals: Refusals) -> dict[str, Entry]:
    by_url: dict[str, Entry] = {}
    for entry in entries:
        full_url = entry.full_url
        if full_url is None or entry.turn not in (Turn.CREATE, Turn.UPDATE):
            continue
        other = by_url.setdefault(full_url, entry)
        if other is not entry:
            refusals.among((other.index, entry.index), "fullUrl", "two entries have the same fullUrl")
    return by_url


def _assign(entry: Entry, new_id: Callable[[], str]) -> None:
    """The id a write will have unless criteria find another."""
    if entry.id is not None:
        entry.provisional = entry.id
    elif entry.turn is Turn.UPDATE and isinstance(entry.resource, dict) and isinstance(entry.resource.get("id"), str):
        entry.provisional = entry.resource["id"]
    else:
        entry.provisional = new_id()
    entry.assigned = entry.provisional


def _collect(entry: Entry, made: Plan, base: str, integrity: bool, refusals: Refusals) -> None:
    """Understands an entry's conditional references and refuses links to nowhere."""
    for link in entry.links:
        if link.kind is Kind.CRITERIA and link.target not in made.references:
            try:
                made.references[link.target] = reference_criteria(link.target, base)
            except FhirError as error:
                refusals.add(entry.index, Invalid(str(error), code="value", expression=(link_path(entry, link),)))
        elif link.kind is Kind.UNKNOWN and integrity:
            reason = "no entry of the Bundle has the fullUrl that is referred to"
            refusals.add(entry.index, Invalid(reason, code="not-found", expression=(link_path(entry, link),)))


def link_path(entry: Entry, link: Link) -> str:
    """FHIRPath of a link: `Bundle.entry[3].resource.subject`."""
    return entry_path(entry.index, "resource" + path_of(entry.resource, link.holder, link.key))


def rewrite(entry: Entry, by_url: Mapping[str, Entry], references: Mapping[str, str]) -> None:
    """Puts the ids assigned by now where the entry's links stand; may be done again when ids change.

    references: conditional reference -> "Practitioner/1".
    """

    def address(full_url: str) -> str | None:
        target = by_url.get(full_url)
        return f"{target.type}/{target.assigned}" if target else None

    for link in entry.links:
        if link.kind is Kind.FULL_URL:
            target = by_url[link.target]
            suffix = link.suffix
            if suffix.startswith("/_history/") and target.turn is Turn.CREATE:
                # A client's version numbers are arbitrary; what is created here has version 1.
                suffix = "/_history/1" + "".join(suffix.partition("#")[1:])
            link.holder[link.key] = f"{target.type}/{target.assigned}{suffix}"
        elif link.kind is Kind.CRITERIA:
            link.holder[link.key] = references.get(link.target, link.original)
        elif link.kind is Kind.NARRATIVE:
            link.holder[link.key] = rewritten_narrative(link.original, address)
