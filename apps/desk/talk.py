"""A conversation as lines: what the member wrote and what was said to them, with how far it came. Pure.

https://hl7.org/fhir/R4/communication.html, https://hl7.org/fhir/R4/communicationrequest.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Json = Mapping[str, Any]

WINDOW = timedelta(hours=24)
"""For so long after the member's last message anything may be written to them."""
NEVER = datetime.max.replace(tzinfo=UTC)
STATES = ("read", "delivered", "sent", "accepted", "failed")
"""How far a message of ours came, the farthest first."""


@dataclass(frozen=True, slots=True)
class Line:
    """A message."""

    at: str
    order: str
    """Where it stands among the others: when it came to us, or was written here; one clock for both."""
    member: bool
    """Whether they wrote it."""
    texts: tuple[str, ...]
    options: tuple[str, ...]
    """What they can tap below it."""
    files: tuple[tuple[str, str], ...]
    """Name of each, and the id of its Binary; "" where it is not there."""
    state: str
    """Of what is said to them: waiting, unknown, not-done, or one of STATES."""
    by: str
    """Who said it; "" for the service."""
    urgent: bool


def lines(communications: Iterable[Json], requests: Iterable[Json]) -> list[Line]:
    """All of both directions, oldest first. requests: those that are not sent yet are among the lines."""
    asked = {one["id"]: one for one in requests}
    found = [_line(one, asked) for one in communications]
    sent = {
        reference.get("reference", "").rpartition("/")[2]
        for one in communications for reference in one.get("basedOn", ())
    }  # fmt: skip
    found += [
        _line(one, asked) for id, one in asked.items()
        if id not in sent and one.get("status") in ("active", "revoked") and one.get("payload")
    ]  # fmt: skip
    return sorted(found, key=lambda one: datetime.fromisoformat(one.order) if one.order else NEVER)


def _line(one: Json, asked: Mapping[str, Json]) -> Line:
    wrote = "basedOn" not in one and one["resourceType"] == "Communication"
    request = next((asked[id] for each in one.get("basedOn", ())
                    if (id := each.get("reference", "").rpartition("/")[2]) in asked), one)  # fmt: skip
    payload = one.get("payload", ())
    return Line(
        _at(one, request), _order(one, request, wrote=wrote), wrote,
        tuple(str(part["contentString"]) for part in payload if "contentString" in part),
        tuple(_titles(payload)),
        tuple(_file(part["contentAttachment"]) for part in payload if "contentAttachment" in part),
        "" if wrote else _state(one), str(request.get("requester", {}).get("display", "")),
        wrote and one.get("priority") == "stat",
    )  # fmt: skip


def _at(one: Json, request: Json) -> str:
    """When it was said, or will be."""
    known = (one.get("sent"), request.get("occurrenceDateTime"), request.get("authoredOn"))
    return str(next((each for each in known if each), one.get("meta", {}).get("lastUpdated", "")))


def _order(one: Json, request: Json, *, wrote: bool) -> str:
    return (
        str(one.get("received") or _at(one, request))
        if wrote
        else str(request.get("occurrenceDateTime") or request.get("authoredOn") or _at(one, request))
    )


def _file(attachment: Json) -> tuple[str, str]:
    url = str(attachment.get("url", ""))
    name = str(attachment.get("title") or attachment.get("contentType", "?"))
    return name, url.removeprefix("Binary/") if url.startswith("Binary/") else ""


def _titles(payload: Iterable[Json]) -> Iterable[str]:
    for part in payload:
        for one in part.get("extension", ()):
            for each in one.get("extension", ()):
                if each.get("url") == "titulo":
                    yield str(each["valueString"])


def _state(one: Json) -> str:
    """How far it came: by its tries where they are told, else by its status."""
    known = {
        each.get("url") for try_ in one.get("extension", ()) for each in try_.get("extension", ())
        if "valueInstant" in each
    }  # fmt: skip
    for state in STATES:
        if state in known:
            return state
    status = one.get("status")
    if one["resourceType"] == "CommunicationRequest":
        return "waiting" if status == "active" else "not-done"
    by_status = {"preparation": "unknown", "in-progress": "accepted", "completed": "sent"}
    return by_status.get(str(status), "not-done")


def newest(communications: Sequence[Json]) -> Json | None:
    """The last message that the member wrote."""
    own = [one for one in communications if "basedOn" not in one and "sent" in one]
    return max(own, key=lambda one: str(one["sent"]), default=None)


def open_until(communications: Sequence[Json]) -> datetime | None:
    """Until when anything may be written to them; None: they never wrote."""
    last = newest(communications)
    return None if last is None else datetime.fromisoformat(last["sent"]) + WINDOW


def phone(task: Json, communications: Sequence[Json]) -> str:
    """The telephone number of whoever wrote; "" where nobody knows."""
    for one in (task.get("for", {}), *(each.get("sender", {}) for each in communications if "basedOn" not in each)):
        for extension in one.get("extension", ()):
            if extension.get("url", "").endswith("/telefone"):
                return str(extension["valueString"])
        identifier = one.get("identifier", {})
        if identifier.get("system", "").endswith("/sid/telefone"):
            return str(identifier["value"])
    return ""
