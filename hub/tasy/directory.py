"""RT-3 in the worker: the directory of providers, read incrementally into the record. Contract, section 7.

While Tasy is away the record has the last copy; each resource says since when (`meta.lastUpdated`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapters.fhir_client import issues_of
from hub.ledger import now
from hub.own_clients import DIRECTORY
from hub.tasy import marks
from hub.tasy.parts import ACTOR, Parts
from mappings import r4
from mappings.errors import MappingError
from mappings.tasy.provider import to_provider_resources
from mappings.tasy.read import read
from mappings.tasy.records import Provider
from messages import queue, states, store
from messages.queue import Taken
from messages.states import State
from messages.store import Fault, Incoming

Json = Any
MARK = "prestadores"
PAGE = 100
_KEY = "nr_seq_prestador"
_ORDER = (
    "Organization", "Practitioner", "Location", "HealthcareService", "PractitionerRole", "OrganizationAffiliation"
)  # fmt: skip
"""Each refers to those of earlier types."""


class _Page(msgspec.Struct):
    itens: list[msgspec.Raw]
    dt_referencia: str
    cursor_proximo: str | None = None


async def read_changes(parts: Parts) -> int:
    """Reads what changed since the last time into the record; how many providers. What is at fault is a dead letter.

    Raises PartnerUnavailable, PartnerRefused, MappingError (a page is none).
    """
    since = await marks.since(parts.ledger, MARK)
    query = {"limite": str(PAGE), **({"dt_atualizacao_de": since} if since else {})}
    came: list[bytes] = []
    reached = ""
    while True:
        try:
            page = msgspec.json.decode(parts.site.names.page(await parts.tasy.providers(query)), type=_Page)
        except msgspec.MsgspecError as error:
            raise MappingError("$", "is no page of providers") from error
        reached = reached or page.dt_referencia  # of the first page: later ones may have missed what came meanwhile
        came += [bytes(one) for one in page.itens]
        if page.cursor_proximo is None:
            break
        query = {**query, "cursor": page.cursor_proximo}
    await _apply(parts, came)
    await marks.reached(parts.ledger, MARK, reached)
    return len(came)


async def refresh(parts: Parts, key: int) -> list[str]:
    """Brings one provider to what Tasy says; references. Raises as `receive` does, and PartnerUnavailable."""
    return await _store(parts, _resources(parts, (await parts.tasy.provider(key)).body))


async def receive(parts: Parts, taken: Taken) -> None:
    """A provider that could not be stored, or was corrected. Raises MappingError, FhirRefused, PartnerUnavailable."""
    applied = await _store(parts, _resources(parts, taken.body))
    await parts.ledger(
        lambda connection: queue.done(
            connection, taken, states.way(taken.state, State.ENTREGUE), ACTOR, now(), applied=applied
        )
    )


def _resources(parts: Parts, source: bytes) -> list[Json]:
    """Raises MappingError."""
    provider, _ = read(Provider, source, parts.site.names)
    today = datetime.now(ZoneInfo(parts.site.zone)).date()
    return to_provider_resources(provider, parts.site, today)[0]


async def _apply(parts: Parts, came: list[bytes]) -> None:
    """Stores providers, those first to whom others refer; one that cannot be is a dead letter of its own."""
    failed: dict[int, Fault] = {}
    resources: list[tuple[int, Json]] = []
    for number, source in enumerate(came):
        try:
            resources += [(number, one) for one in _resources(parts, source)]
        except MappingError as error:
            failed[number] = Fault("processing", error.reason, error.element)
    for kind in _ORDER:  # of a batch nobody knows which entry is carried out first
        same = [one for one in resources if one[1]["resourceType"] == kind]
        for start in range(0, len(same), 500):
            part = same[start : start + 500]
            bundle = _bundle([one for _, one in part])
            answers = r4.parse(await parts.record[DIRECTORY].transaction(bundle, minimal=True))
            for (number, _), entry in zip(part, answers["entry"], strict=True):
                said = entry["response"]
                if said["status"][:1] != "2":
                    issue = next(iter(issues_of(r4.serialize(said.get("outcome")))), None)
                    fault = Fault("processing", said["status"])
                    failed.setdefault(number, Fault(issue.code, issue.reason, issue.element) if issue else fault)
    if failed:
        await parts.ledger(lambda connection: _dead(connection, parts, came, failed))


def _dead(connection: Any, parts: Parts, came: list[bytes], failed: Mapping[int, Fault]) -> None:
    name = parts.site.names.sent.get("provider", {}).get(_KEY, _KEY)
    keys = {number: _key(came[number], name) for number in failed}
    letters = [
        Incoming(
            "RT-3", f"prestadores/{keys[number]}", came[number], order_key=f"prestadores/{keys[number]}",
            then=(State.MORTA,), fault=fault, reason=fault.reason,
        )
        for number, fault in failed.items()
    ]  # fmt: skip
    store.receive_many(connection, parts.ledger.sealing, letters, ACTOR, now())


def _key(source: bytes, name: str) -> str:
    said = msgspec.json.decode(source)
    return str(said.get(name, "")) if isinstance(said, dict) else ""


async def _store(parts: Parts, resources: list[Json]) -> list[str]:
    """Stores the resources of one provider, all or none; references. Raises FhirRefused, PartnerUnavailable."""
    await parts.record[DIRECTORY].transaction(_bundle(resources, "transaction"), minimal=True)
    return [f"{one['resourceType']}/{one['id']}" for one in resources]


def _bundle(resources: list[Json], kind: str = "batch") -> bytes:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return r4.serialize({"resourceType": "Bundle", "type": kind, "entry": entries})
