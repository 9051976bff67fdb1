"""Tasy, the ERP of hospital and plan: its messages <-> FHIR R4. Pure: values in, values out.

`ENTITIES` is the table from which `hub map` and its cases pick reader and mapping. To add one: its record in
`records.py`, a module with its mapping, new codes in `mappings/tables/`, a line here, and a case in
`tests/mappings/cases/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from mappings import r4
from mappings.errors import Fault, MappingError
from mappings.tasy.authorization_reply import to_claim_response
from mappings.tasy.authorization_request import to_authorization_request
from mappings.tasy.carencia import to_waiting_periods
from mappings.tasy.claim_status import to_claim_responses
from mappings.tasy.eligibility import to_eligibility_request, to_eligibility_response
from mappings.tasy.member import to_coverage, to_patient
from mappings.tasy.provider import to_provider_resources
from mappings.tasy.read import read
from mappings.tasy.records import AuthorizationReply, EligibilityReply, ProductWaitingPeriods, Protocol, Provider
from mappings.tasy.site import Site

Json = Any
Beside = Mapping[str, Json]
"""What a mapping needs beside its source: `asked` (the resource that was answered), `reference` (to it), `now` (local
time), `today`, `patients` (reference by `nr_seq_conta`)."""

Mapped = tuple[list[Json], list[Fault]]
"""Resources or Tasy's records, and what a person should look at."""


def _referred(source: bytes) -> tuple[Json, dict[str, Json]]:
    """The first resource of a Bundle, and all of it by reference."""
    try:
        bundle = r4.parse(source)
    except r4.MalformedJson as error:
        raise MappingError("$", str(error)) from error
    resources = [entry["resource"] for entry in bundle.get("entry", ())] if isinstance(bundle, dict) else []
    if not resources:
        raise MappingError("entry", "a Bundle is needed: first what is asked, then the resources it refers to")
    return resources[0], {f"{one['resourceType']}/{one['id']}": one for one in resources if "id" in one}


def _plain(record: msgspec.Struct) -> Json:
    """A record as Tasy is sent it: without what is not informed."""
    return {name: value for name, value in msgspec.to_builtins(record).items() if value is not None and value != []}


def _eligibility_request(source: bytes, beside: Beside, site: Site) -> Mapped:
    return [_plain(to_eligibility_request(*_referred(source), site))], []


def _authorization_request(source: bytes, beside: Beside, site: Site) -> Mapped:
    return [_plain(to_authorization_request(*_referred(source), site))], []


def _eligibility_reply(source: bytes, beside: Beside, site: Site) -> Mapped:
    reply, drift = read(EligibilityReply, source, site.names)
    resource, faults = to_eligibility_response(reply, beside["asked"], beside["reference"], site)
    return [resource], drift + faults


def _member(source: bytes, beside: Beside, site: Site) -> Mapped:
    reply, drift = read(EligibilityReply, source, site.names)
    patient, faults = to_patient(reply.segurado, site)
    return [patient, to_coverage(reply.segurado, reply.carteira, reply.plano, site)], drift + faults


def _authorization_reply(source: bytes, beside: Beside, site: Site) -> Mapped:
    reply, drift = read(AuthorizationReply, source, site.names)
    now = datetime.fromisoformat(beside["now"])
    resource, faults = to_claim_response(reply, beside["asked"], beside["reference"], site, now)
    return [resource], drift + faults


def _provider(source: bytes, beside: Beside, site: Site) -> Mapped:
    provider, drift = read(Provider, source, site.names)
    resources, faults = to_provider_resources(provider, site, date.fromisoformat(beside["today"]))
    return resources, drift + faults


def _claim_status(source: bytes, beside: Beside, site: Site) -> Mapped:
    protocol, drift = read(Protocol, source, site.names)
    patients = {int(key): reference for key, reference in beside.get("patients", {}).items()}
    resources, faults = to_claim_responses(protocol, patients, site, datetime.fromisoformat(beside["now"]))
    return resources, drift + faults


def _waiting_periods(source: bytes, beside: Beside, site: Site) -> Mapped:
    product, drift = read(ProductWaitingPeriods, source, site.names)
    return to_waiting_periods(product, site), drift


ENTITIES: dict[str, Callable[[bytes, Beside, Site], Mapped]] = {
    "eligibility-request": _eligibility_request,
    "eligibility-reply": _eligibility_reply,
    "member": _member,
    "authorization-request": _authorization_request,
    "authorization-reply": _authorization_reply,
    "provider": _provider,
    "claim-status": _claim_status,
    "carencia": _waiting_periods,
}
"""Source, what the mapping needs beside it, site -> what it becomes. Each raises MappingError; KeyError,
naming it, where something needed beside it is not given."""
