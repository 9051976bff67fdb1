"""The hub's API of operators, asked as the person who is signed in. docs/operations.md says what it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from apps.smart.reader import NotAllowed, Reader, SignedOut, Unavailable

Json = Any


class Told(dict[str, Json]):
    """An object of an answer: what the hub does not know it leaves out, and that reads as None."""

    def __missing__(self, name: str) -> None:
        return None


class Refused(Exception):
    """The hub does not do it; the text is what it says, element first."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Operations:
    """Asks for one session. All its methods raise Refused, NotAllowed, SignedOut, Unavailable."""

    def __init__(self, http: httpx2.AsyncClient, url: str, reader: Reader) -> None:
        """url: of the API, without trailing slash."""
        self._http, self._url, self._reader = http, url, reader

    async def get(self, *path: str | int, **query: str | int | None) -> Json:
        """What is at a path."""
        return json.loads((await self._ask("GET", path, query)).content, object_hook=Told)

    async def file(self, *path: str | int) -> httpx2.Response:
        """The same as it is sent, of whatever type."""
        return await self._ask("GET", path, {})

    async def post(self, *path: str | int, **body: Json) -> Json:
        """What comes of an action."""
        return json.loads((await self._ask("POST", path, {}, body)).content, object_hook=Told)

    async def _ask(
        self, method: str, path: tuple[str | int, ...], query: Mapping[str, str | int | None], body: Json = None
    ) -> httpx2.Response:
        url = "/".join((self._url, *(quote(str(one), safe="") for one in path)))
        asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        headers = {"authorization": f"Bearer {await self._reader.token()}"}
        content = None
        if body is not None:
            headers["content-type"], content = "application/json", json.dumps(body).encode()
        try:
            answer = await self._http.request(
                method, f"{url}?{asked}" if asked else url, headers=headers, content=content
            )
        except httpx2.HTTPError:
            raise Unavailable from None
        if answer.status_code == 401:
            raise SignedOut
        if answer.status_code == 403:
            raise NotAllowed
        if 400 <= answer.status_code < 500:
            raise Refused(answer.status_code, said(answer.content))
        if answer.status_code != 200:
            raise Unavailable
        return answer


def said(content: bytes) -> str:
    """What an OperationOutcome says: "element: reason" of each issue; its own words where it is none."""
    try:
        issues = json.loads(content)["issue"]
        return "; ".join(
            ": ".join([*one.get("expression", ()), one.get("diagnostics") or one["code"]]) for one in issues
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return "the hub gave no reason"
