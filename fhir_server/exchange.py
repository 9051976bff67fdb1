"""FhirRequest and FhirResponse: what an interaction takes and gives; it knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from fhir_server.audit.trail import Trail
from mappings.r4 import Json
from smart_auth.scopes import Access


@dataclass(slots=True)
class FhirRequest:
    """One interaction asked for, by HTTP or by a Bundle entry."""

    method: str
    """GET, HEAD, POST, PUT, PATCH, DELETE."""
    path: tuple[str, ...]
    """Decoded path segments below the FHIR base: ("Patient", "1", "_history")."""
    query: list[tuple[str, str]]
    """Decoded query parameters in order; of a POST _search, those of the form as well."""
    headers: Mapping[str, str]
    """By lower-case name: if-match, if-none-match, if-modified-since, if-none-exist, prefer, content-type, accept."""
    access: Access
    body: bytes | None = None
    """Raw body; of a Bundle entry None, see `resource`."""
    resource: Json = None
    """Parsed JSON body, or the resource of the Bundle entry."""
    base: str = ""
    """Absolute FHIR base URL without trailing slash."""
    trail: Trail | None = None
    """What the audit trail knows of it; None: nothing is audited, or it is part of another, whose trail is that."""
    told: dict[str, str] = field(default_factory=dict)
    """Headers that its answer carries, whatever comes of it."""
    leave: Callable[[], object] = nullcontext
    """Called before it waits for company, with little left to do: the next may be worked on."""
    aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """Entered while it waits for somebody else, so that others are worked on meanwhile."""


@dataclass(slots=True)
class FhirResponse:
    """What came of it; `app` makes HTTP of it and a Bundle makes an entry of it."""

    status: int
    body: bytes | None = None
    """Serialized resource, or raw Binary content."""
    content_type: str = "application/fhir+json"
    version_id: int | None = None
    """Becomes ETag W/"n"."""
    last_updated: int | None = None
    """Microseconds since 1970 UTC; becomes Last-Modified."""
    location: str | None = None
    """Relative to the base: Patient/1/_history/1."""
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    """A file to send instead of `body`."""
