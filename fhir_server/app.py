"""Shell: HTTP <-> FhirRequest, FhirResponse; plain ASGI. https://hl7.org/fhir/R4/http.html https://asgi.readthedocs.io"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from fhir_server import later, routes
from fhir_server.access.interactions import OPEN_TO_ALL, held
from fhir_server.admission import Admission, Busy
from fhir_server.audit.event import Event
from fhir_server.audit.trail import AT_HAND, TRAIL, Trail
from fhir_server.body import FORM_TYPE, media_type
from fhir_server.dispatch import Server, perform_routed, refusal
from fhir_server.encryption.texts import hidden
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.formats import FHIR_JSON, negotiate
from fhir_server.instant import SECOND, http_date
from fhir_server.metrics import Metrics
from fhir_server.outcome import FhirError, NotAcceptable, Unauthorized, UnsupportedMediaType
from fhir_server.patience import Ended, Patience, Watch
from fhir_server.receive import Disconnected, Receive, body_of, pairs, query_pairs
from fhir_server.routes import Routed
from fhir_server.subscriptions.switchboard import PATH, Switchboard, refuse
from fhir_server.trouble import busy, late, places, trouble
from mappings.r4 import parse, serialize
from smart_auth.scopes import NOBODY, UNRESTRICTED, Access

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Log = Callable[[dict[str, object]], None]

Note = Callable[[Event], Awaitable[None]]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_NO_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
CLIENT_LEFT = 499
"""Counted, never sent: the client did not wait for the answer."""
_TRUE = frozenset({"true", ""})
_OTHER_FORMATS = frozenset({"job-file"})
"""Interactions that send what is no FHIR JSON, whatever is asked for."""
_PIECE = 2**18


async def everybody(request: FhirRequest) -> Access:
    """The Access of every request where none needs a token."""
    return UNRESTRICTED


def free(request: FhirRequest) -> Access | None:
    """As `everybody`, at once."""
    return UNRESTRICTED


def asked_for(request: FhirRequest) -> Access | None:
    """Of no request is the Access known at once."""
    return None


def _silent(record: dict[str, object]) -> None:
    pass


async def _nothing() -> None:
    pass


class App:
    """Serves FHIR below `path` and hands everything else to `other`."""

    def __init__(
        self,
        server: Server,
        other: Asgi,
        *,
        metrics: Metrics,
        path: str = "/fhir",
        access: Callable[[FhirRequest], Awaitable[Access]] = everybody,
        at_once: Callable[[FhirRequest], Access | None] = asked_for,
        audit: Note | None = None,
        log: Log = _silent,
        startup: Callable[[], Awaitable[None]] = _nothing,
        shutdown: Callable[[], Awaitable[None]] = _nothing,
        switchboard: Switchboard | None = None,
    ) -> None:
        """access: request -> Access, raises FhirError; at_once: the same without waiting, where it is known; audit:
        stores an event, None: nothing is audited; log: takes one record per request, and one per fault of ours;
        switchboard: takes websockets, where there are any.
        """
        self._server, self._other, self._path = server, other, path.rstrip("/")
        self._metrics, self._access, self._at_once, self._audit, self._log = metrics, access, at_once, audit, log
        self._startup, self._shutdown, self._switchboard = startup, shutdown, switchboard
        self._process, self._numbers = secrets.token_hex(6), count(1)
        self._admission = Admission(server.settings.max_concurrent, server.settings.max_bytes)
        self._watch = Watch()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        kind = scope["type"]
        if kind == "http":
            path: str = scope["path"]
            if path.startswith(self._path) and path[len(self._path) : len(self._path) + 1] in ("", "/"):
                below = path[len(self._path) + 1 :]
                if not below.startswith(".well-known/"):
                    await self._serve(scope, below, receive, send)
                    return
        elif kind == "lifespan":
            await self._live(receive, send)
            return
        elif kind == "websocket":
            await self._connect(scope, receive, send)
            return
        await self._other(scope, receive, send)

    async def _serve(self, scope: Scope, below: str, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        method: str = scope["method"]
        headers = headers_of(scope["headers"])
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = f"{self._process}{next(self._numbers):x}"
        segments = tuple(below.removesuffix("/").split("/")) if below and below != "/" else ()
        request = FhirRequest(method, segments, [], headers, NOBODY, base=self._server.base)
        interaction, resource_type = "none", ""
        content_type: str | None = None
        try:
            request.query = query_pairs(scope["query_string"].decode("latin-1"), self._server.settings.max_query)
            if method == "OPTIONS":
                response = FhirResponse(204, headers={"Allow": ", ".join(routes.allowed(segments))})
            else:
                routed = routes.resolve(method, segments)
                interaction, resource_type = routed.interaction, routed.resource_type or ""
                if interaction not in OPEN_TO_ALL:
                    request.access = self._at_once(request) or await self._access(request)
                if self._audit is not None:
                    request.trail = begun_trail(request, interaction, resource_type, scope, request_id)
                    if interaction not in AT_HAND:
                        TRAIL.set(request.trail)
                with self._admission.place(self._size(method, headers)) as place:
                    if method not in _NO_BODY:
                        await self._receive_body(request, receive)
                    at_once, request.aside, request.leave = place.begin(), place.aside, place.leave
                    content_type = self._format(request, routed)
                    with Patience(self._watch, receive, self._server.settings.deadline) as patience:
                        if not at_once:
                            await place.turn()
                        if later.asked(request, routed):
                            held(request.access, routed.interaction, routed.resource_type, routed.needs)
                            response = await later.kick_off(self._server, request)
                        else:
                            response = await perform_routed(self._server, request, routed)
                    if patience.ended is Ended.LEFT:
                        raise Disconnected
                    if patience.ended is Ended.LATE:
                        response = late()
        except FhirError as error:
            response = refusal(error)
        except Busy:
            response = busy()
        except Disconnected:
            self._metrics.observe(interaction, resource_type, CLIENT_LEFT, time.perf_counter() - begun)
            return
        except Exception as error:  # noqa: BLE001 - outermost loop of a request: the next one goes on
            response = trouble(error)
            self._tell(error, request_id, interaction, response.status)
        if self._audit is not None and interaction not in OPEN_TO_ALL and method != "OPTIONS":
            if interaction not in AT_HAND:
                TRAIL.set(None)
            told = request.trail or begun_trail(request, interaction, resource_type, scope, request_id)
            try:
                if (ended := told.ended(response.status)) is not None:
                    await self._audit(ended)
            except Exception as error:  # noqa: BLE001 - what cannot be audited is not answered
                response = trouble(error)
                self._tell(error, request_id, interaction, response.status)
        if response.body is not None and response.content_type == FHIR_JSON:
            response.content_type = content_type or self._fallback(request)
            if request.query and dict(request.query).get("_pretty", "false") in _TRUE:
                response.body = serialize(parse(response.body), pretty=True)
        await reply(send, response, request, request_id)
        seconds = time.perf_counter() - begun
        self._metrics.observe(interaction, resource_type, response.status, seconds)
        self._log(
            {
                "message": "request", "method": method, "interaction": interaction, "type": resource_type,
                "status": response.status, "ms": round(seconds * 1000, 2), "request_id": request_id,
            }
        )  # fmt: skip

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A websocket, from its handshake to its end."""
        if self._switchboard is None or scope["path"] != f"{self._path}/{PATH}":
            await refuse(send, 404, "there is no websocket at this URL")
            return
        headers = headers_of(scope["headers"])
        try:
            access = await self._whose(headers)
        except FhirError as error:
            await refuse(send, 403, str(error))
            return
        try:
            await self._switchboard.serve(headers, access, receive, send)
        except Exception as error:  # noqa: BLE001 - outermost loop of a websocket: the others go on
            self._tell(error, "", "websocket", 500)

    async def _whose(self, headers: Mapping[str, str]) -> Access:
        """The access of a websocket. Browsers send no header with it: what they bind, they bind by a token of its own.

        Raises FhirError.
        """
        request = FhirRequest("GET", (PATH,), [], headers, NOBODY, base=self._server.base)
        try:
            return held(await self._access(request), "websocket", "Subscription")
        except Unauthorized:
            if "authorization" in headers:
                raise
            return NOBODY

    def _size(self, method: str, headers: Mapping[str, str]) -> int:
        """Bytes of body to come, as far as the client says; the most there may be if it does not."""
        if method in _NO_BODY:
            return 0
        length = headers.get("content-length", "")
        return int(length) if length.isdigit() else self._server.settings.max_body

    async def _receive_body(self, request: FhirRequest, receive: Receive) -> None:
        settings = self._server.settings
        whole_bundle = not request.path or request.path[0] in ("Bundle", "$import")
        limit = settings.max_bundle_body if whole_bundle else settings.max_body
        body = await body_of(receive, request.headers, limit)
        if request.path and request.path[-1] == "_search":
            if body:
                if media_type(request.headers.get("content-type", ""))[0] != FORM_TYPE:
                    raise UnsupportedMediaType(f"a search by POST is sent as {FORM_TYPE}")
                request.query += pairs(body.decode("latin-1"))
        else:
            request.body = body

    def _format(self, request: FhirRequest, routed: Routed) -> str | None:
        """The Content-Type to send FHIR in. Raises NotAcceptable, except where a Binary may be what is accepted."""
        format = dict(request.query).get("_format") if request.query else None
        content_type = negotiate(request.headers.get("accept", ""), format)
        binary = routed.resource_type == "Binary" and routed.interaction in ("read", "vread")
        if content_type is None and not binary and routed.interaction not in _OTHER_FORMATS:
            raise NotAcceptable(f"this server speaks JSON only: ask for {FHIR_JSON}")
        return content_type

    @staticmethod
    def _fallback(request: FhirRequest) -> str:
        """The Content-Type of an error that came before the format was known, or is about it."""
        accept, format = request.headers.get("accept", ""), dict(request.query).get("_format")
        return negotiate(accept, format) or negotiate(accept, None) or f"{FHIR_JSON}; charset=utf-8"

    def _tell(self, error: Exception, request_id: str, interaction: str, status: int) -> None:
        """Logs a fault of ours: what and where, never the message, which may hold values from the record."""
        self._log(
            {
                "message": "fault", "level": "error", "interaction": interaction, "status": status,
                "request_id": request_id, "error": type(error).__qualname__, "trace": places(error),
            }
        )  # fmt: skip

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan of the process: https://asgi.readthedocs.io/en/latest/specs/lifespan.html."""
        while True:
            message = await receive()
            starting = message["type"] == "lifespan.startup"
            phase = "startup" if starting else "shutdown"
            try:
                await (self._startup() if starting else self._shutdown())
            except Exception as error:  # noqa: BLE001 - the process ends with it: the ASGI server says so and leaves
                self._tell(error, "", phase, 500)
                await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
                return
            await send({"type": f"lifespan.{phase}.complete"})
            if not starting:
                return


def begun_trail(request: FhirRequest, interaction: str, resource_type: str, scope: Scope, request_id: str) -> Trail:
    """What is known of a request before it is carried out."""
    client, raw = scope.get("client"), scope["query_string"]
    query = hidden(raw.decode("latin-1"), f"query:{request_id}") if raw else ""
    return Trail(
        time.time_ns() // 1000, interaction, resource_type, request.access, client[0] if client else "", request_id,
        request.path, query,
    )  # fmt: skip


def headers_of(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; of a repeated one the values joined, as RFC 9110 5.3 reads them."""
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = _name(name_bytes), value_bytes.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


@lru_cache(maxsize=512)
def _name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


async def reply(send: Send, response: FhirResponse, request: FhirRequest, request_id: str) -> None:
    """Sends the response."""
    body = response.body
    length = len(body or b"") if response.file is None else response.file.stat().st_size
    headers = [
        (b"x-request-id", request_id.encode()),
        (b"cache-control", b"private, no-cache"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if body is not None or response.file is not None:
        headers.append((b"content-type", response.content_type.encode("latin-1")))
    if response.status not in (204, 304):
        headers.append((b"content-length", b"%d" % length))
    if response.version_id is not None:
        headers.append((b"etag", b'W/"%d"' % response.version_id))
    if response.last_updated is not None:
        headers.append((b"last-modified", http_date(response.last_updated // SECOND).encode()))
    if response.location is not None:
        name = b"location" if response.status == 201 else b"content-location"
        headers.append((name, f"{request.base}/{response.location}".encode("latin-1")))
    for key, value in (request.told | response.headers).items():
        headers.append((key.lower().encode("latin-1"), value.encode("latin-1")))
    if response.status == 413:
        # The rest of the body is not read.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.file is not None and request.method != "HEAD":
        await _send_file(send, response.file)
        return
    await send({"type": "http.response.body", "body": b"" if body is None or request.method == "HEAD" else body})


async def _send_file(send: Send, path: Path) -> None:
    """Sends a file piece by piece, each when the client has taken the one before."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
