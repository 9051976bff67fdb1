"""The authorization server over HTTP: plain ASGI; its endpoints run in threads. https://asgi.readthedocs.io"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from smart_auth import keys
from smart_auth.bearer import Bearer, TokenRefused, Verified
from smart_auth.browser import DEVELOPERS, PAGES, Handler
from smart_auth.desk import Desk
from smart_auth.discovery import openid_configuration, smart_configuration
from smart_auth.feed import FeedLost
from smart_auth.happened import CLIENT_CHANGED, Happened
from smart_auth.parts import Answer, Parts
from smart_auth.registration import Registration
from smart_auth.server import Request, Server
from smart_auth.wire import (
    Asgi,
    Malformed,
    Receive,
    Scope,
    Send,
    address,
    bearer_of,
    body_of,
    form_of,
    headers_of,
    reply,
    send_raw,
    visit_of,
)

THREADS = 8
"""Requests worked on at once by one process; more wait."""
WAITING = 64
"""Requests that may wait; more are refused with 503."""
_KEPT = [("Cache-Control", "max-age=3600")]
STYLE: dict[str, str] = {
    "color_background": "#ffffff", "color_error": "#b3261e", "color_highlight": "#0b6e4f",
    "color_modal_backdrop": "", "color_success": "#0b6e4f", "color_text": "#1c1b1f", "dim_border_radius": "6px",
    "dim_font_size": "16px", "dim_spacing_size": "16px", "font_family_body": "system-ui, sans-serif",
    "font_family_heading": "system-ui, sans-serif",
}  # fmt: skip
"""https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#styling"""
_SECRET = [("Cache-Control", "no-store"), ("Pragma", "no-cache")]
_AGAIN = [("Retry-After", "1")]


class AuthApp:
    """Serves the authorization server's paths and hands everything else to `other`."""

    def __init__(
        self,
        parts: Parts,
        engine: Engine,
        bearer: Bearer,
        other: Asgi,
        now: Callable[[], float] = time.time,
        tell: Callable[[str, BaseException], None] = lambda path, error: None,
        patient_apps: bool = False,
        brand: str | None = None,
        developers: bool = False,
    ) -> None:
        """tell: takes the path and the fault where something of ours broke; patient_apps: as `Registration` takes it;
        brand: URL of the Organization that stands for this server, if its brands are published; developers: whether
        there are pages for those who make apps."""
        self._parts, self._engine, self._bearer, self._other = parts, engine, bearer, other
        self._now, self._tell = now, tell
        self._patient_apps = patient_apps
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="auth")
        self._waiting = 0
        site = parts.site
        below, base = urlsplit(site.issuer).path, urlsplit(site.fhir_base).path
        self._documents: Mapping[str, Callable[[], Awaitable[dict[str, Any]]]] = {
            f"{base}/.well-known/smart-configuration": _always(smart_configuration(site, brand)),
            f"{below}/.well-known/openid-configuration": _always(openid_configuration(site)),
            f"{below}/style.json": _always(STYLE),
            f"{below}/jwks": self._jwks,
        }
        self._endpoints: Mapping[str, Callable[[Scope, Receive], Awaitable[Answer]]] = {
            f"{below}/token": self._token,
            f"{below}/introspect": self._about_token("introspection"),
            f"{below}/revoke": self._about_token("revocation"),
            f"{below}/userinfo": self._who,
            f"{below}/register": self._registered,
        }
        pages = {**PAGES, **(DEVELOPERS if developers else {})}
        self._pages: Mapping[str, Mapping[str, Handler]] = {f"{below}{path}": page for path, page in pages.items()}
        self._desk = Desk(parts, engine, now)

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        path: str = scope.get("path", "")
        if path in self._documents:
            await self._document(scope, send, self._documents[path])
        elif path in self._endpoints:
            status, body, headers = await self._answered(scope, receive, self._endpoints[path])
            await reply(send, status, body, [*headers, *_SECRET])
        elif path in self._pages:
            await self._page(scope, receive, send, self._pages[path])
        else:
            await self._other(scope, receive, send)

    async def _jwks(self) -> dict[str, Any]:
        def read() -> list[dict[str, Any]]:
            with self._engine.connect() as connection:
                return keys.published(connection, int(self._now()))

        return {"keys": await self._in_thread(read)}

    async def _document(self, scope: Scope, send: Send, build: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        if scope["method"] == "OPTIONS":
            await reply(send, 204, None, [("Allow", "GET, HEAD, OPTIONS")])
        elif scope["method"] not in ("GET", "HEAD"):
            await reply(send, 405, None, [("Allow", "GET, HEAD, OPTIONS")])
        else:
            try:
                document = await build()
            except (SQLAlchemyError, _Busy):
                await reply(send, 503, None, [("Retry-After", "1")])
                return
            await reply(send, 200, document, _KEPT, head=scope["method"] == "HEAD")

    async def _answered(
        self, scope: Scope, receive: Receive, endpoint: Callable[[Scope, Receive], Awaitable[Answer]]
    ) -> Answer:
        """What an endpoint answers, also where it cannot."""
        try:
            return await endpoint(scope, receive)
        except Malformed as error:
            return 400, {"error": error.code, "error_description": str(error)}, []
        except Exception as error:  # noqa: BLE001 - outermost of a request: the next one goes on
            if self._fault(scope["path"], error) == 503:
                return 503, {"error": "temporarily_unavailable"}, _AGAIN
            return 500, {"error": "server_error"}, []

    def _fault(self, path: str, error: Exception) -> int:
        """The status for what is not the client's fault; ours are told."""
        if isinstance(error, _Busy | FeedLost):
            return 503
        self._tell(path, error)
        return 503 if isinstance(error, SQLAlchemyError) else 500

    async def _token(self, scope: Scope, receive: Receive) -> Answer:
        """https://www.rfc-editor.org/rfc/rfc6749#section-3.2"""
        return await self._posted(scope, receive, lambda server, request: server.create_token_response(request))

    def _about_token(self, name: str) -> Callable[[Scope, Receive], Awaitable[Answer]]:
        """An endpoint that is asked about a token, which is looked at before a thread and a transaction are taken."""

        async def endpoint(scope: Scope, receive: Receive) -> Answer:
            return await self._posted(
                scope, receive, lambda server, request: server.create_endpoint_response(name, request), shown=True
            )

        return endpoint

    async def _posted(
        self, scope: Scope, receive: Receive, answer: Callable[[Server, Request], Answer], *, shown: bool = False
    ) -> Answer:
        """Of a form. shown: access tokens in it and beside it are looked at first."""
        if scope["method"] != "POST":
            return 405, {"error": "invalid_request", "error_description": "only POST"}, [("Allow", "POST")]
        headers = headers_of(scope)
        form = await form_of(scope, headers, receive)
        named = await self._good(form.get("token", "")) if shown else None
        bearer = await self._good(bearer_of(headers)) if shown else None
        url = f"{self._parts.site.issuer}/{scope['path'].rpartition('/')[2]}"
        request = Request(url, form, headers, named, bearer, address(scope))

        def work() -> Answer:
            with self._engine.begin() as connection:
                server = Server(self._parts, connection, int(self._now()))
                told = answer(server, request)
            for do in server.afterwards:
                try:
                    do()
                except Exception as error:  # noqa: BLE001 - what was answered holds
                    self._tell(scope["path"], error)
            return told

        found: Answer = await self._in_thread(work)
        return found

    async def _page(self, scope: Scope, receive: Receive, send: Send, handlers: Mapping[str, Handler]) -> None:
        """A page for a browser."""
        handler = handlers.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if handler is None:
            await reply(send, 405, None, [("Allow", ", ".join(handlers))])
            return
        try:
            visit = await visit_of(scope, receive)
            page = await self._in_thread(lambda: handler(self._desk, visit))
        except Malformed as error:
            await reply(send, 400, {"error": error.code, "error_description": str(error)}, _SECRET)
        except Exception as error:  # noqa: BLE001 - outermost of a request: the next one goes on
            status = self._fault(scope["path"], error)
            await reply(send, status, None, _AGAIN if status == 503 else [])
        else:
            await send_raw(send, page.status, page.body, page.headers, head=scope["method"] == "HEAD")

    async def _who(self, scope: Scope, receive: Receive) -> Answer:
        """userinfo: https://openid.net/specs/openid-connect-core-1_0.html#UserInfo"""
        if scope["method"] not in ("GET", "POST"):
            return 405, None, [("Allow", "GET, POST")]
        found = await self._good(bearer_of(headers_of(scope)))
        if found is None:
            return 401, None, [("WWW-Authenticate", 'Bearer error="invalid_token"')]
        if "openid" not in found.claims["scope"].split():
            return 403, None, [("WWW-Authenticate", 'Bearer error="insufficient_scope", scope="openid"')]
        told = {name: found.claims[name] for name in ("sub", "fhirUser") if name in found.claims}
        return 200, told, []

    async def _registered(self, scope: Scope, receive: Receive) -> Answer:
        """A client registered, or told, changed or removed."""
        query = scope["query_string"].decode("latin-1")
        client_id = dict(parse_qsl(query)).get("client_id") if query else None
        methods = ("POST",) if client_id is None else ("GET", "PUT", "DELETE")
        if scope["method"] not in methods:
            return 405, None, [("Allow", ", ".join(methods))]
        try:
            headers = headers_of(scope)
            body = b""
            if scope["method"] in ("POST", "PUT"):
                body = await body_of(headers, receive, "application/json")
        except Malformed as error:
            raise Malformed(str(error), "invalid_client_metadata") from None

        def work() -> Answer:
            with self._engine.begin() as connection:
                now, parts = int(self._now()), self._parts

                def changed(client: str, status: int) -> None:
                    told = Happened(CLIENT_CHANGED, status, "", client, "", address(scope), f"Client/{client}")
                    parts.note(connection, told)

                registration = Registration(connection, parts.site, parts.known, now, self._patient_apps, changed)
                return registration.answer(scope["method"], client_id, bearer_of(headers), body)

        found: Answer = await self._in_thread(work)
        return found

    async def _good(self, token: str) -> Verified | None:
        """The token, if it is an access token and holds."""
        try:
            return await self._bearer.verified(token)
        except TokenRefused:
            return None

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        if self._waiting >= THREADS + WAITING:
            raise _Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


class _Busy(Exception):
    """More requests wait than may wait."""


def _always(document: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def build() -> dict[str, Any]:
        return document

    return build
