"""The FHIR API as whoever calls sees it: asked in this process, with the caller's own token and nothing else.

So scopes, policies, labels, consents, limits and the audit trail are those of the FHIR API, and cannot differ.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fhir_server.app import Asgi, Scope
from fhir_server.exchange import FhirResponse
from mappings import r4

Json = Any


class Refused(Exception):
    """The FHIR API answers with an error, which is the caller's to read: `response` is that answer."""

    def __init__(self, status: int, response: FhirResponse) -> None:
        super().__init__(f"refused with {status}")
        self.status, self.response = status, response


class AsCaller:
    """The record, for one request of a caller."""

    def __init__(self, fhir: Asgi, base: str, scope: Scope, request_id: str) -> None:
        """fhir: the application that serves it. base: absolute FHIR base URL. scope: of the request that came."""
        self._fhir, self._scope = fhir, scope
        self._base, self._path = base, urlsplit(base).path
        kept = (b"authorization", b"host")
        self._headers = [(name, value) for name, value in scope["headers"] if name.lower() in kept]
        self._headers += [(b"x-request-id", request_id.encode()), (b"accept", b"application/fhir+json")]

    async def read(self, kind: str, id: str) -> Json:
        """A resource. Raises Refused."""
        return (await self.ask("GET", f"{kind}/{quote(id, safe='')}"))[1]

    async def pages(self, kind: str, query: Mapping[str, str]) -> AsyncIterator[list[Json]]:
        """The matches of a search, page by page. Raises Refused."""
        url: str | None = f"{kind}?{urlencode(query)}"
        while url is not None:
            _, bundle = await self.ask("GET", url)
            found = bundle.get("entry", ())
            yield [one["resource"] for one in found if one.get("search", {}).get("mode") == "match"]
            following = (one["url"] for one in bundle.get("link", ()) if one["relation"] == "next")
            url = next(following, None)

    async def first(self, kind: str, query: Mapping[str, str]) -> Json | None:
        """The first match of a search. Raises Refused."""
        async for page in self.pages(kind, {**query, "_count": "1"}):
            return page[0] if page else None
        return None

    async def create_once(self, resource: Json, condition: str) -> tuple[bool, Json]:
        """Creates it unless something meets the condition; whether it was made, and what is stored. Raises Refused."""
        headers = {"if-none-exist": condition, "prefer": "return=representation"}
        status, made = await self.ask("POST", resource["resourceType"], r4.serialize(resource), headers)
        return status == 201, made

    async def ask(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Json]:
        """A request below the FHIR base; status and body. Raises Refused."""
        path, _, query = url.removeprefix(self._base).lstrip("/").partition("?")
        more = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        if body:
            more += [(b"content-type", b"application/fhir+json"), (b"content-length", b"%d" % len(body))]
        whole = f"{self._path}/{path}"
        scope = {
            **self._scope, "type": "http", "http_version": "1.1", "method": method, "path": whole,
            "raw_path": whole.encode(), "query_string": query.encode(), "headers": [*self._headers, *more],
        }  # fmt: skip
        answer = _Answer(body)
        await self._fhir(scope, answer.receive, answer.send)
        content = b"".join(answer.parts)
        if answer.status >= 400:
            kept = ("retry-after", "www-authenticate", "ratelimit", "ratelimit-policy")
            told = {name: value for name, value in answer.headers.items() if name in kept}
            raise Refused(answer.status, FhirResponse(answer.status, content, headers=told))
        return answer.status, json.loads(content) if content else None


class _Answer:
    """Both ends of one request in this process."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status, self.headers, self.parts = 0, dict[str, str](), list[bytes]()

    async def receive(self) -> Scope:
        if self._body is None:
            await asyncio.Event().wait()  # whoever asked is here until there is an answer
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Scope) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            self.parts.append(message.get("body", b""))
