"""The body of a webhook -> every message and every status in it, whatever is beside them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages. A message that
cannot be read is a fault of its own: it takes none of the others with it, and is kept as it came.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mappings.errors import Fault, MappingError

Json = Any

ACCOUNT = "whatsapp_business_account"
MEDIA = ("image", "audio", "video", "document", "sticker")


@dataclass(frozen=True, slots=True)
class Media:
    """A file of a message, to be fetched by its id."""

    id: str
    content_type: str | None
    sha256: str | None
    """In base64, as it is told."""
    name: str | None
    voice: bool = False
    """Spoken into the telephone."""


@dataclass(frozen=True, slots=True)
class Place:
    """A location that was shared: degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote: either may be missing."""

    user: str | None
    """Id within the business, with its country: "BR.1349...". """
    phone: str | None
    """Digits, as received."""
    name: str | None = None
    """As the person shows it; proves nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a person."""

    id: str
    number: str
    """Id of the business number it was written to."""
    sender: Sender
    at: int
    """Seconds since 1970, by the channel's clock."""
    kind: str
    """The channel's own word: text, interactive, button, image, audio, ..., edit, revoke, reaction, system."""
    text: str | None = None
    """What was written: text, caption, or title of what was tapped."""
    tapped: str | None = None
    """Id of the button or row that was tapped."""
    media: Media | None = None
    place: Place | None = None
    answers: str | None = None
    """Id of the message it is a reply to."""
    changes: str | None = None
    """Id of the message that it edits or takes back."""
    source: Json = dataclasses.field(default=None, repr=False, compare=False)
    """The message as it came."""


@dataclass(frozen=True, slots=True)
class Status:
    """How far a message of ours has come."""

    id: str
    number: str
    state: str
    """sent, delivered, read, played, failed."""
    at: int
    phone: str | None = None
    user: str | None = None
    tracking: str | None = None
    """What we sent along with the message."""
    errors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of a number, a template or the account itself, and any other field."""

    field: str
    source: Json = dataclasses.field(repr=False)
    time: int | None = None
    """When it was told, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Told:
    """Everything a webhook told, in its order."""

    messages: list[Message]
    statuses: list[Status]
    notices: list[Notice]
    faults: list[Fault]
    """Parts that cannot be read, each by its path."""


def read(body: bytes) -> Told:
    """Everything in a webhook's body. Raises MappingError: it is no JSON object of a business account."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MappingError("$", "is no JSON") from error
    if not isinstance(document, dict) or document.get("object") != ACCOUNT:
        raise MappingError("object", "is not that of a business account")
    told = Told([], [], [], [])
    for path, entry in _each(document, "entry", "entry", told.faults):
        for at, change in _each(entry, "changes", f"{path}.changes", told.faults):
            _change(change, at, told, entry.get("time"))
    return told


def _change(change: Json, at: str, told: Told, time: Json) -> None:
    value, name = change.get("value"), str(change.get("field"))
    if name != "messages" or not isinstance(value, dict):
        told.notices.append(Notice(name, change, time if isinstance(time, int) else None))
        return
    metadata = value.get("metadata")
    number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    if not isinstance(number, str):
        told.faults.append(Fault(f"{at}.value.metadata.phone_number_id", "is missing", "structure"))
        return
    contacts = [one for _, one in _each(value, "contacts", f"{at}.value.contacts", told.faults)]
    for path, one in _each(value, "messages", f"{at}.value.messages", told.faults):
        try:
            told.messages.append(_message(one, number, contacts))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            told.faults.append(Fault(path, f"cannot be read ({type(error).__name__})", "structure"))
    for path, one in _each(value, "statuses", f"{at}.value.statuses", told.faults):
        try:
            told.statuses.append(_status(one, number))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            told.faults.append(Fault(path, f"cannot be read ({type(error).__name__})", "structure"))
    if not (value.keys() & {"messages", "statuses"}):
        told.notices.append(Notice(name, change, time if isinstance(time, int) else None))


def _each(value: Json, name: str, path: str, faults: list[Fault]) -> Iterator[tuple[str, dict[str, Json]]]:
    """Path and content of every object in a list; whatever else is there is a fault."""
    found = value.get(name, ())
    if not isinstance(found, (list, tuple)):
        faults.append(Fault(path, "is no list", "structure"))
        return
    for place, one in enumerate(found):
        if isinstance(one, dict):
            yield f"{path}[{place}]", one
        else:
            faults.append(Fault(f"{path}[{place}]", "is no object", "structure"))


def _message(source: Json, number: str, contacts: list[Json]) -> Message:
    kind = str(source["type"])
    said = _READERS.get(kind, _nothing)(source)
    context = source.get("context") or {}
    return Message(
        id=_text(source["id"]), number=number, sender=_sender(source, contacts), at=int(source["timestamp"]),
        kind=kind, answers=context.get("id"), source=source, **said,
    )  # fmt: skip


def _sender(source: Json, contacts: list[Json]) -> Sender:
    """Who wrote: contacts are beside the messages, and say which is whose by number or id alone."""
    phone, user = source.get("from"), source.get("from_user_id")
    for one in contacts:
        own = one.get("wa_id"), one.get("user_id")
        if len(contacts) == 1 or (phone and phone == own[0]) or (user and user == own[1]):
            profile = one.get("profile") or {}
            return Sender(user or own[1], phone or own[0], profile.get("name"))
    return Sender(user, phone)


def _text(value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value


def _nothing(source: Json) -> dict[str, Json]:
    return {}


def _interactive(source: Json) -> dict[str, Json]:
    answer = source["interactive"]
    if answer["type"] == "nfm_reply":
        form = answer["nfm_reply"]
        return {"text": form.get("body"), "tapped": form.get("name")}
    chosen = answer[answer["type"]]
    return {"text": chosen.get("title"), "tapped": _text(chosen["id"])}


def _media(source: Json) -> dict[str, Json]:
    content = source[source["type"]]
    media = Media(
        _text(content["id"]), content.get("mime_type"), content.get("sha256"), content.get("filename"),
        bool(content.get("voice")),
    )  # fmt: skip
    return {"media": media, "text": content.get("caption")}


def _location(source: Json) -> dict[str, Json]:
    content = source["location"]
    place = Place(
        float(content["latitude"]), float(content["longitude"]), content.get("name"), content.get("address")
    )  # fmt: skip
    return {"place": place}


def _edit(source: Json) -> dict[str, Json]:
    """An edit carries the whole message as it is now."""
    edit = source["edit"]
    inner = edit["message"]
    return {**_READERS.get(str(inner.get("type")), _nothing)(inner), "changes": _text(edit["original_message_id"])}


_READERS: Mapping[str, Callable[[Json], dict[str, Json]]] = {
    "text": lambda source: {"text": _text(source["text"]["body"])},
    "interactive": _interactive,
    "button": lambda source: {"text": source["button"].get("text"), "tapped": source["button"].get("payload")},
    **dict.fromkeys(MEDIA, _media),
    "location": _location,
    "edit": _edit,
    "revoke": lambda source: {"changes": _text(source["revoke"]["original_message_id"])},
    "reaction": lambda source: {"text": source["reaction"].get("emoji"), "changes": source["reaction"]["message_id"]},
    "system": lambda source: {"text": source["system"].get("type"), "tapped": source["system"].get("wa_id")},
}
"""Type of a message -> what it says. Types that are not here say nothing that can be read: a person looks."""


def _status(source: Json, number: str) -> Status:
    return Status(
        _text(source["id"]), number, _text(source["status"]), int(source["timestamp"]), source.get("recipient_id"),
        source.get("recipient_user_id"), source.get("biz_opaque_callback_data"),
        tuple(int(one["code"]) for one in source.get("errors", ())),
    )  # fmt: skip
