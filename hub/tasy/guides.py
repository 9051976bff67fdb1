"""A Claim's way into the durable queue, and the one ClaimResponse that follows it. Contract, section 3."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from adapters.fhir_client import FhirClient, FhirRefused
from care_services import authorization
from hub.ledger import Ledger, Rows, now
from hub.tasy.order import lane_of
from hub.tasy.telling import wake
from mappings import r4
from mappings.tasy.site import Site
from messages import protocol, store
from messages.bodies import Sealing
from messages.store import Incoming

Json = Any
TRIES = 5
"""At a ClaimResponse that others change meanwhile."""
PREAUTHORIZATION = "preauthorization"


def put(connection: Rows, sealing: Sealing, claim: Json, raw: bytes, site: Site, actor: str) -> None:
    """Puts what a version of a Claim asks for into the queue, in one transaction; the same again changes nothing.

    raw: the Claim as it is stored. Raises MappingError.
    """
    moment = now()
    given = [
        Incoming(
            "RT-2", one.key, raw if one.body is claim else r4.serialize(one.body), direction="out", source="hub",
            order_key=authorization.member(claim), lane=lane_of(claim), due=moment,
        )
        for one in authorization.orders(claim, site)
    ]  # fmt: skip
    with connection.transaction():
        there = {
            row[0]
            for row in connection.execute(
                "select business_key from messages.message m join unnest(%s::text[], %s::bytea[]) g (key, hash)"
                " on m.source = 'hub' and m.business_key = g.key and m.hash = g.hash",
                ([one.business_key for one in given], [sha256(one.raw).digest() for one in given]),
            )
        }  # both its event and whoever submits a Claim put it here: that is no duplicate anybody sent
        fresh = [one for one in given if one.business_key not in there]
        received = store.receive_many(connection, sealing, fresh, actor, moment)
        if any(one.new for one in received):
            wake(connection)


async def queued(ledger: Ledger, claim: Json, site: Site) -> Json:
    """A queued ClaimResponse for a Claim, with a protocol number nobody had before."""
    moment = now()
    day = moment.astimezone(ZoneInfo(site.zone)).date()
    number = await ledger(lambda connection: protocol.number(connection, site.ans_registration, day))
    return authorization.queued(claim, number, site, moment)


def criteria(claim_id: str) -> dict[str, str]:
    """What finds the ClaimResponse of a Claim."""
    return {"request": f"Claim/{claim_id}", "use": PREAUTHORIZATION}


async def response_of(record: FhirClient, ledger: Ledger, claim: Json, site: Site) -> Json:
    """The ClaimResponse of a Claim, made if there is none yet. Raises FhirRefused, PartnerUnavailable."""
    found = criteria(claim["id"])
    async for one in record.search("ClaimResponse", found):
        return one
    return await record.create(await queued(ledger, claim, site), found)


async def follow(record: FhirClient, ledger: Ledger, claim: Json, decided: Json, site: Site) -> str:
    """Brings the ClaimResponse of a Claim to what was decided; its versioned reference, whether that is new or not.

    decided: a ClaimResponse. Raises FhirRefused, PartnerUnavailable.
    """
    for last in range(TRIES, 0, -1):
        current = await response_of(record, ledger, claim, site)
        wanted = authorization.following(current, decided)
        if wanted is None:
            return versioned(current)
        try:
            return versioned(await record.update(wanted, current["meta"]["versionId"]))
        except FhirRefused as refused:
            if refused.status != 412 or last == 1:
                raise
    raise AssertionError("unreachable")


def versioned(resource: Json) -> str:
    """The reference to a version of a resource."""
    return f"{resource['resourceType']}/{resource['id']}/_history/{resource['meta']['versionId']}"
