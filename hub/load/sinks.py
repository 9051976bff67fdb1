"""Where Bundles go: the FHIR server in this process, or a running one by URL; the interactions are the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx2
import orjson

from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import FhirError, operation_outcome
from fhir_server.postgres import ConnectionLost, DatabaseError
from smart_auth.scopes import UNRESTRICTED

HEADERS = {"content-type": "application/fhir+json", "prefer": "return=minimal"}
SECONDS = 900.0
ATTEMPTS = 6
PASSING = frozenset({429, 502, 503, 504})
"""Statuses that say: later."""


class TargetLost(RuntimeError):
    """The server does not answer any more; the run can be started again and goes on where it stopped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and parsed body of what came back."""

    status: int
    resource: Any

    @property
    def stored(self) -> bool:
        """Whether the Bundle as such was carried out."""
        return self.status < 300


class Sink(Protocol):
    """What the loader needs of a server."""

    async def send(self, bundle: bytes) -> Answer:
        """Posts a transaction or batch. Raises TargetLost."""

    async def count(self, resource_type: str, query: list[tuple[str, str]]) -> int:
        """Number of matches of a search. Raises TargetLost."""

    async def close(self) -> None:
        """Lets go of it."""


class DirectSink:
    """The FHIR server in this process, by the dispatch that HTTP requests take."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def _perform(self, request: FhirRequest) -> FhirResponse:
        request.base = self._server.base
        try:
            return await perform(self._server, request)
        except (ConnectionLost, DatabaseError) as error:
            raise TargetLost(f"the database: {type(error).__name__}") from error

    async def send(self, bundle: bytes) -> Answer:
        """Posts a transaction or batch. Raises TargetLost."""
        try:
            response = await self._perform(FhirRequest("POST", (), [], HEADERS, UNRESTRICTED, body=bundle))
        except FhirError as error:
            return Answer(error.status, operation_outcome(error.issues))
        return Answer(response.status, orjson.loads(response.body) if response.body else None)

    async def count(self, resource_type: str, query: list[tuple[str, str]]) -> int:
        """Number of matches of a search."""
        query = [*query, ("_summary", "count")]
        response = await self._perform(FhirRequest("GET", (resource_type,), query, {}, UNRESTRICTED))
        return int(orjson.loads(response.body or b"{}").get("total", 0))

    async def close(self) -> None:
        """Closes its database connections."""
        self._server.store.close()


class HttpSink:
    """A FHIR server by its base URL."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._client = httpx2.AsyncClient(timeout=SECONDS, headers=HEADERS | {"accept": "application/fhir+json"})

    async def send(self, bundle: bytes) -> Answer:
        """Posts a transaction or batch; waits and tries again while the server says `later`. Raises TargetLost."""
        for attempt in range(ATTEMPTS):
            try:
                response = await self._client.post(self._base, content=bundle)
            except httpx2.ConnectError:
                pass  # not sent, so it may be sent again
            except httpx2.HTTPError as error:
                raise TargetLost(f"{self._base}: {type(error).__name__}") from None
            else:
                if response.status_code not in PASSING:
                    return Answer(response.status_code, _json(response.content))
            await asyncio.sleep(2**attempt / 4)
        raise TargetLost(f"{self._base} does not answer")

    async def count(self, resource_type: str, query: list[tuple[str, str]]) -> int:
        """Number of matches of a search. Raises TargetLost."""
        try:
            response = await self._client.get(f"{self._base}/{resource_type}", params=[*query, ("_summary", "count")])
            response.raise_for_status()
        except httpx2.HTTPError as error:
            raise TargetLost(f"{self._base}: {type(error).__name__}") from None
        return int(orjson.loads(response.content).get("total", 0))

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def instant(microseconds: int) -> str:
    """A FHIR instant."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="milliseconds")
