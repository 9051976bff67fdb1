"""Bundles the server answers with, joined from stored bytes. https://hl7.org/fhir/R4/bundle.html"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.outcome import Issue, operation_outcome
from fhir_server.version import Version, instant
from mappings.r4 import serialize


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a searchset."""

    type: str
    id: str
    body: bytes
    mode: str
    """match or include."""


def searchset(
    base: str,
    entries: Sequence[Entry],
    links: Mapping[str, str],
    *,
    total: int | None = None,
    issues: Sequence[Issue] = (),
) -> bytes:
    """A searchset Bundle; issues become an OperationOutcome entry (search.mode outcome)."""
    parts = [
        ENTRY % (f"{base}/{entry.type}".encode(), entry.id.encode(), entry.body, entry.mode.encode())
        for entry in entries
    ]
    return searchset_of(parts, links, total=total, issues=issues)


ENTRY = b'{"fullUrl":"%s/%s","resource":%s,"search":{"mode":"%s"}}'
"""An entry of a searchset: URL of the type, id, resource, mode."""


def searchset_of(
    parts: list[bytes], links: Mapping[str, str], *, total: int | None = None, issues: Sequence[Issue] = ()
) -> bytes:
    """A searchset Bundle of entries as bytes: see ENTRY."""
    if issues:
        parts.append(b'{"resource":%s,"search":{"mode":"outcome"}}' % serialize(operation_outcome(issues)))
    return _bundle("searchset", links, parts, total)


def history_bundle(base: str, versions: Sequence[Version], links: Mapping[str, str], total: int | None = None) -> bytes:
    """A history Bundle, the versions in the order given; each entry says how its version came about."""
    return _bundle("history", links, [_version_entry(base, version) for version in versions], total)


def _version_entry(base: str, version: Version) -> bytes:
    reference = f"{version.type}/{version.id}"
    created = version.method == "POST" or (version.method == "PUT" and version.version_id == 1)
    status = "204 No Content" if version.body is None else "201 Created" if created else "200 OK"
    request = {"method": version.method, "url": version.type if version.method == "POST" else reference}
    response = {
        "status": status,
        "etag": f'W/"{version.version_id}"',
        "lastModified": instant(version.last_updated),
    }
    resource = b"" if version.body is None else b'"resource":%s,' % version.body
    return b'{"fullUrl":"%s",%s"request":%s,"response":%s}' % (
        f"{base}/{reference}".encode(),
        resource,
        serialize(request),
        serialize(response),
    )


def _bundle(kind: str, links: Mapping[str, str], entries: Sequence[bytes], total: int | None) -> bytes:
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(uuid.uuid4()),
        "meta": {"lastUpdated": instant(time.time_ns() // 1000)},
        "type": kind,
    }
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    raw = serialize(head)
    # An array in FHIR JSON is never empty.
    return raw if not entries else b'%s,"entry":[%s]}' % (raw[:-1], b",".join(entries))
