"""The tries to send a message, kept in its Communication, and how far each has come. Pure.

The care services' contract, section 2. A try stands there before it is made; the channel's answer or one of its
statuses names the message it became. Statuses are folded in, so that neither their order nor their repetition matters:
of each state the earliest time is kept, and the state is read off them (`ladder.py`).
https://hl7.org/fhir/R4/communication.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from mappings.identifiers import Systems
from mappings.whatsapp import ladder
from mappings.whatsapp.communication import message_id
from mappings.whatsapp.webhook import Status

Json = Any

FAILED, ACCEPTED = ladder.FAILED, ladder.RUNGS[0]
ARRIVED = frozenset({"delivered", "read"})
_EXTENSION = "envio"
_STATES = (*ladder.RUNGS, FAILED)


@dataclass(frozen=True, slots=True)
class Send:
    """One try."""

    number: int
    """From 1."""
    line: str
    """Id of the business number it leaves from."""
    begun: datetime
    template: str | None = None
    """Its name, where it goes as one."""
    id: str | None = None
    """The channel's, once it is known."""
    at: Mapping[str, datetime] = field(default_factory=dict)
    """When it came to each state that is known."""
    codes: tuple[int, ...] = ()
    """Why it failed, in the channel's words; 0: without a code."""

    @property
    def state(self) -> str | None:
        """How far it has come; None: nobody knows whether it was sent."""
        return ladder.state(self.at) if self.at else None


def tracking(request: str, number: int) -> str:
    """What the channel gives back with each status of a try."""
    return f"{request}.{number}"


def tracked(text: str | None) -> tuple[str, int] | None:
    """Request and number of a try; None: it is none of ours."""
    request, dot, number = (text or "").rpartition(".")
    return (request, int(number)) if dot and number.isdecimal() and number.isascii() else None


def sends(made: Json, systems: Systems) -> list[Send]:
    """The tries of a Communication, in their order."""
    url = systems.extension(_EXTENSION)
    return [_read(one["extension"]) for one in made.get("extension", ()) if one["url"] == url]


def with_sends(made: Json, every: Sequence[Send], systems: Systems, *, failed: str = "on-hold") -> Json:
    """The Communication with these tries: its status, times and identifiers follow from them.

    failed: its status where every try has failed: on-hold as long as there will be another.
    """
    every = sorted(every, key=lambda one: (one.number, one.id or ""))
    url, own = systems.extension(_EXTENSION), message_id(systems)
    others = [one for one in made.get("extension", ()) if one["url"] != url]
    named = [one for one in made.get("identifier", ()) if one.get("system") != own]
    named += [{"system": own, "value": one.id} for one in every if one.id]
    found = {
        **made, "identifier": named, "status": _status(every, failed),
        "extension": [*others, *({"url": url, "extension": _written(one)} for one in every)],
    }  # fmt: skip
    sent = [_first(one, (ACCEPTED, *ladder.RUNGS[1:])) for one in every if one.state not in (None, FAILED)]
    received = [_first(one, ARRIVED) for one in every if one.state in ARRIVED]
    return _timed(_timed(found, "sent", sent), "received", received)


def state(every: Iterable[Send]) -> str | None:
    """How far the message has come by the try that came furthest; failed: all of them have; None: nobody knows."""
    found = [one.state for one in every]
    known = [one for one in found if one not in (None, FAILED)]
    if known:
        return max(known, key=lambda one: ladder.RUNGS.index(str(one)))
    return FAILED if found and None not in found else None


def told(every: Sequence[Send], statuses: Iterable[Status]) -> list[Send]:
    """The tries after statuses: each is of the try it names by the channel's id, else by our tracking data."""
    found = list(every)
    for one in statuses:
        place = _place(found, one)
        if place is None:
            # A second message of one try, or a try that was written by somebody whose write was lost.
            number = (tracked(one.tracking) or ("", len(found) + 1))[1]
            found.append(Send(number, one.number, datetime.fromtimestamp(one.at, UTC), id=one.id))
            place = len(found) - 1
        found[place] = _with(found[place], one)
    return found


def steps(before: Iterable[Send], every: Iterable[Send]) -> list[tuple[str, str, str, str]]:
    """What has come about: number, template or empty, state, code or empty of each state that is new."""
    known = {(one.number, one.id or ""): one.at for one in before}
    nameless = {one.number: one.at for one in before if one.id is None}
    found = []
    for one in every:
        had = known.get((one.number, one.id or ""), nameless.get(one.number, {}))
        for name in one.at:
            if name in had or (name == FAILED and one.state != FAILED):
                continue
            code = str(next(iter(one.codes), "")) if name == FAILED else ""
            found.append((one.line, one.template or "", name, code))
    return found


def _place(every: Sequence[Send], status: Status) -> int | None:
    for place, one in enumerate(every):
        if one.id == status.id:
            return place
    number = (tracked(status.tracking) or ("", 0))[1]
    return next((place for place, one in enumerate(every) if one.id is None and one.number == number), None)


def _with(one: Send, status: Status) -> Send:
    name, at = ladder.ALIAS.get(status.state, status.state), datetime.fromtimestamp(status.at, UTC)
    times = {**one.at, name: min(one.at.get(name, at), at)}
    codes = tuple(sorted({*one.codes, *(status.errors or (0,))})) if name == FAILED else one.codes
    return replace(one, id=status.id, at=times, codes=codes)


def _status(every: Sequence[Send], failed: str) -> str:
    match state(every):
        case None:
            return "preparation"
        case "failed":
            return failed
        case reached:
            return "completed" if reached in ARRIVED else "in-progress"


def _first(one: Send, names: Iterable[str]) -> datetime:
    return min(one.at[name] for name in names if name in one.at)


def _timed(made: Json, name: str, times: Sequence[datetime]) -> Json:
    if times:
        return {**made, name: instant(min(times))}
    return {key: value for key, value in made.items() if key != name}


def _read(parts: Sequence[Json]) -> Send:
    single: dict[str, Json] = {}
    codes = []
    for one in parts:
        value = next(value for key, value in one.items() if key.startswith("value"))
        if one["url"] == "codigo":
            codes.append(int(value))
        else:
            single[one["url"]] = value
    return Send(
        int(single["tentativa"]), single["linha"], datetime.fromisoformat(single["inicio"]), single.get("modelo"),
        single.get("mensagem"),
        {name: datetime.fromisoformat(single[name]) for name in _STATES if name in single}, tuple(codes),
    )  # fmt: skip


def _written(one: Send) -> list[Json]:
    parts: list[Json] = [
        {"url": "tentativa", "valueInteger": one.number},
        {"url": "linha", "valueString": one.line},
        {"url": "inicio", "valueInstant": instant(one.begun)},
    ]
    if one.template:
        parts.append({"url": "modelo", "valueString": one.template})
    if one.id:
        parts.append({"url": "mensagem", "valueString": one.id})
    parts += [{"url": name, "valueInstant": instant(one.at[name])} for name in _STATES if name in one.at]
    return [*parts, *({"url": "codigo", "valueInteger": code} for code in one.codes)]


def instant(moment: datetime) -> str:
    """As FHIR writes it, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def token(value: str) -> str:
    """As a token of a search. https://hl7.org/fhir/R4/search.html#escaping"""
    for one in "\\|,$":
        value = value.replace(one, "\\" + one)
    return value
