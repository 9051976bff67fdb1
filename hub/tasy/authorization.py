"""RT-2 in the worker: guides submitted, cancelled, documented and reviewed; the ClaimResponse follows. Contract, 6."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from adapters.fhir_client import FhirClient
from adapters.partner_errors import PartnerRefused
from adapters.tasy.client import Attachment, sent
from adapters.tasy.lanes import BACKGROUND
from care_services import authorization
from care_services.authorization import ATTACH, CANCEL, REVIEW, asked, attachment, guide_key
from care_services.eligibility import manual_check
from care_services.referred import referred
from hub.ledger import now
from hub.own_clients import AUTHORIZATION
from hub.tasy import guides
from hub.tasy.parts import ACTOR, Parts
from mappings import r4
from mappings.errors import Fault as Found
from mappings.errors import MappingError
from mappings.tasy.authorization_reply import to_claim_response
from mappings.tasy.authorization_request import to_authorization_request
from mappings.tasy.read import read
from mappings.tasy.records import AuthorizationReply
from messages import bodies, queue, search, states, store
from messages.queue import Taken
from messages.states import State
from messages.store import Fault, Incoming

Json = Any


async def send(parts: Parts, taken: Taken) -> None:
    """One thing that is asked about a guide. Raises MappingError, PartnerRefused, PartnerUnavailable, FhirRefused."""
    await {"": _submit, CANCEL: _cancel, ATTACH: _attach, REVIEW: _review}[asked(taken.business_key)](parts, taken)


async def receive(parts: Parts, taken: Taken) -> None:
    """An answer of Tasy's that was corrected by a person, or never applied. Raises as `send` does."""
    record = parts.record[AUTHORIZATION]
    claim = await _claim_of(record, taken.business_key.split("/")[0], parts)
    response, _ = _mapped(taken.body, claim, parts)
    reference = await guides.follow(record, parts.ledger, claim, response, parts.site)
    await _done(parts, taken, [reference], r4.serialize(response))


async def ask_again(parts: Parts) -> int:
    """Asks what became of guides in analysis; how many have news. Raises as `send` does."""
    record, news = parts.record[AUTHORIZATION], 0
    waiting = {"use": guides.PREAUTHORIZATION, "outcome": "queued", "status": "active", "_count": "200"}
    for response in [one async for one in record.search("ClaimResponse", waiting)]:
        key = guide_key(response, parts.site)
        if key is not None:
            news += await refresh(parts, response, await parts.tasy.state(key, lane=BACKGROUND))
    return news


async def refresh(parts: Parts, response: Json, said: bytes, correlation: UUID | None = None) -> bool:
    """Brings a ClaimResponse to what Tasy says of its guide; whether that is new. Raises as `send` does."""
    record = parts.record[AUTHORIZATION]
    claim = await record.read("/".join(response["request"]["reference"].split("/")[:2]))
    try:
        wanted = authorization.following(response, _mapped(said, claim, parts)[0])
    except MappingError:
        wanted = response  # told in `_apply`
    if wanted is None:
        return False
    await _apply(parts, claim, said, correlation)
    return True


async def _submit(parts: Parts, taken: Taken) -> None:
    claim, record = r4.parse(taken.body), parts.record[AUTHORIZATION]
    try:
        guide = to_authorization_request(claim, await referred(record, claim), parts.site)
    except MappingError as error:
        await _refuse(parts, claim, (), f"Não pôde ser enviado: {error.element}.")
        raise
    body = sent(guide)
    await _mapped_to(parts, taken, body)
    key = uuid5(taken.correlation, sha256(body).hexdigest())  # a corrected guide is another request
    try:
        said = await parts.tasy.submit(guide, key, correlation=taken.correlation)
    except PartnerRefused as refusal:
        await _refuse(parts, claim, refusal.reasons, "Recusado pela operadora.")
        raise
    await _answered(parts, taken, claim, said)


async def _cancel(parts: Parts, taken: Taken) -> None:
    order, record = r4.parse(taken.body), parts.record[AUTHORIZATION]
    claim = await record.read(f"Claim/{order['claim']}")
    response = await guides.response_of(record, parts.ledger, claim, parts.site)
    key = guide_key(response, parts.site) or await _number(parts, claim)
    await _mapped_to(parts, taken, r4.serialize({"nr_seq_guia": key, "cd_motivo": order["reason"]}))
    if key is None:  # Tasy never had it
        reference = await guides.follow(record, parts.ledger, claim, authorization.cancelled(response), parts.site)
        await _done(parts, taken, [reference])
        return
    said = await parts.tasy.cancel(key, order["reason"], "Cancelado pelo solicitante.", correlation=taken.correlation)
    await _answered(parts, taken, claim, said)


async def _attach(parts: Parts, taken: Taken) -> None:
    order = r4.parse(taken.body)
    claim, key = await _guide(parts, order["claim"])
    content = None
    info = order["info"]
    if "valueReference" in info:
        document = await parts.record[AUTHORIZATION].read(info["valueReference"]["reference"])
        held = document if document["resourceType"] == "Binary" else document["content"][0]["attachment"]
        info = {**info, "valueAttachment": {"contentType": held.get("contentType"), "data": held.get("data", "")}}
    name, kind, content = attachment(info, content)
    await _mapped_to(parts, taken, r4.serialize({"nr_seq_guia": key, "cd_tipo_documento": order["kind"]}))
    await parts.tasy.attach(
        key, order["kind"], Attachment(name, kind, content), taken.correlation, correlation=taken.correlation
    )
    await _done(parts, taken, [guides.versioned(claim)])


async def _review(parts: Parts, taken: Taken) -> None:
    order = r4.parse(taken.body)
    claim, key = await _guide(parts, order["claim"])
    await _mapped_to(parts, taken, r4.serialize({"nr_seq_guia": key}))
    said = await parts.tasy.review(key, order["reason"], taken.correlation, correlation=taken.correlation)
    await _answered(parts, taken, claim, said)


async def _guide(parts: Parts, claim_id: str) -> tuple[Json, int]:
    """A Claim and Tasy's number of its guide. Raises MappingError: Tasy has none."""
    record = parts.record[AUTHORIZATION]
    claim = await record.read(f"Claim/{claim_id}")
    response = await guides.response_of(record, parts.ledger, claim, parts.site)
    key = guide_key(response, parts.site) or await _number(parts, claim)
    if key is None:
        raise MappingError("Claim", "its guide was not accepted, so nothing can be added to it")
    return claim, key


async def _number(parts: Parts, claim: Json) -> int | None:
    """Tasy's number of a guide, asked by the provider's; None: Tasy has none, or never could."""
    try:
        guide = to_authorization_request(claim, await referred(parts.record[AUTHORIZATION], claim), parts.site)
    except MappingError:
        return None
    said = await parts.tasy.guide(guide.cd_guia_prestador, guide.solicitante.nr_seq_prestador)
    return None if said is None else read(AuthorizationReply, said, parts.site.names)[0].nr_seq_guia


async def _claim_of(record: FhirClient, guide: str, parts: Parts) -> Json:
    """The Claim with a number of a guide. Raises MappingError: there is none."""
    async for one in record.search("Claim", {"identifier": f"{parts.site.systems.sid('guia-prestador')}|{guide}"}):
        return one
    raise MappingError("cd_guia_prestador", "is of no Claim in the record")


def _mapped(said: bytes, claim: Json, parts: Parts) -> tuple[Json, list[Found]]:
    """Raises MappingError."""
    reply, drift = read(AuthorizationReply, said, parts.site.names)
    local = datetime.now(ZoneInfo(parts.site.zone)).replace(tzinfo=None, microsecond=0)
    response, faults = to_claim_response(reply, claim, guides.versioned(claim), parts.site, local)
    return response, [*(one for one in drift if one.code != "drift"), *faults]


async def _refuse(parts: Parts, claim: Json, reasons: tuple[str, ...], why: str) -> None:
    """The ClaimResponse of a guide that Tasy will not have."""
    record = parts.record[AUTHORIZATION]
    current = await guides.response_of(record, parts.ledger, claim, parts.site)
    refused = authorization.refused(current, reasons, parts.site, why)
    await guides.follow(record, parts.ledger, claim, refused, parts.site)


async def _answered(parts: Parts, taken: Taken, claim: Json, said: bytes) -> None:
    """Tasy answered: its answer is applied, and the order is delivered whatever the answer is worth."""
    reference = await _apply(parts, claim, said, taken.correlation)
    await _done(parts, taken, [guides.versioned(claim), *([reference] if reference else [])])


async def _apply(parts: Parts, claim: Json, said: bytes, correlation: UUID | None) -> str | None:
    """Stores an answer and brings the ClaimResponse to it; None: it cannot be published, and a person is told."""
    record, site = parts.record[AUTHORIZATION], parts.site
    guide = next(authorization.orders({**claim, "status": "active"}, site)).key
    came = Incoming("RT-2", guide, said, correlation or uuid4(), order_key=authorization.member(claim))
    sealing = parts.ledger.sealing
    received = await parts.ledger(lambda connection: store.receive(connection, sealing, came, ACTOR, now()))
    try:
        response, faults = _mapped(said, claim, parts)
    except MappingError as error:
        fault = Fault("processing", error.reason, error.element)
        if received.new:
            await parts.ledger(
                lambda connection: store.advance(connection, received.id, State.MORTA, ACTOR, now(), fault=fault)
            )
        current = await guides.response_of(record, parts.ledger, claim, site)
        await _check(parts, current, [Found(error.element, error.reason)], received.id)
        return None
    reference = await guides.follow(record, parts.ledger, claim, response, site)
    if received.state not in states.AT_REST:
        body = sealing.seal(r4.serialize(response), bodies.mapped(received.id))
        path = states.way(received.state, State.ENTREGUE)
        await parts.ledger(
            lambda connection: store.advance(
                connection, received.id, path, ACTOR, now(), mapped=body, applied=[reference]
            )
        )
    if faults:
        await _check(parts, {**response, "id": reference.split("/")[1]}, faults, received.id)
    return reference


async def _check(parts: Parts, response: Json, faults: list[Found], message: int) -> None:
    """A Task for whoever finds out what Tasy meant, once for each answer."""
    number = {"system": parts.site.systems.sid("mensagem"), "value": str(message)}
    task = {**manual_check(response, faults, parts.site, now()), "identifier": [number]}
    await parts.record[AUTHORIZATION].create(task, {"identifier": f"{number['system']}|{message}"})


async def _mapped_to(parts: Parts, taken: Taken, body: bytes) -> None:
    """Notes what is going to be sent, before it is."""
    if taken.state in (State.MAPEADA, State.APLICADA):
        return
    path, sealed = states.way(taken.state, State.MAPEADA), parts.ledger.sealing.seal(body, bodies.mapped(taken.id))
    await parts.ledger(
        lambda connection: store.advance(connection, taken.id, path, ACTOR, now(), mapped=sealed, lease=taken.lease)
    )


async def _done(parts: Parts, taken: Taken, applied: list[str], mapped: bytes | None = None) -> None:
    """Tasy has it, and the record says what came of it."""

    def note(connection: Any) -> None:
        state = search.message(connection, taken.id).state
        sealed = None if mapped is None else parts.ledger.sealing.seal(mapped, bodies.mapped(taken.id))
        path = states.way(state, State.ENTREGUE)
        queue.done(connection, taken, path, ACTOR, now(), mapped=sealed, applied=applied)

    await parts.ledger(note)
