"""Which web pages may call what: the answers to browsers that ask on behalf of another origin.

Public documents may be read by any page. The FHIR API and the endpoints that apps call are open to the origins that
clients have registered, by the redirect URIs they have. No cookie goes along in either case: what an app may do, its
token says. https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Callable, Set
from urllib.parse import urlsplit

from fhir_server.app import Scope, Send
from fhir_server.receive import Receive
from hub.api.app import Api

PUBLIC = ("/metadata", "/.well-known/smart-configuration", "/.well-known/brands")
"""Below the FHIR base."""
PUBLISHED = ("/.well-known/openid-configuration", "/jwks", "/style.json")
"""Below the issuer."""
CALLED = ("/token", "/userinfo", "/revoke")
"""Endpoints of the issuer that pages call; /authorize is gone to, not called."""
API = "/api/v1/"
"""Below the site."""
_ANY = (b"access-control-allow-origin", b"*")
_VARY = (b"vary", b"Origin")
_EXPOSED = (
    b"access-control-expose-headers",
    b"Content-Location, ETag, Last-Modified, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate,"
    b" X-Progress, X-Request-Id",
)
_ASKED = b"access-control-request-method"
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, If-Modified-Since,"
        b" If-None-Exist, If-None-Match, Prefer, X-Request-Id",
    ),
    (b"access-control-max-age", b"7200"),
]


class CrossOrigin:
    """Stands before an application: answers preflights and says whose pages may read the answers."""

    def __init__(self, app: Api, base: str, issuer: str, origins: Callable[[], Set[bytes]]) -> None:
        """base, issuer: absolute URLs; origins: those that clients have registered, now."""
        self.app, self._origins = app, origins
        self._below = urlsplit(base).path
        self._api = f"{self._below.rpartition('/')[0]}{API}"
        at = urlsplit(issuer).path
        self._public = frozenset([self._below + path for path in PUBLIC] + [at + path for path in PUBLISHED])
        self._called = frozenset(at + path for path in CALLED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        origin = None
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"origin":
                    origin = value
                    break
        if origin is None:
            await self.app(scope, receive, send)
            return
        said = self._said(scope["path"], origin)
        if scope["method"] == "OPTIONS" and any(name == _ASKED for name, _ in scope["headers"]):
            told = [*said, *_PREFLIGHT] if said and said[0] is not _VARY else said
            await send({"type": "http.response.start", "status": 204, "headers": told})
            await send({"type": "http.response.body", "body": b""})
            return

        async def sent(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *said]
            await send(message)

        await self.app(scope, receive, sent)

    def _said(self, path: str, origin: bytes) -> list[tuple[bytes, bytes]]:
        """Headers of an answer to a page of this origin: nothing is ever named that was not registered."""
        if path in self._public:
            return [_ANY]
        if path in self._called or path == self._below or path.startswith((f"{self._below}/", self._api)):
            if origin in self._origins():
                return [(b"access-control-allow-origin", origin), _VARY, _EXPOSED]
            return [_VARY]
        return []
