"""What each kind of administered resource offers and is given; their versions, and faults that name elements."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Connection

from fhir_server.outcome import Invalid, Unprocessable
from smart_auth.scopes import Access, Known
from smart_auth.seal import Seal

Resource = dict[str, Any]
Sent = Mapping[str, Any]

OF_ALL = frozenset({"resourceType", "id", "meta"})
"""Elements that every resource has; what they say in a body has no effect."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a request of the administration is carried out with, in its transaction."""

    connection: Connection
    known: Known
    seal: Seal
    now: int
    access: Access


class Kind(Protocol):
    """One type of administered resource: a module of this package."""

    ELEMENTS: frozenset[str]
    """That a body may have, beside those of all."""
    FILTERS: frozenset[str]
    """Search parameters."""
    WRITTEN: str
    """What the audit trail is told where one is written."""
    OPERATIONS: Mapping[str, Callable[[Given, str], Resource | None]]
    """On an instance, by POST without a body; None: there is no such resource."""

    def listed(self, given: Given, wanted: Mapping[str, str], after: str, most: int) -> list[tuple[str, Resource]]:
        """In order of a key each comes with: at most so many whose key follows `after`."""

    def found(self, given: Given, id: str, *, hold: bool) -> Resource | None:
        """One by its id; hold: that nobody else changes before the transaction ends."""

    def put(self, given: Given, id: str | None, sent: Sent, present: Resource | None) -> tuple[str, Resource]:
        """Creates (present: None) or changes one; its id, and what its author is told this once.

        Raises FhirError.
        """


def resource(kind: str, id: str, **elements: Any) -> Resource:
    """A resource of these elements, those that say nothing left out; its version is a digest of them."""
    said = {name: value for name, value in elements.items() if value not in (None, (), [], "")}
    digest = sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
    return {"resourceType": kind, "id": id, "meta": {"versionId": digest}, **said}


def fault(kind: str, text: str, names: Collection[str]) -> Unprocessable:
    """The outcome of a reason that begins with the elements it is about, as in "login, name: reason"."""
    elements, _, reason = text.partition(": ")
    found = elements.split(", ")
    if not reason or not set(found) <= set(names):
        return Unprocessable(text, code="value")
    return Unprocessable(text, code="value", expression=[f"{kind}.{name}" for name in found])


def boolean(kind: str, sent: Sent, name: str, default: bool) -> bool:
    """An element that is true or false. Raises Invalid."""
    value = sent.get(name, default)
    if not isinstance(value, bool):
        raise Invalid(f"{name}: must be true or false", code="value", expression=[f"{kind}.{name}"])
    return value
