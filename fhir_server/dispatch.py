"""Route, then access, then interaction; FhirError -> OperationOutcome. https://hl7.org/fhir/R4/http.html"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_server.access import glass
from fhir_server.access.hiding import permits
from fhir_server.access.interactions import held
from fhir_server.audit.told import Known, nobody
from fhir_server.audit.trail import flag
from fhir_server.bulk.polls import Polls
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.outcome import Conflict, FhirError, operation_outcome
from fhir_server.payer import Payer
from fhir_server.search.criteria import UnknownParameter
from fhir_server.search.parameters import current
from fhir_server.store import ResourceStore
from fhir_server.store_errors import StaleParameters
from fhir_server.turns import Turns
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.routes import Routed


ATTEMPTS = 5
"""At a request whose search parameters keep changing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose about the API; the CapabilityStatement says it."""

    conditional_delete_multiple: bool = False
    """Whether a conditional delete may remove several matches at once (else 412)."""
    conditional_delete_limit: int = 1000
    expunge: bool = False
    """Whether $expunge is there, for those whose access has the right to it."""
    payer: bool = False
    """Whether there is somebody who answers for a plan what $submit asks."""
    full_text: bool = False
    """Whether _text and _content are there."""
    default_count: int = 20
    max_count: int = 1000
    max_body: int = 16 * 2**20
    max_bundle_body: int = 64 * 2**20
    max_query: int = 16 * 2**10
    max_entries: int = 25_000
    max_concurrent: int = 256
    """Requests under way in one process; more are refused with 503 at once instead of waiting in line."""
    max_bytes: int = 256 * 2**20
    """Bytes of request bodies under way in one process, likewise."""
    deadline: float = 60
    """Seconds after which a request is given up with 503."""
    bulk_files: Path = Path(".hub/bulk")
    """Folder of the files of bulk exports and imports, shared by whoever works on jobs."""
    import_sources: tuple[str, ...] = ()
    """URLs of folders that $import may read from; each ends in a slash."""


@dataclass(slots=True)
class Server:
    """All an interaction may reach: handed to every one of them."""

    store: ResourceStore
    base: str
    """Absolute FHIR base URL without trailing slash: "http://127.0.0.1:8080/fhir"."""
    now: Callable[[], int]
    """Microseconds since 1970 UTC."""
    settings: Settings = field(default_factory=Settings)
    software_version: str = "0"
    turns: Turns = field(default_factory=Turns)
    polls: Polls = field(default_factory=Polls)
    payer: Payer | None = None
    """There if the setting says so."""
    agents: Known = nobody
    """Who those are that the audit trail names."""


def resolve(method: str, path: tuple[str, ...]) -> Routed:
    """The route of a method and path. Raises NotFound, MethodNotAllowed, Invalid."""
    # Interactions dispatch again (a Bundle's entries), so the table of them can be imported only when all exist.
    from fhir_server import routes

    return routes.resolve(method, path)


async def perform_routed(server: Server, request: FhirRequest, routed: Routed) -> FhirResponse:
    """Holds the request to its access and performs the interaction. Raises FhirError."""
    store = server.store
    if store.ignorant or (not request.access.unrestricted and store.outdated):
        # What policies say now counts, or nothing is answered.
        await store.refresh()
    request.access = held(request.access, routed.interaction, routed.resource_type, routed.needs)
    if glass.broken(request.access.subject):
        flag(glass.PURPOSE, request.trail)
    permits(request.access, routed.interaction, routed.resource_type)
    if routed.resource_type == "SearchParameter" and request.method not in ("GET", "HEAD"):
        await store.learn()
    known = current().generation
    for _ in range(ATTEMPTS):
        try:
            return await routed.perform(server, request)
        except StaleParameters:
            if not store.again:
                raise
        except UnknownParameter:
            # It may be that another process knows it by now.
            await store.learn()
            if current().generation == known and not current().pending:
                raise
            return await routed.perform(server, request)
    raise Conflict("search parameters keep changing; try again", code="transient")


async def perform(server: Server, request: FhirRequest) -> FhirResponse:
    """One request, errors raised as FhirError: for an entry that must fail its whole transaction."""
    return await perform_routed(server, request, resolve(request.method, request.path))


async def dispatch(server: Server, request: FhirRequest) -> FhirResponse:
    """One request, errors told as OperationOutcome: for HTTP, and for an entry of a batch."""
    try:
        return await perform(server, request)
    except FhirError as error:
        return refusal(error)


def refusal(error: FhirError) -> FhirResponse:
    """The OperationOutcome of an error, with the headers its status calls for."""
    headers = dict(error.headers)
    if error.status == 429:
        headers.setdefault("Retry-After", "5")
    return FhirResponse(error.status, serialize(operation_outcome(error.issues)), headers=headers)
