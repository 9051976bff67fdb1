"""An installation with names of its own: other paths, other fields; behind it everything speaks as the contract does.

What is asked by a name of the contract that this installation does not have is not understood: a path is not found, a
field counts as missing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

Json = Any

CONTRACT_BASE, TOKEN = "/api/pls/v1", "/oauth2/token"
_LOST = "sem-nome"
_PART = re.compile(rb'(Content-Disposition: form-data; name=")([^"]*)"')


@dataclass(frozen=True, slots=True)
class Dialect:
    """Contract's name -> its own."""

    base: str = CONTRACT_BASE
    token: str = TOKEN
    segments: Mapping[str, str] = field(default_factory=dict)
    """Of paths below the base."""
    fields: Mapping[str, str] = field(default_factory=dict)

    def says(self, source: Json) -> Json:
        """An answer or event in its own words."""
        return _renamed(source, self.fields)

    def hears(self, source: Json) -> Json:
        """What it was asked, as the contract would."""
        return _renamed(source, _back(self.fields))

    def path(self, own: str) -> str:
        """The contract's path."""
        if own == self.token:
            return TOKEN
        if not own.startswith(f"{self.base}/"):
            return f"/{_LOST}"
        names = _back(self.segments)
        return CONTRACT_BASE + "/".join(names.get(one, one) for one in own.removeprefix(self.base).split("/"))


def dialect(source: bytes) -> Dialect:
    """That of a file: base, token, and tables segments and fields. Raises ValueError: it is none."""
    return msgspec.convert(tomllib.loads(source.decode()), Dialect)


def _back(names: Mapping[str, str]) -> dict[str, str]:
    return dict.fromkeys(names, _LOST) | {own: name for name, own in names.items()}


def _renamed(source: Json, names: Mapping[str, str]) -> Json:
    if isinstance(source, dict):
        return {names.get(name, name): _renamed(value, names) for name, value in source.items()}
    return [_renamed(one, names) for one in source] if isinstance(source, list) else source


class Speaking:
    """The interface, in a dialect. `/_simulador` stays as it is."""

    def __init__(self, inner: Any, dialect: Dialect) -> None:
        self._inner, self._dialect = inner, dialect

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_simulador"):
            await self._inner(scope, receive, send)
            return
        body, start = self._heard(scope, await _whole(receive)), dict[str, Any]()
        path, query = self._dialect.path(scope["path"]), dict(parse_qsl(scope["query_string"].decode("latin-1")))
        heard = {
            **scope, "path": path, "raw_path": path.encode(),
            "query_string": urlencode(self._dialect.hears(query)).encode(),
            "headers": [one for one in scope["headers"] if one[0] != b"content-length"]
            + [(b"content-length", str(len(body)).encode())],
        }  # fmt: skip

        async def asked() -> Any:
            return {"type": "http.request", "body": body}

        async def say(event: Any) -> None:
            if event["type"] == "http.response.start":
                start.update(event)
                return
            said = event["body"]  # the interface answers at once
            if said and path != TOKEN:
                said = msgspec.json.encode(self._dialect.says(msgspec.json.decode(said)))
            headers = [one for one in start["headers"] if one[0] != b"content-length"]
            await send({**start, "headers": [*headers, (b"content-length", str(len(said)).encode())]})
            await send({**event, "body": said})

        await self._inner(heard, asked, say)

    def _heard(self, scope: Any, body: bytes) -> bytes:
        kind = dict(scope["headers"]).get(b"content-type", b"")
        if kind.startswith(b"multipart/"):
            names = {own.encode(): name.encode() for own, name in _back(self._dialect.fields).items()}
            return _PART.sub(lambda found: found[1] + names.get(found[2], found[2]) + b'"', body)
        if not kind.startswith(b"application/json"):
            return body
        try:
            return msgspec.json.encode(self._dialect.hears(msgspec.json.decode(body)))
        except msgspec.DecodeError:
            return body  # it says so itself


async def _whole(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            return body
