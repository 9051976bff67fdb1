"""The operations over HTTP: ASGI below `{site}/operations`, a table of paths, refusals as OperationOutcome."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg

from fhir_server.app import Asgi, Scope, Send, headers_of, reply
from fhir_server.audit.event import Event
from fhir_server.dispatch import refusal
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import Conflict, FhirError, Invalid, NotFound, Unavailable
from fhir_server.receive import Disconnected, Receive, body_of, query_pairs
from fhir_server.trouble import trouble
from hub.operations import deadlines, flows, letters, messages, partners, runs
from hub.operations.asked import Asked, Parts, answer
from hub.operations.may import ACT, READ, may, may_unmask, permit
from hub.routing import resolved
from messages.bodies import CannotOpen
from messages.runs import NoSuchRun, NotNow
from messages.states import NotAllowed
from messages.store import LeaseLost, NoSuchMessage
from smart_auth.scopes import NOBODY, Access

Handler = Callable[[Asked], Awaitable[FhirResponse]]
MOST_BODY = 8 * 1024 * 1024
MOST_QUERY = 2000
ACTED = "operations"
"""What the audit trail calls what operators do."""


async def me(request: Asked) -> FhirResponse:
    """Who asks, and what they may."""
    request.parameters()
    access = request.access
    return answer({
        "subject": access.subject, "roles": list(access.roles), "mayAct": may(access, ACT),
        "mayUnmask": may_unmask(access),
    })  # fmt: skip


class Route(NamedTuple):
    """One path."""

    method: str
    path: str
    handler: Handler
    permission: str = READ


ROUTES = (
    Route("GET", "me", me),
    Route("GET", "flows", flows.listed),
    Route("GET", "messages", messages.found),
    Route("POST", "messages/resubmit-in-order", letters.resubmit_in_order, ACT),
    Route("GET", "messages/{id}", messages.one),
    Route("GET", "messages/{id}/forms", messages.forms),
    Route("POST", "messages/{id}/edit", letters.edit, ACT),
    Route("POST", "messages/{id}/simulate", letters.simulate),
    Route("POST", "messages/{id}/resubmit", letters.resubmit, ACT),
    Route("POST", "messages/{id}/discard", letters.discard, ACT),
    Route("GET", "partners", partners.listed),
    Route("GET", "runs", runs.listed),
    Route("GET", "runs/{id}", runs.one),
    Route("GET", "runs/{id}/receipt", runs.receipt),
    Route("GET", "runs/{id}/reports/{name}", runs.report),
    Route("POST", "runs/{id}/release", runs.release, ACT),
    Route("POST", "runs/{id}/refuse", runs.refuse, ACT),
    Route("GET", "deadlines", deadlines.listed),
)


class Operations:
    """Serves the operations, and hands everything else to `other`."""

    def __init__(
        self,
        parts: Parts,
        gate: Callable[[FhirRequest], Awaitable[Access]],
        tell: Callable[[str, BaseException], None],
        other: Asgi,
    ) -> None:
        """gate: request -> its Access, raises FhirError; tell: takes the path and the fault where ours broke."""
        self._parts, self._gate, self._tell, self._other = parts, gate, tell, other
        self._base = f"{parts.server.base.rpartition('/')[0]}/operations"
        self._path = f"{urlsplit(self._base).path}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http" or not scope["path"].startswith(self._path):
            await self._other(scope, receive, send)
            return
        headers, path = headers_of(scope["headers"]), scope["path"][len(self._path) :].removesuffix("/")
        request = FhirRequest(scope["method"], (path,), [], headers, NOBODY, base=self._base)
        request_id = secrets.token_hex(8)
        try:
            response = await self._answered(scope, receive, request, path, request_id)
        except FhirError as error:
            response = refusal(error)
        except Disconnected:
            return
        except psycopg.OperationalError as error:
            self._tell(scope["path"], error)
            response = refusal(Unavailable("the database cannot be asked just now"))
        except Exception as error:  # noqa: BLE001 - outermost of a request: the next one goes on
            self._tell(scope["path"], error)
            response = trouble(error)
        response.headers.setdefault("Cache-Control", "no-store")
        await reply(send, response, request, request_id)

    async def _answered(
        self, scope: Scope, receive: Receive, request: FhirRequest, path: str, request_id: str
    ) -> FhirResponse:
        """Raises FhirError, Disconnected, and whatever broke."""
        request.query = query_pairs(scope["query_string"].decode("latin-1"), MOST_QUERY)
        access = await self._gate(request)
        if any("\x00" in text for text in (path, *(value for _, value in request.query))):
            raise Invalid("a URL has no NUL character in it", code="value")
        route, values = resolved(ROUTES, request.method, path, "the operations have")
        address = scope["client"][0] if scope.get("client") else ""
        try:
            permit(access, route.permission)
            body = await body_of(receive, request.headers, MOST_BODY) if route.method == "POST" else b""
            asked = Asked(self._parts, access, request.query, body, values, path, address, request_id)
            with _told():
                response = await route.handler(asked)
        except FhirError as error:
            await self._note(route, access, path, address, request_id, error.status)
            raise
        await self._note(route, access, path, address, request_id, response.status)
        return response

    async def _note(
        self, route: Route, access: Access, path: str, address: str, request_id: str, status: int
    ) -> None:  # fmt: skip
        """What operators did, or tried to and might not, is in the audit trail."""
        if not self._parts.audited or (route.permission != ACT and status != 403):
            return
        event = Event(
            time.time_ns() // 1000, ACTED, status, subject=access.subject, client=access.client, grant=access.grant,
            address=address, request_id=request_id, path=f"operations/{path}",
        )  # fmt: skip
        await self._parts.server.store.intake.note(event)


@contextmanager
def _told() -> Iterator[None]:
    """What messages and runs say no to, as FHIR tells it."""
    try:
        yield
    except NoSuchMessage:
        raise NotFound("there is no such message") from None
    except NoSuchRun:
        raise NotFound("there is no such run") from None
    except (NotAllowed, NotNow) as error:
        raise Conflict(str(error)) from None
    except LeaseLost:
        raise Conflict("it is being worked on just now") from None
    except CannotOpen as error:
        raise Conflict(f"{error}", code="security") from None
