"""The table: method and path shape -> interaction. https://hl7.org/fhir/R4/http.html#summary

The CapabilityStatement is generated from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from fhir_server.bulk import polling
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.interactions.capabilities import capabilities
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import conditional_delete, delete
from fhir_server.interactions.history import history
from fhir_server.interactions.patch import conditional_patch, patch
from fhir_server.interactions.read import read
from fhir_server.interactions.search import search
from fhir_server.interactions.transaction import transaction
from fhir_server.interactions.update import conditional_update, update
from fhir_server.interactions.vread import vread
from fhir_server.operations import INSTANCE, SYSTEM, TYPE, Operation, operation_at
from fhir_server.outcome import Invalid, MethodNotAllowed, NotFound
from fhir_server.prepare import ID
from fhir_server.resource_types import TYPE_ID

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

Path = tuple[str, ...]
Interaction = Callable[["Server", FhirRequest, Path], Awaitable[FhirResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table."""

    method: str
    shape: str
    """Segments joined by a slash; {type}, {id}, {version}, {other} stand for any resource type, id, version."""
    interaction: str
    """Its code in the CapabilityStatement (restful-interaction), or our word where there is none."""
    call: Interaction


@dataclass(frozen=True, slots=True)
class Routed:
    """A route found for a path."""

    interaction: str
    resource_type: str | None
    path: Path
    call: Interaction
    needs: tuple[str, ...] | None = None
    """Of an operation: the permissions it declares."""

    def perform(self, server: Server, request: FhirRequest) -> Awaitable[FhirResponse]:
        """Starts the interaction."""
        return self.call(server, request, self.path)


ROUTES: tuple[Route, ...] = (
    Route("GET", "", "search-system", lambda s, r, p: search(s, r, None)),
    Route("POST", "", "transaction", lambda s, r, p: transaction(s, r)),
    Route("GET", "metadata", "capabilities", lambda s, r, p: capabilities(s, r)),
    Route("POST", "_search", "search-system", lambda s, r, p: search(s, r, None)),
    Route("GET", "_history", "history-system", lambda s, r, p: history(s, r, None, None)),
    Route("GET", "{type}", "search-type", lambda s, r, p: search(s, r, p[0])),
    Route("POST", "{type}/_search", "search-type", lambda s, r, p: search(s, r, p[0])),
    Route("POST", "{type}", "create", lambda s, r, p: create(s, r, p[0])),
    Route("PUT", "{type}", "conditional-update", lambda s, r, p: conditional_update(s, r, p[0])),
    Route("PATCH", "{type}", "conditional-patch", lambda s, r, p: conditional_patch(s, r, p[0])),
    Route("DELETE", "{type}", "conditional-delete", lambda s, r, p: conditional_delete(s, r, p[0])),
    Route("GET", "{type}/_history", "history-type", lambda s, r, p: history(s, r, p[0], None)),
    Route("GET", "{type}/{id}", "read", lambda s, r, p: read(s, r, p[0], p[1])),
    Route("PUT", "{type}/{id}", "update", lambda s, r, p: update(s, r, p[0], p[1])),
    Route("PATCH", "{type}/{id}", "patch", lambda s, r, p: patch(s, r, p[0], p[1])),
    Route("DELETE", "{type}/{id}", "delete", lambda s, r, p: delete(s, r, p[0], p[1])),
    Route("GET", "{type}/{id}/_history", "history-instance", lambda s, r, p: history(s, r, p[0], p[1])),
    Route("GET", "{type}/{id}/_history/{version}", "vread", lambda s, r, p: vread(s, r, p[0], p[1], p[3])),
    Route("GET", "{type}/{id}/*", "search-compartment", lambda s, r, p: search(s, r, None, (p[0], p[1]))),
    Route("GET", "{type}/{id}/{other}", "search-compartment", lambda s, r, p: search(s, r, p[2], (p[0], p[1]))),
    Route("POST", "{type}/{id}/_search", "search-compartment", lambda s, r, p: search(s, r, None, (p[0], p[1]))),
    Route("POST", "{type}/{id}/{other}/_search", "search-compartment",
          lambda s, r, p: search(s, r, p[2], (p[0], p[1]))),
    # R4 has no GET of _search; fhir-kit-client searches the whole system so.
    Route("GET", "_search", "search-system", lambda s, r, p: search(s, r, None)),
    Route("GET", "{type}/_search", "search-type", lambda s, r, p: search(s, r, p[0])),
    Route("GET", "{type}/{id}/_search", "search-compartment", lambda s, r, p: search(s, r, None, (p[0], p[1]))),
    Route("GET", "{type}/{id}/{other}/_search", "search-compartment",
          lambda s, r, p: search(s, r, p[2], (p[0], p[1]))),
    Route("GET", "_jobs/{id}", "job-status", lambda s, r, p: polling.status(s, r, p[1])),
    Route("DELETE", "_jobs/{id}", "job-cancel", lambda s, r, p: polling.cancel(s, r, p[1])),
    Route("GET", "_jobs/{id}/{file}", "job-file", lambda s, r, p: polling.file(s, r, p[1], p[2])),
)  # fmt: skip

_WORDS = frozenset({"metadata", "_history", "_search", "*"})
JOBS = "_jobs"
"""Where the status and the files of asynchronous requests are."""


class WrongMethod(MethodNotAllowed):
    """405 with the methods that are allowed."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{method} is not possible here; possible: {', '.join(allowed)}")
        self.headers = {"Allow": ", ".join(allowed)}


@cache
def _table() -> dict[str, dict[str, Route]]:
    """shape -> method -> route."""
    table: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        table.setdefault(route.shape, {})[route.method] = route
    return table


def shape(path: Path) -> str:
    """The shape of a path. Raises NotFound for an unknown resource type, Invalid for what is no id."""
    if path and path[0] == JOBS and len(path) in (2, 3):
        return "/".join((JOBS, "{id}", "{file}")[: len(path)])
    found = []
    for position, segment in enumerate(path):
        if position in (0, 2) and segment in TYPE_ID:
            found.append("{type}" if position == 0 else "{other}")
        elif segment in _WORDS and not (position == 1 and segment == "metadata"):
            found.append(segment)
        elif position == 0:
            raise NotFound("unknown resource type or path", code="not-supported")
        elif position == 1:
            if not ID.fullmatch(segment):
                raise Invalid("an id has 1 to 64 of the characters A-Z a-z 0-9 - .", code="value")
            found.append("{id}")
        elif position == 3 and found[2] == "_history":
            found.append("{version}")
        else:
            raise NotFound("there is nothing at this URL")
    return "/".join(found)


def resolve(method: str, path: Path) -> Routed:
    """The route of a method and path. Raises NotFound, WrongMethod, Invalid."""
    if path and path[-1].startswith("$"):
        return _operation(method, path)
    methods = _table().get(shape(path))
    if methods is None:
        raise NotFound("there is nothing at this URL")
    route = methods.get("GET" if method == "HEAD" else method)
    if route is None:
        raise WrongMethod(method, _allowed(methods))
    resource_type = path[0] if path and path[0] in TYPE_ID else None
    return Routed(route.interaction, resource_type, path, route.call)


def _allowed(methods: dict[str, Route]) -> tuple[str, ...]:
    return (*methods, *(("HEAD",) if "GET" in methods else ()), "OPTIONS")


def allowed(path: Path) -> tuple[str, ...]:
    """The methods possible at a path, for OPTIONS. Raises NotFound, Invalid."""
    if path and path[-1].startswith("$"):
        operation = _named(path)
        return ("POST", "OPTIONS") if operation.affects_state else ("GET", "HEAD", "POST", "OPTIONS")
    methods = _table().get(shape(path))
    if methods is None:
        raise NotFound("there is nothing at this URL")
    return _allowed(methods)


def _named(path: Path) -> Operation:
    """The operation a path names: $code, Type/$code or Type/id/$code."""
    *target, code = path
    if len(target) > 2:
        raise NotFound("there is nothing at this URL")
    shape(tuple(target))
    resource_type = target[0] if target else None
    operation = operation_at(code[1:], (SYSTEM, TYPE, INSTANCE)[len(target)], resource_type)
    if operation is None:
        raise NotFound("this operation is not known here", code="not-supported")
    return operation


def _operation(method: str, path: Path) -> Routed:
    operation = _named(path)
    if method != "POST" and (operation.affects_state or method not in ("GET", "HEAD")):
        raise WrongMethod(method, allowed(path))
    resource_type, id = (*path[:-1], None, None)[:2]

    def call(server: Server, request: FhirRequest, _: Path) -> Awaitable[FhirResponse]:
        return operation.call(server, request, resource_type, id)

    needs = (operation.permission,) if operation.permission else ()
    return Routed(f"${operation.code}", resource_type, path, call, needs)
