"""RT-4 in the worker: what became of bills, asked every five minutes, into the record. Contract, section 8."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from adapters.fhir_client import FhirClient
from hub.ledger import now
from hub.own_clients import CLAIM_STATUS
from hub.tasy import marks
from hub.tasy.parts import ACTOR, Parts
from mappings import r4
from mappings.errors import MappingError
from mappings.tasy.claim_status import to_claim_responses
from mappings.tasy.read import read
from mappings.tasy.records import Protocol
from messages import bodies, queue, states, store
from messages.queue import Taken
from messages.states import State
from messages.store import Fault, Incoming

Json = Any
MARK = "contas"


class _Changed(msgspec.Struct):
    nr_protocolo: str


class _Page(msgspec.Struct):
    itens: list[msgspec.Raw]
    dt_referencia: str
    cursor_proximo: str | None = None


async def read_changes(parts: Parts) -> int:
    """Reads the protocols whose bills changed since the last time; how many. Raises as `refresh` does."""
    since = await marks.since(parts.ledger, MARK)
    query = {"limite": "500", **({"dt_atualizacao_de": since} if since else {})}
    protocols: dict[str, None] = {}
    reached = ""
    while True:
        try:
            names = parts.site.names
            page = msgspec.json.decode(names.page(await parts.tasy.bills(query)), type=_Page)
            changed = [names.here("claim-status", msgspec.json.decode(one)) for one in page.itens]
            protocols |= {one.nr_protocolo: None for one in msgspec.convert(changed, list[_Changed])}
        except msgspec.MsgspecError as error:
            raise MappingError("$", "is no page of bills") from error
        reached = reached or page.dt_referencia
        if page.cursor_proximo is None:
            break
        query = {**query, "cursor": page.cursor_proximo}
    for number in protocols:
        await refresh(parts, number)
    await marks.reached(parts.ledger, MARK, reached)
    return len(protocols)


async def refresh(parts: Parts, number: str, correlation: UUID | None = None) -> list[str]:
    """Brings a protocol's bills to what Tasy says; versioned references. What cannot be mapped is a dead letter.

    Raises PartnerUnavailable, PartnerRefused, FhirRefused.
    """
    said = await parts.tasy.protocol(number)
    came = Incoming("RT-4", number, said, correlation or uuid4(), order_key=f"protocolo/{number}")
    sealing = parts.ledger.sealing
    received = await parts.ledger(lambda connection: store.receive(connection, sealing, came, ACTOR, now()))
    if not received.new and received.state in states.AT_REST:
        return []  # Tasy says what it said before
    try:
        resources, fault = await _mapped(parts, said)
        applied = await _store(parts.record[CLAIM_STATUS], resources)
    except MappingError as error:
        fault = Fault("processing", error.reason, error.element)
        await parts.ledger(
            lambda connection: store.advance(
                connection, received.id, State.MORTA, ACTOR, now(), fault=fault, reason=fault.reason
            )
        )
        return []
    body = sealing.seal(r4.serialize(resources), bodies.mapped(received.id))
    # A bill of nobody's that is known is no reason to keep the others back: whose it is may be known tomorrow.
    path = (State.ESTACIONADA,) if fault and not applied else states.way(received.state, State.ENTREGUE)
    await parts.ledger(
        lambda connection: store.advance(
            connection, received.id, path, ACTOR, now(), mapped=body, applied=applied, fault=fault,
            reason=fault.reason if fault else None,
        )
    )  # fmt: skip
    return applied


async def receive(parts: Parts, taken: Taken) -> None:
    """A protocol that was corrected, or waited. Raises MappingError, FhirRefused, PartnerUnavailable."""
    resources, _ = await _mapped(parts, taken.body)
    applied = await _store(parts.record[CLAIM_STATUS], resources)
    await parts.ledger(
        lambda connection: queue.done(
            connection, taken, states.way(taken.state, State.ENTREGUE), ACTOR, now(), applied=applied
        )
    )


async def _mapped(parts: Parts, said: bytes) -> tuple[list[Json], Fault | None]:
    """Resources, and the first fault that a person should look at. Raises MappingError."""
    protocol, _ = read(Protocol, said, parts.site.names)
    guides = [bill.cd_guia_prestador for bill in protocol.contas if bill.cd_guia_prestador]
    patients = await _patients(parts, guides)
    known = {
        bill.nr_seq_conta: patients[bill.cd_guia_prestador]
        for bill in protocol.contas
        if bill.cd_guia_prestador in patients
    }
    local = datetime.now(ZoneInfo(parts.site.zone)).replace(tzinfo=None, microsecond=0)
    resources, faults = to_claim_responses(protocol, known, parts.site, local)
    return resources, Fault(faults[0].code, faults[0].reason, faults[0].element) if faults else None


async def _patients(parts: Parts, guides: Iterable[str]) -> dict[str, Json]:
    """The patient of each guide that is in the record."""
    system = parts.site.systems.sid("guia-prestador")
    wanted = ",".join(f"{system}|{one}" for one in dict.fromkeys(guides))
    found: dict[str, Json] = {}
    if wanted:
        async for claim in parts.record[CLAIM_STATUS].search("Claim", {"identifier": wanted, "_count": "500"}):
            for one in claim["identifier"]:
                if one.get("system") == system:
                    found[one["value"]] = claim["patient"]
    return found


async def _store(record: FhirClient, resources: list[Json]) -> list[str]:
    """Stores them, all or none; versioned references. Raises FhirRefused, PartnerUnavailable."""
    if not resources:
        return []
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    bundle = r4.serialize({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    answers = r4.parse(await record.transaction(bundle, minimal=True))["entry"]
    return [
        f"{one['resourceType']}/{one['id']}/_history/{answer['response']['etag'][3:-1]}"
        for one, answer in zip(resources, answers, strict=True)
    ]
