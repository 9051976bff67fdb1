"""By what people find this server in apps: its organizations, published. https://hl7.org/fhir/smart-app-launch/brands.html"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence, Set
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from fhir_server.app import Asgi, Scope, Send
from fhir_server.dispatch import Server, dispatch
from fhir_server.exchange import FhirRequest
from fhir_server.receive import Receive
from smart_auth.scopes import NOBODY, Access
from smart_auth.scopes import Scope as Granted

ACCESS: Access = replace(NOBODY, subject="brands", client="brands", scopes=(Granted("system", "Organization", "r"),))
KEPT = ("identifier", "active", "type", "name", "alias", "telecom", "address", "partOf")
"""Elements that are published, of all that an Organization may have."""
EXTENSIONS = frozenset(
    f"http://hl7.org/fhir/StructureDefinition/organization-{name}" for name in ("brand", "portal")
)  # fmt: skip
_PROFILES = "http://hl7.org/fhir/smart-app-launch/StructureDefinition"
_URI = "urn:ietf:rfc:3986"


class Brands:
    """Serves {base}/.well-known/brands, and hands everything else to `other`."""

    def __init__(self, server: Server, ids: Sequence[str], other: Asgi) -> None:
        """ids: of the Organizations, the first of which stands for the server."""
        self._server, self._ids, self._other = server, ids, other
        self._path = f"{urlsplit(server.base).path}/.well-known/brands"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._other(scope, receive, send)
            return
        headers = [(b"x-content-type-options", b"nosniff")]
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, b"", [*headers, (b"allow", b"GET, HEAD")])
            return
        found = [await self._organization(id) for id in self._ids]
        if None in found:
            # Half of them would tell apps that the others are gone.
            await _answer(send, 503, b"", [*headers, (b"retry-after", b"60")])
            return
        body = json.dumps(bundle(self._server.base, [one for one in found if one is not None])).encode()
        tag = f'W/"{sha256(body).hexdigest()[:32]}"'.encode()
        headers += [(b"etag", tag), (b"cache-control", b"public, max-age=300")]
        asked = [value for name, value in scope["headers"] if name == b"if-none-match"]
        known = {one.strip().removeprefix(b"W/") for value in asked for one in value.split(b",")}
        if known & {tag.removeprefix(b"W/"), b"*"}:
            await _answer(send, 304, None, headers)
            return
        headers += [(b"content-type", b"application/fhir+json; charset=utf-8")]
        await _answer(send, 200, body, headers, head=scope["method"] == "HEAD")

    async def _organization(self, id: str) -> dict[str, Any] | None:
        request = FhirRequest("GET", ("Organization", id), [], {}, ACCESS, base=self._server.base)
        answer = await dispatch(self._server, request)
        return json.loads(answer.body) if answer.status == 200 and answer.body else None


def bundle(base: str, organizations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The Bundle of these brands, all of which are reached at `base`."""
    place = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{base}/metadata')}"
    endpoint = {
        "resourceType": "Endpoint", "id": place.rpartition(":")[2],
        "meta": {"profile": [f"{_PROFILES}/user-access-endpoint"]},
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": "4.0.1"}
        ],
        "status": "active", "name": organizations[0].get("name", ""), "address": base,
        "connectionType": {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
                           "code": "hl7-fhir-rest"},
        "payloadType": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type",
                                     "code": "none"}]}],
    }  # fmt: skip
    if website := [one for one in organizations[0].get("telecom", ()) if one.get("system") == "url"]:
        endpoint["contact"] = website
    there = {f"Organization/{one['id']}" for one in organizations}
    entries: list[dict[str, Any]] = [
        {"fullUrl": f"{base}/Organization/{one['id']}", "resource": _brand(base, one, place, there)}
        for one in organizations
    ]
    return {
        "resourceType": "Bundle", "type": "collection",
        "meta": {"profile": [f"{_PROFILES}/user-access-brands-bundle"]},
        "timestamp": max(one["meta"]["lastUpdated"] for one in organizations),
        "entry": [*entries, {"fullUrl": place, "resource": endpoint}],
    }  # fmt: skip


def _brand(base: str, organization: dict[str, Any], endpoint: str, there: Set[str]) -> dict[str, Any]:
    kept = {name: organization[name] for name in KEPT if name in organization}
    if kept.get("partOf", {}).get("reference") not in there:
        kept.pop("partOf", None)
    own = {"system": _URI, "value": f"{base}/Organization/{organization['id']}"}
    shown = [one for one in organization.get("extension", ()) if one.get("url") in EXTENSIONS]
    return {
        "resourceType": "Organization", "id": organization["id"],
        "meta": {"lastUpdated": organization["meta"]["lastUpdated"], "profile": [f"{_PROFILES}/user-access-brand"]},
        **({"extension": shown} if shown else {}), **kept,
        "identifier": [*kept.get("identifier", ()), own], "active": kept.get("active", True),
        "endpoint": [{"reference": endpoint}],
    }  # fmt: skip


async def _answer(
    send: Send, status: int, body: bytes | None, headers: list[tuple[bytes, bytes]], *, head: bool = False
) -> None:
    if body is not None:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body or b""})
