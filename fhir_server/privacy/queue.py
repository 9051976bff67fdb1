"""The requests of one person, as they stand in the record."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar

from fhir_server.access.relations import array
from fhir_server.commit import settle, told
from fhir_server.compression import decompress
from fhir_server.exchange import FhirResponse
from fhir_server.logical_ids import new_id
from fhir_server.outcome import FhirError
from fhir_server.prepare import checked, prepare_create
from fhir_server.privacy.requests import OPEN, kind_of
from fhir_server.reader import Reader
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import shipped
from fhir_server.statement import Parameters
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

MOST_OPEN = 50
"""Requests of one person that may wait; more are refused."""
_MOST = 1000
_INT8, _INT4 = Struct(">q"), Struct(">i")


class TooManyRequests(FhirError):
    """429: as many wait as may wait."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "throttled"


async def of_patient(reader: Reader, rid: int) -> list[tuple[int, int, dict[str, Any]]]:
    """rid, version and Task of each request of a patient, newest first.

    rid: of a Patient whom the caller has been found to see and to speak for: Tasks are in nobody's compartment, and
    this is the one way in which people see those they asked for themselves.
    """
    parameters = Parameters()
    numbers = array(shipped("Task")["patient"].param_ids)
    text = (
        f"select r.rid, r.version, r.body from reference f join resource r on r.rid = f.rid"
        f" where f.target_rid = {parameters.add(rid, 'bigint')} and f.param_id = any({numbers})"
        f" and r.type_id = {TYPE_ID['Task']} and r.body is not null order by r.rid desc limit {_MOST}"
    )
    rows = await reader.select(parameters.statement(text))
    found = [(_INT8.unpack(rid)[0], _INT4.unpack(version)[0], parse(decompress(body))) for rid, version, body in rows]
    return [one for one in found if kind_of(one[2]) is not None]


async def put(server: Server, rid: int, task: dict[str, Any]) -> FhirResponse:
    """201 with the Task of a new request of the patient of that rid. Raises TooManyRequests, Unprocessable."""
    checked(task, "Task")

    async def attempt() -> FhirResponse:
        change = prepare_create(task, "Task", new_id())
        with told(server.base, [change.resource]):
            async with server.store.transaction(UNRESTRICTED) as unit:
                waiting = [one for _, _, one in await of_patient(unit, rid) if one["status"] in OPEN]
                if len(waiting) >= MOST_OPEN:
                    raise TooManyRequests("as many requests of this person wait as may wait")
                [version] = await unit.write([change])
        return FhirResponse(201, version.body, version_id=version.version_id, last_updated=version.last_updated)

    return await settle(server, ("Patient", rid), attempt)
