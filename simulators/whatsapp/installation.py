"""One simulated business account: its numbers, the people who write, what has been said, and what goes wrong."""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulators.whatsapp.troubles import Trouble

Json = dict[str, Any]

NUMBERS: dict[str, str] = {
    "100000000000001": "551730000001",
    "100000000000002": "551730000002",
    "100000000000003": "551730000003",
    "100000000000004": "551730000004",
    "100000000000005": "551730000005",
    "100000000000006": "551730000006",
    "100000000000007": "551730000007",
}
"""Ids of the business numbers -> what people dial: five by purpose, two spare."""
ACCOUNT = "200000000000001"


@dataclass(slots=True)
class Line:
    """Something that was said, as the phone page shows it."""

    id: str
    mine: bool
    """By the person, not by the business."""
    number: str
    content: Json
    at: float
    state: str = "sent"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a phone."""

    phone: str
    name: str

    @property
    def user(self) -> str:
        """Their id within this business."""
        return "BR." + str(int(hashlib.sha256(self.phone.encode()).hexdigest()[:13], 16))


@dataclass(slots=True)
class Account:
    """The state of a simulated account."""

    token: str = field(repr=False)
    secret: str = field(repr=False)
    """Signs webhooks."""
    verify: str = field(repr=False)
    clock: Callable[[], float] = time.time
    numbers: dict[str, str] = field(default_factory=lambda: dict(NUMBERS))
    people: dict[str, Person] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    """By telephone number."""
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    """Bodies that were sent to the API."""
    states: dict[str, str] = field(default_factory=dict)
    """Of numbers that are not CONNECTED."""
    templates: list[Json] = field(default_factory=list)
    """As the API lists them; those of other names are not known."""
    telling: int = 0
    """Messages of which there is more to tell."""
    first: int = 1
    """Number of the first id: whoever is started again begins with one of which the hub has heard nothing."""
    _ids: Any = field(init=False)

    def __post_init__(self) -> None:
        self._ids = itertools.count(self.first)

    def person(self, phone: str, name: str = "") -> Person:
        """Somebody, known from now on."""
        found = self.people.get(phone)
        if found is None or (name and name != found.name):
            found = self.people[phone] = Person(phone, name or phone)
        return found

    def new_id(self, prefix: str = "wamid.SIM") -> str:
        """An id that nothing else has."""
        return f"{prefix}{next(self._ids):012d}"

    def trouble(self, *names: str) -> Trouble | None:
        """One of these troubles, if it is due, counted off."""
        for one in self.troubles:
            if one.name in names and one.times > 0:
                one.times -= 1
                return one
        return None

    def keep(self, content: bytes, content_type: str) -> str:
        """Keeps a file; its id."""
        id = self.new_id("")
        self.media[id] = content_type, content
        return id

    def digest(self, id: str) -> str:
        """SHA-256 of a file, in base64."""
        return base64.b64encode(hashlib.sha256(self.media[id][1]).digest()).decode()

    def wrote(self, phone: str, number: str, content: Json, *, answers: str = "", at: float | None = None) -> Json:
        """A person writes: the change a webhook tells of it. content: `{"type": "text", "text": {...}}`."""
        person, now = self.person(phone), self.clock() if at is None else at
        line = Line(self.new_id(), True, number, content, now)
        self.lines[phone].append(line)
        message: Json = {
            "from": phone,
            "from_user_id": person.user,
            "id": line.id,
            "timestamp": str(int(now)),
            **content,
        }
        if answers:
            message["context"] = {"from": self.numbers[number], "id": answers}
        contact = {"profile": {"name": person.name}, "wa_id": phone, "user_id": person.user}
        return self._change(number, contacts=[contact], messages=[message])

    def sent(self, number: str, body: Json) -> tuple[str, str]:
        """The business sends: id of the message, and the telephone number it goes to."""
        phone = body.get("to") or next((one.phone for one in self.people.values() if one.user == body["recipient"]), "")
        content = {"type": body["type"], body["type"]: body[body["type"]]}
        line = Line(self.new_id(), False, number, content, self.clock(), "accepted")
        self.lines[phone].append(line)
        return line.id, phone

    def status(
        self, number: str, id: str, phone: str, state: str, tracking: str | None = None, errors: list[int] | None = None
    ) -> Json:
        """The change a webhook tells of how far a message has come."""
        for line in self.lines[phone]:
            if line.id == id:
                line.state = state
        told: Json = {"id": id, "status": state, "timestamp": str(int(self.clock())), "recipient_id": phone}
        if phone in self.people:
            told["recipient_user_id"] = self.people[phone].user
        if tracking:
            told["biz_opaque_callback_data"] = tracking
        if errors:
            told["errors"] = [{"code": code, "title": "Simulated"} for code in errors]
        return self._change(number, statuses=[told])

    def _change(self, number: str, **parts: Any) -> Json:
        metadata = {"display_phone_number": self.numbers[number], "phone_number_id": number}
        return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **parts}}
