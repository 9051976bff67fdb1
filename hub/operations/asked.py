"""What an operator asks, read and judged: parameters, bodies, reasons; and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson

from fhir_server.dispatch import Server
from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Invalid
from hub.ledger import Ledger
from hub.operations.counts import Days
from mappings import r4
from mappings.tasy.site import Site
from messages.search import Message
from messages.store import Rows
from smart_auth.scopes import Access

Json = Any
T = TypeVar("T")

COUNT, MOST_COUNT = 50, 500
REASON = (3, 200)
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a message would become."""

    result: Sequence[Json] = ()
    faults: Sequence[Mapping[str, str]] = ()
    """element, code, reason."""
    error: Mapping[str, str] | None = None
    """The same, where it cannot be used."""


Simulate = Callable[[Message, bytes], Awaitable[Simulated]]
"""Maps the body of a message and writes nothing."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers are made with."""

    ledger: Ledger
    server: Server
    simulate: Mapping[tuple[str, str], Simulate]
    """By flow and direction."""
    site: Site
    audited: bool
    now: Callable[[], datetime]
    days: Days = field(default_factory=Days)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    parts: Parts
    access: Access
    query: Sequence[tuple[str, str]]
    body: bytes
    values: Mapping[str, str]
    """Of the placeholders in its path."""
    path: str
    address: str
    request_id: str

    async def rows(self, work: Callable[[Rows], T]) -> T:
        """What the work on the tables of messages gives."""
        return await self.parts.ledger(work)

    def number(self, name: str) -> int:
        """A placeholder that is a number. Raises Invalid."""
        return _number(self.values[name], name, 2**63 - 1)

    def parameters(self, *names: str) -> dict[str, str]:
        """Those of the query that are given, each once, none but these. Raises Invalid."""
        found = dict(self.query)
        unknown = sorted(found.keys() - set(names))
        if unknown or len(found) < len(self.query):
            allowed = ", ".join(names) or "none"
            raise Invalid(f"parameters here are: {allowed}; each once", code="not-supported")
        return {name: value for name, value in found.items() if value != ""}

    def document(self, *names: str) -> dict[str, Json]:
        """The body, an object with none but these members. Raises Invalid."""
        try:
            found = r4.parse(self.body) if self.body.strip() else {}
        except r4.MalformedJson as error:
            raise Invalid(str(error), code="structure") from None
        if not isinstance(found, dict):
            raise Invalid("the body has to be an object", code="structure")
        if unknown := sorted(found.keys() - set(names)):
            known = [one for one in unknown if one.isidentifier()]
            raise Invalid(f"members of the body are: {', '.join(names)}", code="structure", expression=known)
        return found


def answer(body: Json, status: int = 200) -> FhirResponse:
    """JSON, instants in UTC."""
    option = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
    return FhirResponse(status, orjson.dumps(_utc(body), option=option), content_type="application/json")


def _utc(value: Json) -> Json:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return {key: _utc(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_utc(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    # Exact decimals of a body: as the number nearest to them, which is what whoever shows it makes of them anyway.
    return float(value) if type(value).__name__ == "Decimal" else value


def page(parameters: Mapping[str, str]) -> tuple[int, int | None]:
    """count and cursor. Raises Invalid."""
    count = _number(parameters.get("count", str(COUNT)), "count", MOST_COUNT)
    cursor = parameters.get("cursor")
    return count, None if cursor is None else _number(cursor, "cursor", 2**63 - 1)


def _number(text: str, name: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= most):
        raise Invalid(f"{name}: a number from 1 to {most}", code="value", expression=[name])
    return int(text)


def optional_number(parameters: Mapping[str, str], name: str) -> int | None:
    """A number, None: it is not given. Raises Invalid."""
    return _number(parameters[name], name, 2**63 - 1) if name in parameters else None


def optional_instant(parameters: Mapping[str, str], name: str) -> datetime | None:
    """An instant, None: it is not given. Raises Invalid."""
    if name not in parameters:
        return None
    try:
        found = datetime.fromisoformat(parameters[name].replace(" ", "+"))  # a + that was not percent-encoded
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid(f"{name}: an instant with its offset, as 2026-03-10T14:20:00Z", code="value", expression=[name])
    return found


def optional_uuid(parameters: Mapping[str, str], name: str) -> UUID | None:
    """A UUID, None: it is not given. Raises Invalid."""
    try:
        return UUID(parameters[name]) if name in parameters else None
    except ValueError:
        raise Invalid(f"{name}: a UUID", code="value", expression=[name]) from None


def chosen(parameters: Mapping[str, str], name: str, known: Sequence[str]) -> list[str] | None:
    """Words of a list separated by commas, None: it is not given. Raises Invalid."""
    if name not in parameters:
        return None
    words = parameters[name].split(",")
    if not set(words) <= set(known):
        raise Invalid(f"{name}: of {', '.join(known)}, separated by commas", code="value", expression=[name])
    return words


def reason(text: Json) -> str:
    """Why something is done, told by whoever does it. Raises Invalid."""
    least, most = REASON
    found = text.strip() if isinstance(text, str) else ""
    if not (least <= len(found) <= most and found.isprintable()):
        code = "required" if text in (None, "") else "value"
        raise Invalid(f"reason: {least} to {most} printable characters", code=code, expression=["reason"])
    return found
