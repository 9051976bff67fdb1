"""The API over HTTP: ASGI in front of the FHIR API, a table of paths, refusals as OperationOutcome."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from fhir_server.app import App, Log, Note, Scope, Send, headers_of, reply
from fhir_server.audit.event import Event
from fhir_server.dispatch import Server, refusal
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import FhirError, Invalid
from fhir_server.receive import Disconnected, Receive, body_of, query_pairs
from fhir_server.trouble import places, trouble
from hub.api import analysis, conversation, sending
from hub.api.as_caller import AsCaller, Refused
from hub.api.asked import Asked, answer
from hub.api.happenings import Happening
from hub.api.openapi import document
from hub.api.told import Holds, Sockets
from hub.routing import resolved
from hub.settings import Settings
from mappings.identifiers import Systems
from smart_auth.scopes import NOBODY, Access

Gate = Callable[[FhirRequest], Awaitable[Access]]
SOCKET = "/ws/conversations"
MOST_BODY, MOST_QUERY = 64 * 1024, 2000
DESCRIBED = "openapi.json"
CALLED = "api"
"""What the audit trail calls a request that did not come to the record."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")


class Route(NamedTuple):
    """One path."""

    method: str
    path: str
    handler: Callable[[Asked], Awaitable[FhirResponse]]
    apart: bool = False
    """It asks nothing of the record, which would say that it was asked."""


ROUTES = (
    Route("POST", "messages/send", sending.send),
    Route("GET", "conversations/{id}", conversation.read),
    Route("POST", "ai/analyze-symptom", analysis.analyze_symptom, apart=True),
    Route("POST", "ai/extract-entities", analysis.extract_entities, apart=True),
)


class Api:
    """Serves the API, and hands everything else to the application with the FHIR API, which it asks itself."""

    def __init__(
        self, settings: Settings, systems: Systems, fhir: App, server: Server, gate: Gate, holds: Holds | None,
        audit: Note | None, log: Log,
    ) -> None:  # fmt: skip
        """gate: request -> its Access, raises FhirError. holds: as `Sockets` takes it. audit: stores an event, None:
        nothing is audited."""
        self._settings, self._systems, self.app = settings, systems, fhir
        self._gate, self._audit, self._log = gate, audit, log
        self._base = f"{settings.base.rpartition('/')[0]}/api/v1"
        self._path = f"{urlsplit(self._base).path}/"
        self._socket = urlsplit(f"{settings.base.rpartition('/')[0]}{SOCKET}").path
        self._sockets = Sockets(server, systems, gate, holds, self._told, log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "http" and scope["path"].startswith(self._path):
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == self._socket:
            await self._sockets.serve(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        headers, path = headers_of(scope["headers"]), scope["path"][len(self._path) :].removesuffix("/")
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = secrets.token_hex(8)
        request = FhirRequest(scope["method"], (path,), [], headers, NOBODY, base=self._base)
        try:
            try:
                response = await self._answered(scope, receive, request, path, request_id)
            except FhirError as error:
                response = refusal(error)
                await self._note(scope, request, path, request_id, error.status)
        except Refused as refused:
            response = refused.response
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - outermost of a request: the next one goes on
            response = trouble(error)
            told = {"message": "fault", "level": "error", "interaction": CALLED, "request_id": request_id}
            self._log(told | {"error": type(error).__qualname__, "trace": places(error)})
        response.headers.setdefault("Cache-Control", "no-store")
        await reply(send, response, request, request_id)
        self._log({
            "message": "request", "method": scope["method"], "interaction": CALLED, "status": response.status,
            "ms": round((time.perf_counter() - begun) * 1000, 2), "request_id": request_id,
        })  # fmt: skip

    async def _answered(
        self, scope: Scope, receive: Receive, request: FhirRequest, path: str, request_id: str
    ) -> FhirResponse:
        """Raises FhirError, Refused, Disconnected, and whatever broke."""
        if (request.method, path) == ("GET", DESCRIBED):
            return answer(document(self._base))
        request.query = query_pairs(scope["query_string"].decode("latin-1"), MOST_QUERY)
        request.access = access = await self._gate(request)
        if any("\x00" in text for text in (path, *(value for _, value in request.query))):
            raise Invalid("a URL has no NUL character in it", code="value")
        route, values = resolved(ROUTES, request.method, path, "the API has")
        body = await body_of(receive, request.headers, MOST_BODY) if route.method == "POST" else b""
        record = AsCaller(self.app, self._settings.base, scope, request_id)
        response = await route.handler(Asked(
            self._settings, self._systems, record, access, request.headers, request.query, body, values,
            f"{self._base}/{path}", datetime.now(UTC),
        ))  # fmt: skip
        if route.apart:
            await self._note(scope, request, path, request_id, response.status)
        return response

    async def _told(self, request: FhirRequest, status: int, address: str, found: Sequence[Happening]) -> None:
        """What is told over a websocket is in the audit trail before."""
        if self._audit is None:
            return
        access = request.access
        await self._audit(Event(
            time.time_ns() // 1000, "websocket", status, subject=access.subject, client=access.client,
            grant=access.grant, address=address, path=SOCKET[1:], seen=tuple((one.rid, one.version) for one in found),
        ))  # fmt: skip

    async def _note(self, scope: Scope, request: FhirRequest, path: str, request_id: str, status: int) -> None:
        """What did not come to the record is in the audit trail; what did is there as what was asked of the record."""
        if self._audit is None:
            return
        access, client = request.access, scope.get("client")
        await self._audit(Event(
            time.time_ns() // 1000, CALLED, status, subject=access.subject, client=access.client, grant=access.grant,
            address=client[0] if client else "", request_id=request_id, path=f"api/v1/{path}"[:200],
        ))  # fmt: skip
