"""What a corrected message would become, by the mapping of its flow: nothing is sent or written.

To add one: a function, and a line in `simulations`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from batch.entities import REMOVED
from batch.faults import CODES, SetRefused
from batch.lines import Raw, targets
from batch.names import set_name
from care_services.authorization import SUBMIT, asked
from care_services.referred import references
from fhir_server.dispatch import Server, perform
from fhir_server.exchange import FhirRequest
from fhir_server.outcome import FhirError
from hub.operations.asked import Simulate, Simulated
from hub.operations.record import read, searched
from mappings import r4
from mappings.case import outcome
from mappings.errors import MappingError
from mappings.tasy.read import read as tasy_read
from mappings.tasy.records import Protocol
from mappings.tasy.site import Site
from messages.search import Message
from smart_auth.scopes import UNRESTRICTED

Json = Any
Maps = Callable[[Server, Site, Message, bytes], Awaitable[Simulated]]


def simulations(server: Server, site: Site) -> Mapping[tuple[str, str], Simulate]:
    """By flow and direction."""
    known: Mapping[tuple[str, str], Maps] = {
        ("RT-2", "out"): _guide, ("RT-2", "in"): _reply, ("RT-3", "in"): _provider, ("RT-4", "in"): _protocol,
        ("B-1", "in"): _line, ("B-2", "in"): _line, ("B-3", "in"): _line, ("B-4", "in"): _line,
    }  # fmt: skip
    return {key: partial(mapping, server, site) for key, mapping in known.items()}


def _mapped(entity: str, body: bytes, beside: Json, site: Site) -> Simulated:
    found = outcome(entity, body, beside, site)
    return Simulated(found.result, found.faults, found.error and {"code": "processing", **found.error})


def _local(site: Site) -> datetime:
    return datetime.now(ZoneInfo(site.zone)).replace(tzinfo=None, microsecond=0)


def _fault(element: str, reason: str, code: str = "processing") -> Simulated:
    return Simulated(error={"element": element, "code": code, "reason": reason})


async def _guide(server: Server, site: Site, message: Message, body: bytes) -> Simulated:
    """A Claim as Tasy's guide, with what it refers to in the record."""
    if asked(message.business_key) != SUBMIT:
        return _fault("$", "only what submits a guide can be simulated", "not-supported")
    try:
        claim = r4.parse(body)
    except r4.MalformedJson as error:
        return _fault("$", str(error), "structure")
    bodies = [await read(server, one) for one in dict.fromkeys(references(claim))]
    entries = [{"resource": one} for one in (claim, *(r4.parse(each) for each in bodies if each))]
    return _mapped("authorization-request", r4.serialize({"resourceType": "Bundle", "entry": entries}), {}, site)


async def _reply(server: Server, site: Site, message: Message, body: bytes) -> Simulated:
    """What Tasy decided of a guide, as ClaimResponse."""
    system = site.systems.sid("guia-prestador")
    claims = await searched(server, "Claim", [("identifier", f"{system}|{message.business_key}")])
    if not claims:
        return _fault("cd_guia_prestador", "is of no Claim in the record")
    claim = claims[0]
    reference = f"Claim/{claim['id']}/_history/{claim['meta']['versionId']}"
    beside = {"asked": claim, "reference": reference, "now": _local(site).isoformat()}
    return _mapped("authorization-reply", body, beside, site)


async def _provider(server: Server, site: Site, message: Message, body: bytes) -> Simulated:
    """A provider of the ERP's as resources."""
    return _mapped("provider", body, {"today": _local(site).date().isoformat()}, site)


async def _protocol(server: Server, site: Site, message: Message, body: bytes) -> Simulated:
    """Bills as ClaimResponses, of patients whose guides are in the record."""
    try:
        protocol, _ = tasy_read(Protocol, body, site.names)
    except MappingError:
        return _mapped("claim-status", body, {"now": _local(site).isoformat()}, site)  # it says what is wrong
    system = site.systems.sid("guia-prestador")
    patients: dict[str, Json] = {}
    for bill in protocol.contas:
        if bill.cd_guia_prestador:
            claims = await searched(server, "Claim", [("identifier", f"{system}|{bill.cd_guia_prestador}")])
            patients |= {str(bill.nr_seq_conta): one["patient"] for one in claims[:1]}
    return _mapped("claim-status", body, {"patients": patients, "now": _local(site).isoformat()}, site)


async def _line(server: Server, site: Site, message: Message, body: bytes) -> Simulated:
    """A line of a set, a resource already: what its flow and the record would say to it."""
    file = message.business_key.rpartition(":")[0]
    name = set_name(file)
    if name is None:
        return _fault("$", "the message is no line of a set", "not-supported")
    try:
        kind = name.resource_of(file)
    except SetRefused as error:
        return _fault("$", error.detail, error.code)
    for one in targets(Raw(1, body), name.flow, kind, site):
        if one.fault is not None:
            return _fault(one.fault.element, CODES[one.fault.code], one.fault.code)
    resource = r4.parse(body)
    if kind == REMOVED:
        return Simulated([resource])
    headers = {"content-type": "application/fhir+json"}
    request = FhirRequest("POST", (kind, "$validate"), [], headers, UNRESTRICTED, body, base=server.base)
    try:
        answer = await perform(server, request)
    except FhirError as error:
        return Simulated(error=_told(error.issues[0].resource()))
    issues = r4.parse(answer.body or b"{}").get("issue", [])
    errors = [_told(one) for one in issues if one["severity"] in ("error", "fatal")]
    faults = [_told(one) for one in issues if one["severity"] == "warning"]
    return Simulated([resource], [*errors[1:], *faults], errors[0] if errors else None)


def _told(issue: Json) -> dict[str, str]:
    """An issue of an OperationOutcome; its text never has a value."""
    return {
        "element": ", ".join(issue.get("expression", ())), "code": issue["code"],
        "reason": issue.get("diagnostics", ""),
    }  # fmt: skip
