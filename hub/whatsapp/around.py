"""What is known around somebody who is sent to an emergency department: those of the network in reach, the plans that
they and the member have, the Task by which a nurse calls.

An emergency department is an active Location with type ER of an active Organization; `OrganizationAffiliation.network`
says in which plans. https://hl7.org/fhir/R4/location.html, https://terminology.hl7.org/CodeSystem-v3-RoleCode.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from adapters.fhir_client import FhirClient
from care_services.chat.known import Department, Near, Where
from care_services.chat.nearest import WITHIN
from care_services.desk.tasks import OPEN
from mappings.identifiers import ROLE_CODE, Systems

Json = Any


async def near(record: FhirClient, where: Where, patient: str | None, conversation: str, systems: Systems) -> Near:
    """patient: reference of whom it is about, if that was proved; conversation: id of its Task.

    Raises FhirRefused, PartnerUnavailable.
    """
    found, task, contracts = await asyncio.gather(
        _departments(record, where, patient is not None, systems),
        _called(record, conversation, systems),
        _all(record, "Coverage", {"beneficiary": patient, "status": "active"}) if patient else _none(),
    )
    plans = (
        one["value"]
        for contract in contracts
        for one in contract.get("class", ())
        if any(each.get("code") == "plan" for each in one["type"].get("coding", ()))
    )
    return Near(tuple(found), frozenset(plans), task)


async def _departments(record: FhirClient, where: Where, plans: bool, systems: Systems) -> list[Department]:
    """plans: whether it matters which they are open to."""
    if not (where.position or where.city):
        return []
    around = {"address-city": where.city}
    if where.position is not None:
        latitude, longitude = where.position
        around = {"near": f"{latitude:.6f}|{longitude:.6f}|{WITHIN:g}|km"}
    places = await _all(record, "Location", {"status": "active", "type": f"{ROLE_CODE}|ER", **around})
    owners = {one["id"]: one.get("managingOrganization", {}).get("reference", "") for one in places}
    ids = sorted({one.partition("/")[2] for one in owners.values() if one.startswith("Organization/")})
    if not ids:
        return []
    organizations, affiliations = await asyncio.gather(
        _all(record, "Organization", {"_id": ",".join(ids), "active": "true"}),
        _all(record, "OrganizationAffiliation", {"participating-organization": ",".join(ids), "active": "true"})
        if plans
        else _none(),
    )
    names = {f"Organization/{one['id']}": str(one.get("name", "")) for one in organizations}
    networks: dict[str, set[str]] = {}
    for one in affiliations:
        open_to = networks.setdefault(one.get("participatingOrganization", {}).get("reference", ""), set())
        open_to.update(_numbers(one.get("network", ()), systems))
    return [
        _department(one, name, frozenset(networks.get(owner, ())))
        for one in places
        if (name := names.get(owner := owners[one["id"]]))
    ]


def _department(place: Json, owner: str, plans: frozenset[str]) -> Department:
    address, at = place.get("address", {}), place.get("position")
    phone = next((one["value"] for one in place.get("telecom", ()) if one.get("system") == "phone"), "")
    return Department(
        place.get("name") or owner,
        address.get("text") or ", ".join(filter(None, (*address.get("line", ()), address.get("city")))),
        phone,
        None if at is None else (float(at["latitude"]), float(at["longitude"])),
        plans,
    )


def _numbers(networks: Iterable[Json], systems: Systems) -> Iterable[str]:
    """The numbers of plans."""
    for one in networks:
        named = one.get("identifier", {})
        if named.get("system") == systems.sid("tasy/rede") and named.get("value"):
            yield named["value"]


async def _called(record: FhirClient, conversation: str, systems: Systems) -> str | None:
    """Reference of the newest open Task of a conversation by which a nurse calls."""
    criteria = {
        "part-of": f"Task/{conversation}", "code": f"{systems.codes('tarefa')}|nurse-callback",
        "status": ",".join(OPEN), "_sort": "-authored-on", "_count": "1",
    }  # fmt: skip
    async for one in record.search("Task", criteria):
        return f"Task/{one['id']}"
    return None


async def _all(record: FhirClient, kind: str, criteria: dict[str, str]) -> list[Json]:
    return [one async for one in record.search(kind, {"_count": "200", **criteria})]


async def _none() -> list[Json]:
    return []
