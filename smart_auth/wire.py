"""What HTTP brings to the authorization server, read strictly, and answers as they are sent. https://asgi.readthedocs.io"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from smart_auth.visits import Visit, language

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_FORM = 64 * 1024
MAX_PARAMETERS = 50
FORM = "application/x-www-form-urlencoded"


class Malformed(ValueError):
    """The request is not what the endpoint takes; the text says why."""

    def __init__(self, reason: str, code: str = "invalid_request") -> None:
        """code: of the answer. https://www.rfc-editor.org/rfc/rfc6749#section-5.2"""
        super().__init__(reason)
        self.code = code


def headers_of(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name. Raises Malformed where one that decides is given twice."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name in found and name in ("authorization", "content-type"):
            raise Malformed(f"{name}: given twice")
        found[name] = value.decode("latin-1")
    return found


async def form_of(scope: Scope, headers: Mapping[str, str], receive: Receive) -> dict[str, str]:
    """The form, each parameter once. Raises Malformed."""
    if scope["query_string"]:
        raise Malformed("parameters belong into the body, never into the URL")
    pairs = await _form_pairs(headers, receive)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Malformed("a parameter is repeated")
    return form


async def _form_pairs(headers: Mapping[str, str], receive: Receive) -> list[tuple[str, str]]:
    """The parameters of a form. Raises Malformed."""
    return _pairs(await body_of(headers, receive, FORM), "body")


def _pairs(raw: bytes, where: str) -> list[tuple[str, str]]:
    """Raises Malformed."""
    try:
        return parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS,
            strict_parsing=bool(raw),
        )  # fmt: skip
    except ValueError:
        raise Malformed(f"the {where} is not a form, or has too many parameters") from None


def address(scope: Scope) -> str:
    """Of who connects; empty where nobody knows."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def visit_of(scope: Scope, receive: Receive) -> Visit:
    """What a browser asks of a page. Raises Malformed."""
    headers = headers_of(scope)
    cookies: dict[str, str] = {}
    for part in headers.get("cookie", "").split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            cookies.setdefault(name, value)
    return Visit(
        scope["method"],
        _pairs(scope["query_string"], "query"),
        await _form_pairs(headers, receive) if scope["method"] == "POST" else [],
        cookies,
        address(scope),
        language(headers.get("accept-language", "")),
        headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"),
    )


def bearer_of(headers: Mapping[str, str]) -> str:
    """The bearer token; empty if there is none. https://www.rfc-editor.org/rfc/rfc6750#section-2.1"""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def body_of(headers: Mapping[str, str], receive: Receive, media_type: str) -> bytes:
    """The body, if of this type, as far as it may be large. Raises Malformed."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise Malformed(f"the body must be {media_type}")
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and message["type"] == "http.request"
        if len(body) > MAX_FORM:
            raise Malformed("the body is too large")
    return body


async def reply(send: Send, status: int, body: Any, headers: list[tuple[str, str]], *, head: bool = False) -> None:
    """Sends an answer as JSON, or without a body."""
    raw = b"" if body is None else json.dumps(body).encode()
    kind = [] if body is None else [("Content-Type", "application/json")]
    await send_raw(send, status, raw, [*headers, *kind], head=head)


async def send_raw(send: Send, status: int, raw: bytes, headers: list[tuple[str, str]], *, head: bool = False) -> None:
    """Sends an answer. head: its head alone."""
    sent = [*headers, ("Content-Length", str(len(raw))), ("X-Content-Type-Options", "nosniff")]
    listed = [(name.lower().encode(), value.encode("latin-1")) for name, value in sent]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": b"" if head else raw})
