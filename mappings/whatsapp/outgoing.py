"""What is sent: texts, buttons, lists, templates, media -> the body of a call, with the channel's limits held here.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages. Whoever writes a text
that is too long learns it when it is made, not when somebody waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.errors import MappingError

Json = Any

TEXT, BODY, BUTTON, BUTTON_ID, ROW, ROW_DETAIL, ROW_ID, OPENER, CAPTION = 4096, 1024, 20, 256, 24, 72, 200, 20, 1024
"""Characters at most."""
BUTTONS, ROWS = 3, 10
"""How many at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A button, or a row of a list."""

    id: str
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, and what can be tapped below it: up to three buttons, a list behind one, or that for a location."""

    body: str
    buttons: Sequence[Choice] = ()
    rows: Sequence[Choice] = ()
    opener: str = ""
    """What opens the list."""
    place: bool = False
    """Whether the channel's own button shares a location."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text the channel has approved, with what its slots say."""

    name: str
    language: str
    slots: Sequence[str] = ()
    payloads: Sequence[str] = ()
    """What its quick replies send back."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that was uploaded before."""

    kind: str
    """image, audio, video or document."""
    id: str
    caption: str = ""
    name: str = ""


Content = Text | Template | File


@dataclass(frozen=True, slots=True)
class To:
    """Who gets it: by telephone number, or by id within the business."""

    phone: str | None = None
    user: str | None = None
    tracking: str = field(default="")
    """Comes back with each status."""
    answers: str | None = None
    """Id of the message it is a reply to."""


def body(to: To, content: Content) -> Json:
    """The body of the call. Raises MappingError: nobody to send to, or a limit that is passed."""
    if not (to.phone or to.user):
        raise MappingError("to", "neither telephone number nor id of a person")
    made: Json = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    made.update({"to": to.phone} if to.phone else {"recipient": to.user})
    if to.tracking:
        made["biz_opaque_callback_data"] = _held(to.tracking, 512, "tracking")
    if to.answers:
        made["context"] = {"message_id": to.answers}
    made.update(_content(content))
    return made


def _content(content: Content) -> Json:
    if isinstance(content, Template):
        return {"type": "template", "template": _template(content)}
    if isinstance(content, File):
        file: Json = {"id": content.id}
        if content.caption:
            file["caption"] = _held(content.caption, CAPTION, "caption")
        if content.name and content.kind == "document":
            file["filename"] = content.name
        return {"type": content.kind, content.kind: file}
    if content.buttons and content.rows:
        raise MappingError("buttons", "a text has buttons or a list, not both")
    if content.place and (content.buttons or content.rows):
        raise MappingError("place", "a text has buttons or that for a location, not both")
    if content.place:
        asked = {"body": {"text": _held(content.body, BODY, "body")}, "action": {"name": "send_location"}}
        return {"type": "interactive", "interactive": {"type": "location_request_message", **asked}}
    if content.buttons:
        return {"type": "interactive", "interactive": _buttons(content)}
    if content.rows:
        return {"type": "interactive", "interactive": _list(content)}
    return {"type": "text", "text": {"body": _held(content.body, TEXT, "body"), "preview_url": False}}


def _buttons(content: Text) -> Json:
    _few(content.buttons, BUTTONS, "buttons")
    buttons = [
        {
            "type": "reply",
            "reply": {
                "id": _held(one.id, BUTTON_ID, f"buttons[{place}].id"),
                "title": _held(one.title, BUTTON, f"buttons[{place}].title"),
            },
        }
        for place, one in enumerate(content.buttons)
    ]
    return {"type": "button", "body": {"text": _held(content.body, BODY, "body")}, "action": {"buttons": buttons}}


def _list(content: Text) -> Json:
    _few(content.rows, ROWS, "rows")
    rows = []
    for place, one in enumerate(content.rows):
        row = {
            "id": _held(one.id, ROW_ID, f"rows[{place}].id"),
            "title": _held(one.title, ROW, f"rows[{place}].title"),
        }
        if one.detail:
            row["description"] = _held(one.detail, ROW_DETAIL, f"rows[{place}].detail")
        rows.append(row)
    opener = _held(content.opener, OPENER, "opener")
    return {
        "type": "list",
        "body": {"text": _held(content.body, BODY, "body")},
        "action": {"button": opener, "sections": [{"rows": rows}]},
    }


def _template(content: Template) -> Json:
    made: Json = {"name": content.name, "language": {"code": content.language}}
    components: list[Json] = []
    if content.slots:
        slots = [{"type": "text", "text": _held(one, BODY, "slots")} for one in content.slots]
        components.append({"type": "body", "parameters": slots})
    components += [
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": str(place),
            "parameters": [{"type": "payload", "payload": one}],
        }
        for place, one in enumerate(content.payloads)
    ]
    if components:
        made["components"] = components
    return made


def _held(text: str, most: int, element: str) -> str:
    if not text:
        raise MappingError(element, "is empty")
    if len(text) > most:
        raise MappingError(element, f"has {len(text)} characters, {most} are allowed")
    return text


def _few(choices: Sequence[Choice], most: int, element: str) -> None:
    if len(choices) > most:
        raise MappingError(element, f"has {len(choices)}, {most} are allowed")
    for what in ("id", "title"):
        if len({getattr(one, what) for one in choices}) < len(choices):
            raise MappingError(element, f"two have the same {what}")
