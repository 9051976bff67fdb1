"""The hub's own services: clients of the FHIR API like any others, each with a key and no more than it needs.

They come through the door as everybody does: with tokens, under access control, in the audit trail. Their keys are
derived from HUB_KEY whenever they are needed and stored nowhere. Where access is open no token is needed.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey
from sqlalchemy import Connection

from adapters.backend_service import tokens
from adapters.connections import http_client
from adapters.fhir_client import FhirClient
from fhir_server.app import Asgi
from hub.authorization import known, site, tables
from hub.sealing_key import seal
from hub.settings import Settings
from hub.tls import trusted
from smart_auth import clients
from smart_auth.clients import PRIVATE_KEY
from smart_auth.scopes import parse
from smart_auth.seal import Seal

ELIGIBILITY, AUTHORIZATION = "hub-eligibility", "hub-authorization"
DIRECTORY, CLAIM_STATUS = "hub-directory", "hub-claim-status"
BATCH, SIMULATORS = "hub-batch", "hub-simulators"
WHATSAPP, CHAT, DESK = "hub-whatsapp", "hub-chat", "hub-desk"

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
"""Of P-384: FIPS 186-5."""


def _system(**permissions: str) -> str:
    """Scopes of the level system: permissions, and the types each is for."""
    return " ".join(f"system/{kind}.{each}" for each, kinds in permissions.items() for kind in kinds.split())


_NETWORK = "Organization Location Practitioner PractitionerRole HealthcareService OrganizationAffiliation"
SCOPES: Mapping[str, tuple[str, str]] = {
    ELIGIBILITY: (
        "Elegibilidade",
        _system(
            rs="Patient Coverage Organization Practitioner PractitionerRole CoverageEligibilityRequest",
            crus="CoverageEligibilityResponse Task",
        ),
    ),
    AUTHORIZATION: (
        "Autorização",
        _system(
            rs="Patient Coverage Organization Practitioner PractitionerRole Location Condition"
            " DocumentReference Binary",
            rus="Claim",
            crus="ClaimResponse Task",
        ),
    ),
    DIRECTORY: ("Rede credenciada", _system(crus=_NETWORK)),
    CLAIM_STATUS: ("Contas médicas", _system(rs="Patient Claim Coverage", crus="ClaimResponse PaymentReconciliation")),
    BATCH: (
        "Sincronização",
        _system(
            rs="Claim ClaimResponse",
            cruds=f"Patient RelatedPerson Coverage InsurancePlan Basic {_NETWORK}",
            crus="Task",
        ),
    ),
    SIMULATORS: (
        "Simulação",
        _system(
            rs=f"Patient Coverage ClaimResponse CoverageEligibilityResponse {_NETWORK}",
            crs="CoverageEligibilityRequest",
            crus="Claim",
        ),
    ),
    WHATSAPP: ("WhatsApp", _system(crus="Communication Consent Binary", rus="CommunicationRequest Basic", crs="Task")),
    CHAT: (
        "Conversas",
        _system(
            rs="Patient Coverage RelatedPerson ClaimResponse Condition MedicationStatement"
            " Location Organization OrganizationAffiliation",
            rus="Communication",
            crs="CommunicationRequest Provenance Appointment Device",
            crus="Basic Task Consent Encounter QuestionnaireResponse Observation RiskAssessment Flag",
        ),
    ),
    DESK: (
        "Mesas",
        _system(rs="Provenance RiskAssessment", rus="Task", crus="Communication CommunicationRequest"),
    ),
}
"""Id of a service -> what people are told it is called, and its scopes."""


def key_of(sealing: Seal, service: str) -> ECKey:
    """The private key of a service, on P-384, the same whenever it is asked for.

    512 bits are reduced to the order of the curve: no key is noticeably likelier than another (FIPS 186-5, A.2.1).
    """
    drawn = b"".join(urlsafe_b64decode(sealing.derived(f"client-key:{service}:{part}") + "=") for part in (1, 2))
    number = int.from_bytes(drawn, "big") % (_ORDER - 1) + 1
    key = ECKey.import_key(ec.derive_private_key(number, ec.SECP384R1()), {"use": "sig"})
    key.ensure_kid()
    return key


def register(settings: Settings, connection: Connection) -> None:
    """Registers the services, or mends their registrations; one that was switched off stays so. Raises KeyUnusable."""
    sealing = seal(settings)
    there = {one.client_id: one for one in clients.listed(connection)}
    for service, (name, scope) in SCOPES.items():
        jwks = json.dumps({"keys": [key_of(sealing, service).as_dict(private=False)]})
        found = there.get(service)
        same = found is not None and found.jwks == jwks and parse(found.scope, known) == parse(scope, known)
        if found is None or (found.active and not same):
            clients.register(
                connection, service, name, PRIVATE_KEY, scope, int(time.time()),
                grant_types=["client_credentials"], jwks=jwks,
            )  # fmt: skip


def make_sure(settings: Settings, url: str) -> None:
    """The same for a command or at start, where tokens are needed. url: of the database. Raises KeyUnusable."""
    if settings.access == "smart":
        with tables(url) as connection:
            register(settings, connection)


@asynccontextmanager
async def door(
    settings: Settings, service: str, connections: int = 8, here: Asgi | None = None
) -> AsyncIterator[FhirClient]:
    """The FHIR API as a service sees it, as long as the block. Raises KeyUnusable.

    connections: at most. here: the application itself, where this process serves it: asked without a connection, which
    might be taken by another worker while this one has nothing to do, and just as it is asked by everybody else.
    """
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    timeout = httpx2.Timeout(settings.deadline + 5, connect=5)
    async with (
        http_client(trusted(settings), limits, timeout=timeout)
        if here is None
        else httpx2.AsyncClient(transport=httpx2.ASGITransport(here), trust_env=False)
    ) as http:
        bearer = None
        if settings.access == "smart":
            key, endpoint = key_of(seal(settings), service), site(settings).token_url
            bearer = tokens(http, endpoint, service, key, SCOPES[service][1])
        yield FhirClient(http, settings.base, bearer)
