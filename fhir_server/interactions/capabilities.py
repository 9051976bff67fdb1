"""FHIR capabilities interaction: the CapabilityStatement, generated from the tables that route requests.

https://hl7.org/fhir/R4/http.html#capabilities https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from fhir_server.conditional import entity_tags
from fhir_server.definitions import compartments
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.formats import OFFERED
from fhir_server.interactions import patch
from fhir_server.outcome import Invalid, NotFound
from fhir_server.resource_types import RESOURCE_TYPES
from fhir_server.search.parameters import FULL_TEXT, SearchParameter, current, parameters_of
from fhir_server.shape import SHAPING, shaped
from fhir_server.subscriptions.switchboard import websocket_url
from fhir_server.subscriptions.topics import LISTED, TOPICS, canonical
from mappings.r4 import serialize

if TYPE_CHECKING:
    from fhir_server.dispatch import Server, Settings

PUBLISHED = "2026-05-01"
"""When the set of capabilities last changed by hand; `date` is required, and must not differ between workers."""

MODES = ("full", "normative")

TYPE_INTERACTIONS = (
    "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"
)  # fmt: skip
SYSTEM_INTERACTIONS = ("transaction", "batch", "search-system", "history-system")
"""The codes R4 has for them; https://hl7.org/fhir/R4/valueset-restful-interaction.html"""
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport"
_WEBSOCKET = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"


SPECIAL: tuple[dict[str, str], ...] = (
    {"name": "_filter", "type": "special", "documentation": "https://hl7.org/fhir/R4/search_filter.html"},
    {"name": "_list", "type": "special", "documentation": "Id of a List, or a functional list: $current-problems, ..."},
)
"""What all searches take and R4 has no SearchParameter for."""


async def capabilities(server: Server, request: FhirRequest) -> FhirResponse:
    """The CapabilityStatement. Raises NotFound for mode=terminology, which has another resource and no service here."""
    mode = dict(request.query).get("mode", "full")
    if mode == "terminology":
        raise NotFound("there is no terminology service here", code="not-supported")
    if mode not in MODES:
        raise Invalid(f"mode is one of {', '.join(MODES)}", code="value")
    await server.store.learn()
    table = current()
    body, tag = statement_bytes(
        table.source, table.generation,
        server.base, server.settings, server.store.referential_integrity, server.software_version,
    )  # fmt: skip
    wanted = request.headers.get("if-none-match")
    if wanted is not None and tag in (entity_tags("If-None-Match", wanted) or {tag}):
        return FhirResponse(304, headers={"ETag": f'W/"{tag}"'})
    if request.query:
        body = shaped(request, body, SHAPING | {"mode"})
    return FhirResponse(200, body, headers={"ETag": f'W/"{tag}"'})


@lru_cache(maxsize=4)
def statement_bytes(
    source: str, generation: int, base: str, settings: Settings, integrity: bool, version: str
) -> tuple[bytes, str]:
    """The serialized statement and its entity tag, of one generation of the search parameters of a record."""
    body = serialize(statement(base, settings, integrity, version))
    return body, blake2b(body, digest_size=8).hexdigest()


def statement(base: str, settings: Settings, integrity: bool, version: str) -> dict[str, Any]:
    """The CapabilityStatement of a server with these settings."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": PUBLISHED,
        "kind": "instance",
        "instantiates": [
            "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data",
            f"{_BACKPORT}/CapabilityStatement/backport-subscription-server-r4",
        ],
        "software": {"name": "fhir-hub", "version": version},
        "implementation": {"description": "FHIR R4 server of the health data hub", "url": base},
        "fhirVersion": "4.0.1",
        "format": list(OFFERED),
        "patchFormat": list(patch.FORMATS),
        "rest": [
            {
                "extension": [{"url": _WEBSOCKET, "valueUri": websocket_url(base)}],
                "mode": "server",
                "resource": [_resource(name, base, settings, integrity) for name in RESOURCE_TYPES],
                "interaction": _interactions(SYSTEM_INTERACTIONS),
                "searchParam": [*_parameters(common_parameters(), settings), *SPECIAL],
                "operation": _operations("system", None, settings),
                "compartment": [
                    f"http://hl7.org/fhir/CompartmentDefinition/{name[0].lower()}{name[1:]}" for name in compartments()
                ],
            }
        ],
    }


def _resource(resource_type: str, base: str, settings: Settings, integrity: bool) -> dict[str, Any]:
    return {
        **_topics(resource_type, base),
        "type": resource_type,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{resource_type}",
        "interaction": _interactions(TYPE_INTERACTIONS),
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "multiple" if settings.conditional_delete_multiple else "single",
        "referencePolicy": ["literal", "logical", *(["enforced"] if integrity else [])],
        "searchInclude": includes(resource_type),
        "searchRevInclude": list(_referring()[resource_type]),
        "searchParam": _parameters(parameters_of(resource_type).values(), settings),
        "operation": _operations("type", resource_type, settings),
    }


def _topics(resource_type: str, base: str) -> dict[str, Any]:
    """The topics one may subscribe to, as R4 can tell them: extensions of the type Subscription."""
    if resource_type != "Subscription":
        return {}
    return {
        "extension": [{"url": LISTED, "valueCanonical": canonical(topic, base)} for topic in TOPICS],
        "supportedProfile": [f"{_BACKPORT}/StructureDefinition/backport-subscription"],
    }


def _interactions(known: tuple[str, ...]) -> list[dict[str, str]]:
    """Those of the known codes that the table of routes has."""
    # The routes name this interaction too, so they can be imported only when it is there.
    from fhir_server.routes import ROUTES

    routed = {route.interaction for route in ROUTES}
    if "transaction" in routed:
        routed.add("batch")  # one URL for both; the Bundle says which
    return [{"code": code} for code in known if code in routed]


def _operations(level: str, resource_type: str | None, settings: Settings) -> list[dict[str, str]]:
    from fhir_server.operations import OPERATIONS

    levels = {"system"} if level == "system" else {"type", "instance"}
    return [
        {"name": operation.code, "definition": operation.definition}
        for operation in OPERATIONS
        if levels & set(operation.levels)
        and (resource_type is None or not operation.types or resource_type in operation.types)
        and (operation.setting is None or getattr(settings, operation.setting))
    ]


def _parameters(found: Iterable[SearchParameter], settings: Settings) -> list[dict[str, str]]:
    return [
        {"name": parameter.code, "definition": parameter.url, "type": parameter.type}
        for parameter in found
        if settings.full_text or parameter.code not in FULL_TEXT
    ]


def common_parameters() -> list[SearchParameter]:
    """Search parameters that every type has: what a search of the whole system takes."""
    return list(parameters_of("Resource").values())


def _references(resource_type: str) -> list[SearchParameter]:
    return [parameter for parameter in parameters_of(resource_type).values() if parameter.type == "reference"]


def includes(resource_type: str) -> list[str]:
    """Values `_include` takes on the type."""
    references = [f"{resource_type}:{parameter.code}" for parameter in _references(resource_type)]
    return ["*", *references] if references else ["*"]


def _referring() -> dict[str, tuple[str, ...]]:
    """Type -> values `_revinclude` takes on it."""
    found: dict[str, list[str]] = {name: [] for name in RESOURCE_TYPES}
    for source in RESOURCE_TYPES:
        for parameter in _references(source):
            for target in parameter.types_of_target:
                if target in found:
                    found[target].append(f"{source}:{parameter.code}")
    return {name: tuple(values) for name, values in found.items()}
