"""One request to the API, read and judged: what it may name, and what is wrong with it, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Invalid, Unprocessable
from hub.api.as_caller import AsCaller
from hub.settings import Settings
from mappings import r4
from mappings.identifiers import Systems
from smart_auth.scopes import Access

Json = Any


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    settings: Settings
    systems: Systems
    record: AsCaller
    access: Access
    headers: Mapping[str, str]
    """By lower-case name."""
    query: Sequence[tuple[str, str]]
    body: bytes
    values: Mapping[str, str]
    """Of the placeholders in its path."""
    url: str
    """Its own, without query."""
    now: datetime

    def parameters(self, *names: str) -> dict[str, str]:
        """Those of the query, each once, none but these. Raises Invalid."""
        found = dict(self.query)
        if found.keys() - set(names) or len(found) < len(self.query):
            raise Invalid(f"parameters here are: {', '.join(names) or 'none'}; each once", code="not-supported")
        return found

    def document(self, *names: str) -> Json:
        """The body, an object with none but these members. Raises Invalid."""
        try:
            found = r4.parse(self.body) if self.body.strip() else None
        except r4.MalformedJson as error:
            raise Invalid(str(error), code="structure") from None
        return members(found, "", *names)


def members(found: Json, where: str, *names: str) -> Json:
    """An object with none but these members. where: its path. Raises Invalid."""
    if not isinstance(found, dict):
        raise Invalid(
            f"{where or 'the body'}: has to be an object", code="structure", expression=[where] if where else ()
        )
    if found.keys() - set(names):
        raise Invalid(
            f"{where or 'the body'}: its members are {', '.join(names)}", code="structure",
            expression=[where] if where else (),
        )  # fmt: skip
    return found


def wrong(element: str, reason: str, code: str = "value") -> Unprocessable:
    """What is said of an element that cannot be as it is."""
    return Unprocessable(f"{element}: {reason}", code=code, expression=[element])


def text(found: Json, name: str, where: str, most: int, *, lines: bool = False) -> str:
    """A member that is a text and has to be there. lines: it may have several. Raises Unprocessable."""
    value = found.get(name)
    if value is None:
        raise wrong(where, "is needed", "required")
    plain = value.replace("\n", " ") if lines and isinstance(value, str) else value
    if not (isinstance(value, str) and value.strip() and len(value) <= most and plain.isprintable()):
        raise wrong(where, f"a text of 1 to {most} characters, none of them a control character")
    return value


def choice(
    found: Json, name: str, known: Sequence[str], otherwise: str | None = None, *, where: str | None = None
) -> str:  # fmt: skip
    """A member that is one of the words. where: its path, if it is not its name. Raises Unprocessable."""
    value = found.get(name, otherwise)
    if value is None:
        raise wrong(where or name, "is needed", "required")
    if value not in known:
        raise wrong(where or name, f"one of {', '.join(known)}", "code-invalid")
    return str(value)


def answer(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> FhirResponse:
    """JSON."""
    return FhirResponse(status, orjson.dumps(body), content_type="application/json", headers=dict(headers or {}))
