"""What the page shows: read of FHIR operations side by side, each with its own fate, and turned into rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from apps.privacy import browsers as told_in
from apps.privacy.words import REASONS, REQUESTS, ROLES, STATES, VERBS, kind, moment
from apps.smart.reader import NotAllowed, Unavailable

Json = dict[str, Any]
Get = Callable[[str], Awaitable[Json]]

PAGES, WANTED = 5, 25
"""Pages of the access report read for one page here, and rows on it."""
OPERATIONS = ("$consents", "$erasure-plan", "$data-requests")
CORRECTABLE: tuple[tuple[str, str], ...] = (
    ("Patient", "Patient?_id={id}"),
    ("Condition", "Condition?patient={id}&_count=50"),
    ("AllergyIntolerance", "AllergyIntolerance?patient={id}&_count=50"),
    ("MedicationRequest", "MedicationRequest?patient={id}&_count=50"),
    ("Immunization", "Immunization?patient={id}&_count=50"),
    ("Observation", "Observation?patient={id}&_sort=-date&_count=50"),
    ("DocumentReference", "DocumentReference?patient={id}&_count=50"),
)
"""Kinds of resources of which a correction may be asked for on the page, and how those are found."""


@dataclass(frozen=True, slots=True)
class Access:
    """One row of who saw what."""

    when: str
    who: str
    role: str
    verb: str
    kinds: str
    why: str
    app: str
    emergency: bool


@dataclass(frozen=True, slots=True)
class Accesses:
    """A page of them."""

    rows: tuple[Access, ...]
    older: str | None
    """Number from which an older page begins."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the person."""

    protocol: str
    what: str
    about: str
    said: tuple[str, ...]
    asked: str
    due: str
    state: str
    open: bool
    reason: str
    came: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What is on the page; a part that could not be read is None."""

    consents: tuple[Json, ...] | None
    accesses: Accesses | None
    classes: tuple[Json, ...] | None
    requests: tuple[Request, ...] | None
    choices: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(default=())
    """Kind -> what there is of it to be corrected: reference and title."""
    browsers: tuple[told_in.Row, ...] | None = None
    """In which they are told of notices."""


async def read(
    get: Get, patient: str, *, start: str | None = None, own: bool = False, told: bool = False
) -> Record:  # fmt: skip
    """All of it. start: number of the newest access shown; own: those of the person, too; told: whether browsers can be
    told of notices. Raises SignedOut."""
    id = quote(patient, safe="")
    (consents, plan, requests), accesses, found, on = await asyncio.gather(
        asyncio.gather(*(_tried(get, f"Patient/{id}/{operation}") for operation in OPERATIONS)),
        _accesses(get, id, start, own),
        asyncio.gather(*(_tried(get, query.format(id=id)) for _, query in CORRECTABLE)),
        _tried(get, told_in.FOUND_BY.format(id=id)) if told else asyncio.sleep(0),
    )
    choices = [
        (kind(name), tuple((f"{name}/{one['id']}", title(one)) for one in _resources(bundle)))
        for (name, _), bundle in zip(CORRECTABLE, found, strict=True)
    ]
    titles = {reference: text for _, rows in choices for reference, text in rows}
    classes = None if plan is None else tuple(parts(one) for one in plan.get("parameter", ()) if "part" in one)
    called = {one["code"]: one["title"] for one in classes or ()}
    return Record(
        None if consents is None else tuple(parts(one) for one in consents.get("parameter", ())),
        accesses,
        classes,
        None if requests is None else tuple(request_row(one, titles, called) for one in _resources(requests)),
        tuple((name, rows) for name, rows in choices if rows),
        None if on is None else told_in.rows(_resources(on)),
    )


async def _tried(get: Get, url: str) -> Json | None:
    try:
        return await get(url)
    except (NotAllowed, Unavailable):
        return None


async def _accesses(get: Get, id: str, start: str | None, own: bool) -> Accesses | None:
    rows: list[Access] = []
    following = start
    for _ in range(PAGES):
        bundle = await _tried(
            get, f"Patient/{id}/$access-report?_count=100" + (f"&from={following}" if following else "")
        )
        if bundle is None:
            return None if not rows else Accesses(tuple(rows), following)
        events = _resources(bundle)
        for event in events:
            if own or not _is(event, id):
                rows.append(access_row(event))
            if len(rows) == WANTED:
                return Accesses(tuple(rows), str(int(event["id"]) - 1) if int(event["id"]) > 1 else None)
        if not any(link["relation"] == "next" for link in bundle.get("link", ())):
            return Accesses(tuple(rows), None)
        following = str(int(events[-1]["id"]) - 1) if events else None
        if following is None:
            return Accesses(tuple(rows), None)
    return Accesses(tuple(rows), following)


def _is(event: Json, id: str) -> bool:
    return str(event["agent"][0]["who"].get("reference", "")).endswith(f"Patient/{id}")


def access_row(event: Json) -> Access:
    """A row of an AuditEvent."""
    person, *apps = event["agent"]
    roles = [coding["code"] for one in person.get("role", ()) for coding in one.get("coding", ())]
    reasons = [coding["code"] for one in person.get("purposeOfUse", ()) for coding in one.get("coding", ())]
    kinds = [detail["valueString"] for one in event.get("entity", ()) for detail in one.get("detail", ())]
    app = apps[0].get("name") if apps else None
    return Access(
        moment(event["recorded"]), person.get("name") or app or "serviço da operadora",
        ", ".join(ROLES.get(role, role) for role in roles), VERBS.get(event.get("action", ""), "usou"),
        ", ".join(map(kind, kinds)), ", ".join(REASONS.get(reason, reason) for reason in reasons), app or "",
        "BTG" in reasons,
    )  # fmt: skip


def request_row(task: Json, titles: dict[str, str], classes: dict[str, str]) -> Request:
    """A row of a Task. titles: of the resources it may be about; classes: of data, by their codes."""
    codes = [coding["code"] for coding in task["code"]["coding"]]
    about = task.get("focus", {}).get("reference", "")
    said = [one["valueString"] for one in task.get("input", ()) if "valueString" in one]
    came = []
    for one in task.get("output", ()):
        name, *data = [coding["code"] for coding in one["type"]["coding"]]
        if name == "outcome":
            came.append(str(one["valueString"]))
        elif name == "erased":
            came.append(f"eliminados: {one['valueUnsignedInt']} ({classes.get(data[0], data[0])})")
        elif name == "kept":
            came.append(f"mantidos por lei ou por uso: {one['valueUnsignedInt']} ({classes.get(data[0], data[0])})")
    return Request(
        task["id"], next((REQUESTS[code] for code in codes if code in REQUESTS), "Pedido"), titles.get(about, about),
        tuple(said), moment(task["authoredOn"]), moment(task["restriction"]["period"]["end"])[:10],
        STATES.get(task["status"], task["status"]), task["status"] in ("requested", "accepted", "in-progress"),
        task.get("statusReason", {}).get("text", ""), tuple(came),
    )  # fmt: skip


def parts(parameter: Json) -> Json:
    """Name -> value of the parts of a parameter; of those that may repeat a list."""
    found: Json = {"decision": [], "source": []}
    for part in parameter["part"]:
        value = parts(part) if "part" in part else next(one for name, one in part.items() if name.startswith("value"))
        if part["name"] in ("decision", "source"):
            found[part["name"]].append(value)
        else:
            found[part["name"]] = value
    return found


def _resources(bundle: Json | None) -> list[Json]:
    return [entry["resource"] for entry in (bundle or {}).get("entry", ())]


def title(resource: Json) -> str:
    """What it is, in a line."""
    if resource["resourceType"] == "Patient":
        return "os seus dados de cadastro"
    for name in ("code", "vaccineCode", "medicationCodeableConcept", "type", "description"):
        if text := _words(resource.get(name)):
            break
    else:
        text = resource["resourceType"]
    when = next((str(resource[name]) for name in _DATES if name in resource), "")
    return f"{text} ({moment(when)[:10]})" if when else text


_DATES = ("effectiveDateTime", "onsetDateTime", "recordedDate", "authoredOn", "occurrenceDateTime", "date")


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    texts: Iterable[Any] = (value.get("text"), *(one.get("display") for one in value.get("coding", ())))
    return next((str(text) for text in texts if text), "")
