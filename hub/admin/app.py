"""The administration over HTTP: /admin below the issuer. https://hl7.org/fhir/R4/http.html

Clients, people, policies and keys are read, found, created and changed as resources; nothing is deleted, for the audit
trail and what people granted speak of it: what is not to be used is switched off (`active`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from fhir_server.app import Asgi, Scope, Send, headers_of, reply
from fhir_server.body import json_of
from fhir_server.dispatch import refusal
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import (
    Conflict,
    FhirError,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Unauthorized,
    Unavailable,
)
from fhir_server.receive import Disconnected, Receive, body_of, query_pairs
from fhir_server.trouble import trouble
from hub.admin import access_policy, client, signing_key, user
from hub.admin.administered import OF_ALL, Given, Kind, Resource
from mappings.r4 import serialize
from smart_auth.happened import ADMINISTRATION, Happened
from smart_auth.parts import Parts
from smart_auth.roles import OFFICER
from smart_auth.scopes import FRESH, NOBODY, Access

KINDS: Mapping[str, Kind] = {
    "Client": cast(Kind, client), "User": cast(Kind, user), "AccessPolicy": cast(Kind, access_policy),
    "SigningKey": cast(Kind, signing_key),
}  # fmt: skip
MOST_BODY = 1024 * 1024
MOST_QUERY = 2000
COUNT, MOST_COUNT = 50, 1000
"""Resources of a page: so many unless asked for, and at most."""
_PAGING = frozenset({"_count", "_after"})
_UNTOLD = {"Cache-Control": "no-store"}


class Admin:
    """Serves the administration, and hands everything else to `other`."""

    def __init__(
        self,
        parts: Parts,
        gate: Callable[[FhirRequest], Awaitable[Access]],
        engine: Engine,
        now: Callable[[], float],
        tell: Callable[[str, BaseException], None],
        other: Asgi,
    ) -> None:
        """gate: request -> its Access, raises FhirError; tell: takes the path and the fault where ours broke."""
        self._base = f"{parts.site.issuer}/admin"
        self._path = f"{urlsplit(self._base).path}/"
        self._parts, self._gate, self._engine = parts, gate, engine
        self._now, self._tell, self._other = now, tell, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http" or not scope["path"].startswith(self._path):
            await self._other(scope, receive, send)
            return
        headers = headers_of(scope["headers"])
        path = tuple(scope["path"][len(self._path) :].removesuffix("/").split("/"))
        request = FhirRequest(scope["method"], path, [], headers, NOBODY, base=self._base)
        address = scope["client"][0] if scope.get("client") else ""
        try:
            request.query = query_pairs(scope["query_string"].decode("latin-1"), MOST_QUERY)
            await self._gate(request)
            if any("\x00" in text for text in (*path, *(value for _, value in request.query))):
                raise Invalid("a URL has no NUL character in it", code="value")
            if request.method in ("POST", "PUT"):
                request.body = await body_of(receive, headers, MOST_BODY)
            response = await asyncio.to_thread(self._answer, request, address)
        except FhirError as error:
            response = refusal(error)
        except IntegrityError:
            response = refusal(Conflict("somebody else made the same just now"))
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - outermost of a request: the next one goes on
            self._tell(scope["path"], error)
            busy = isinstance(error, SQLAlchemyError)
            response = refusal(Unavailable("the database cannot be asked just now")) if busy else trouble(error)
        await reply(send, response, request, secrets.token_hex(8))

    def _answer(self, request: FhirRequest, address: str) -> FhirResponse:
        """Carries it out and tells the audit trail, in one transaction. Raises FhirError, which is told, too."""
        kind = KINDS.get(request.path[0])
        writes = kind is not None and request.method in ("POST", "PUT")
        access = request.access
        happened = Happened(
            kind.WRITTEN if kind is not None and writes else ADMINISTRATION, 200, access.subject, access.client,
            access.grant, address, "/".join(request.path),
        )  # fmt: skip
        try:
            with self._engine.begin() as connection:
                given = Given(connection, self._parts.known, self._parts.seal, int(self._now()), access)
                response, id = self._carried_out(given, kind, request)
                about = f"{request.path[0]}/{id}" if id else happened.about
                self._parts.note(connection, replace(happened, status=response.status, about=about))
                return response
        except FhirError as error:
            with self._engine.begin() as connection:
                self._parts.note(connection, replace(happened, status=error.status))
            raise

    def _carried_out(self, given: Given, kind: Kind | None, request: FhirRequest) -> tuple[FhirResponse, str]:
        """The answer, and the id of the resource it is about."""
        if kind is None or len(request.path) > 3:
            raise NotFound("the administration has Client, User, AccessPolicy and SigningKey")
        name, id, operation = (*request.path, "", "")[:3]
        method = "GET" if request.method == "HEAD" else request.method
        if operation:
            return self._operation(given, kind, request, name, id, operation), id
        allowed = ("GET", "HEAD", "PUT") if id else ("GET", "HEAD", "POST")
        if method not in allowed:
            raise _no_method(allowed)
        if method == "GET" and not id:
            permit(given, name, "s")
            return FhirResponse(200, serialize(self._found(given, kind, name, request.query))), ""
        permit(given, name, {"GET": "r", "POST": "c", "PUT": "u"}[method])
        present = kind.found(given, id, hold=method == "PUT") if id else None
        if method == "GET":
            if present is None:
                raise NotFound("there is no such resource")
            tag = _tag(present)
            if request.headers.get("if-none-match", "").strip() == tag:
                return FhirResponse(304, headers={"ETag": tag}), id
            return _response(200, present), id
        if present is None and id:
            permit(given, name, "c")
        expected = request.headers.get("if-match")
        if expected is not None and (present is None or expected.strip() != _tag(present)):
            raise PreconditionFailed("it is not the version that If-Match names")
        id, told = kind.put(given, id or None, _body(request, name, id, kind), present)
        after = kind.found(given, id, hold=False)
        assert after is not None
        response = _response(200 if present else 201, after | told)
        response.headers |= _UNTOLD if told else {}
        if not present:
            response.location = f"{name}/{id}"
        return response, id

    def _operation(
        self, given: Given, kind: Kind, request: FhirRequest, name: str, id: str, operation: str
    ) -> FhirResponse:
        carry_out = kind.OPERATIONS.get(operation)
        if carry_out is None:
            raise NotFound("there is no such operation")
        if request.method != "POST":
            raise _no_method(("POST",))
        permit(given, name, "u")
        told = carry_out(given, id)
        if told is None:
            raise NotFound("there is no such resource")
        return FhirResponse(200, serialize(told), headers=dict(_UNTOLD))

    def _found(self, given: Given, kind: Kind, name: str, query: list[tuple[str, str]]) -> Resource:
        """A searchset. Raises Invalid."""
        wanted = dict(query)
        if len(wanted) < len(query) or wanted.keys() - kind.FILTERS - _PAGING:
            raise Invalid(f"search is by {', '.join(sorted(kind.FILTERS | _PAGING))}, each once", code="not-supported")
        count = wanted.pop("_count", str(COUNT))
        if not count.isascii() or not count.isdigit() or not 1 <= int(count[:9]) <= MOST_COUNT:
            raise Invalid(f"_count: a number from 1 to {MOST_COUNT}", code="value")
        most, after = int(count), wanted.pop("_after", "")
        found = kind.listed(given, wanted, after, most + 1)
        links = [{"relation": "self", "url": self._url(name, query)}]
        if len(found) > most:
            following = [*wanted.items(), ("_count", count), ("_after", found[most - 1][0])]
            links.append({"relation": "next", "url": self._url(name, following)})
        entries = [
            {"fullUrl": f"{self._base}/{name}/{one['id']}", "resource": one, "search": {"mode": "match"}}
            for _, one in found[:most]
        ]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
        return bundle | ({"entry": entries} if entries else {})

    def _url(self, name: str, query: list[tuple[str, str]]) -> str:
        return f"{self._base}/{name}{'?' if query else ''}{urlencode(query)}"


def permit(given: Given, kind: str, permission: str) -> None:
    """Raises Forbidden unless the token is for this: by a scope that names the kind, of a backend service, or of a
    security officer, who then has to have shown a second factor just now."""
    levels = {one.level for one in given.access.administers if one.type == kind and permission in one.permissions}
    if "system" in levels:
        return
    if "user" not in levels:
        raise Forbidden(f"the token has no scope for this, such as system/{kind}.{permission}")
    if OFFICER not in given.access.roles:
        raise Forbidden("this is for security officers")
    if not given.access.just_proved(given.now):
        refused = Unauthorized("this needs a second factor shown within the last 5 minutes: sign in again")
        refused.headers = {
            "WWW-Authenticate": f'Bearer error="insufficient_user_authentication", acr_values="2", max_age="{FRESH}"'
        }
        raise refused


def _no_method(allowed: tuple[str, ...]) -> MethodNotAllowed:
    error = MethodNotAllowed(f"only {', '.join(allowed)}; nothing is deleted here, but switched off (active)")
    error.headers = {"Allow": ", ".join(allowed)}
    return error


def _tag(resource: Resource) -> str:
    return f'W/"{resource["meta"]["versionId"]}"'


def _response(status: int, resource: Resource) -> FhirResponse:
    return FhirResponse(status, serialize(resource), headers={"ETag": _tag(resource)})


def _body(request: FhirRequest, name: str, id: str, kind: Kind) -> dict[str, Any]:
    """The resource sent. Raises Invalid, UnsupportedMediaType."""
    sent = json_of(request)
    if not isinstance(sent, dict) or sent.get("resourceType") != name:
        raise Invalid(f"a {name} is needed", code="structure", expression=[f"{name}.resourceType"])
    if id and sent.get("id") != id:
        raise Invalid("id: must be that of the URL", code="value", expression=[f"{name}.id"])
    unknown = sorted(sent.keys() - OF_ALL - kind.ELEMENTS)
    if unknown:
        names = [f"{name}.{one}" for one in unknown if one.isidentifier()]
        raise Invalid(f"a {name} has no such element", code="structure", expression=names or [name])
    return sent
