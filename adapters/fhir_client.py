"""Any FHIR R4 server, asked over HTTP. https://hl7.org/fhir/R4/http.html

Of one shape, asynchronous: whoever uses it (services by event, the worker, sets of files) waits for several answers at
the same time. Bodies are bytes, parsed and written by `mappings.r4`, so that decimals keep their digits.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import httpx2

from adapters.partner_errors import PartnerUnavailable
from mappings import r4

Json = Any
FHIR_JSON = "application/fhir+json"
AWAY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that say nothing of the request: the same may succeed later."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome. https://hl7.org/fhir/R4/operationoutcome.html"""

    code: str
    element: str
    """The first of `expression`, empty where none is named."""
    reason: str
    """The server's words: they may hold what was asked, and are for no log."""


class FhirRefused(Exception):
    """The server says no: the same request will be refused again. Its text has nothing of what was asked."""

    def __init__(self, status: int, issues: tuple[Issue, ...] = ()) -> None:
        said = ", ".join(f"{one.code} at {one.element}" if one.element else one.code for one in issues)
        super().__init__(f"refused with {status}" + (f": {said}" if said else ""))
        self.status, self.issues = status, issues


class Bearer(Protocol):
    """Where access tokens come from; see `adapters/tokens.py`."""

    async def get(self) -> str:
        """A token that is good."""

    def refused(self, token: str) -> None:
        """It is taken no longer."""


@dataclass(frozen=True, slots=True)
class FhirAnswer:
    """What came back, with a status below 400."""

    status: int
    body: bytes
    location: str | None = None

    @property
    def resource(self) -> Json:
        """The body, parsed. Raises MalformedJson."""
        return r4.parse(self.body)


class FhirClient:
    """One server, asked as one client. All its methods raise FhirRefused and PartnerUnavailable."""

    def __init__(self, http: httpx2.AsyncClient, base: str, bearer: Bearer | None = None) -> None:
        """http: connections, theirs who made it; base: of the FHIR API; bearer: None where no token is needed."""
        self._http, self._base, self._bearer = http, base.rstrip("/"), bearer

    async def read(self, reference: str) -> Json:
        """The resource of a reference such as Patient/1. https://hl7.org/fhir/R4/http.html#read"""
        return (await self.send("GET", reference)).resource

    async def search(self, kind: str, criteria: Mapping[str, str]) -> AsyncIterator[Json]:
        """What matches, page after page; included resources are left out. https://hl7.org/fhir/R4/http.html#search

        Asked by POST: values of criteria stay out of URLs, hence out of everybody's logs.
        """
        body = urlencode(criteria).encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        bundle = (await self.send("POST", f"{kind}/_search", body, form)).resource
        while True:
            for entry in bundle.get("entry", ()):
                if entry.get("search", {}).get("mode", "match") == "match":
                    yield entry["resource"]
            following = next((one["url"] for one in bundle.get("link", ()) if one["relation"] == "next"), None)
            if following is None:
                return
            bundle = (await self.send("GET", following)).resource

    async def create(self, resource: Json, if_none_exist: Mapping[str, str] | None = None) -> Json:
        """The resource as it is stored; if_none_exist: or the one that matches already, as it is.

        https://hl7.org/fhir/R4/http.html#ccreate
        """
        headers = {"If-None-Exist": urlencode(if_none_exist)} if if_none_exist else {}
        answer = await self.send("POST", resource["resourceType"], r4.serialize(resource), headers)
        return await self._stored(answer)

    async def update(self, resource: Json, version: str | None = None) -> Json:
        """The resource as it is stored; version: the one it replaces, else FhirRefused with 412.

        https://hl7.org/fhir/R4/http.html#update
        """
        headers = {"If-Match": f'W/"{version}"'} if version else {}
        path = f"{resource['resourceType']}/{resource['id']}"
        return await self._stored(await self.send("PUT", path, r4.serialize(resource), headers))

    async def update_where(self, resource: Json, criteria: Mapping[str, str]) -> Json:
        """The resource as it is stored in the place of the one that matches, or as a new one.

        https://hl7.org/fhir/R4/http.html#cond-update
        """
        path = f"{resource['resourceType']}?{urlencode(criteria)}"
        return await self._stored(await self.send("PUT", path, r4.serialize(resource)))

    async def transaction(self, bundle: bytes, *, minimal: bool = False) -> bytes:
        """The answer to a Bundle of type transaction or batch; minimal: without the resources.

        https://hl7.org/fhir/R4/http.html#transaction
        """
        headers = {"Prefer": "return=minimal"} if minimal else {}
        return (await self.send("POST", "", bundle, headers)).body

    async def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> FhirAnswer:
        """Any request. path: below the base, or a URL of the same server, as links have it."""
        url = path if path.startswith((f"{self._base}/", f"{self._base}?")) else self._below(path)
        sent = {"Accept": FHIR_JSON, **({"Content-Type": FHIR_JSON} if body is not None else {}), **(headers or {})}
        if method in ("POST", "PUT", "PATCH"):
            sent.setdefault("Prefer", "return=representation")
        for last in (False, True):
            token = await self._bearer.get() if self._bearer else None
            if token is not None:
                sent["Authorization"] = f"Bearer {token}"
            try:
                response = await self._http.request(method, url, content=body, headers=sent)
            except httpx2.TransportError as error:
                raise PartnerUnavailable(f"the FHIR server cannot be reached ({type(error).__name__})") from error
            if response.status_code == 401 and token is not None and self._bearer and not last:
                self._bearer.refused(token)
                continue
            break
        status = response.status_code
        if status in AWAY:
            raise PartnerUnavailable(f"the FHIR server answers {status}", _seconds(response.headers))
        if status >= 300 and status != 304:
            raise FhirRefused(status, issues_of(response.content))
        return FhirAnswer(status, response.content, response.headers.get("Location"))

    def _below(self, path: str) -> str:
        if "://" in path:  # the token goes to this server alone
            raise FhirRefused(400, (Issue("not-supported", "link", "leads to another server"),))
        return f"{self._base}/{path}" if path else self._base

    async def _stored(self, answer: FhirAnswer) -> Json:
        """What a write answered with, read where it answered with the place alone."""
        if answer.body:
            return answer.resource
        if answer.location is None:
            raise FhirRefused(answer.status, (Issue("incomplete", "Location", "is missing"),))
        kind, id = answer.location.removeprefix(f"{self._base}/").split("/")[:2]
        return await self.read(f"{kind}/{quote(id)}")


def issues_of(body: bytes) -> tuple[Issue, ...]:
    """The issues of an OperationOutcome that say that something is wrong; none if the body is something else."""
    try:
        outcome = r4.parse(body)
    except r4.MalformedJson:
        return ()
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return ()
    return tuple(
        Issue(
            str(one.get("code", "")),
            next(iter(one.get("expression", ())), ""),
            str(one.get("diagnostics") or one.get("details", {}).get("text", "")),
        )
        for one in outcome.get("issue", ())
        if one.get("severity") in ("fatal", "error")
    )


def _seconds(headers: httpx2.Headers) -> float:
    """What Retry-After says, 0 where it says nothing."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0
