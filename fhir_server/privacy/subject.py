"""Whose record it is, and who may speak for that person. https://hl7.org/fhir/R4/compartmentdefinition-patient.html"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from fhir_server.access import visible
from fhir_server.access.interactions import require
from fhir_server.access.wall import own_patient, user_of
from fhir_server.outcome import Forbidden, NotFound
from fhir_server.reader import Reader
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Parameters
from smart_auth.scopes import Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

PATIENT, GUARDIAN, SERVICE = "patient", "guardian", "service"
_INT8 = Struct(">q")


async def patient_rid(reader: Reader, access: Access, id: str | None) -> int:
    """rid of a Patient that the access may read. Raises NotFound."""
    parameters = Parameters()
    tests = [
        f"r.type_id = {TYPE_ID['Patient']}",
        f"r.fhir_id = {parameters.add(id, 'text')}",
        "r.body is not null",
        visible(access.using("r"), "r", parameters),
    ]
    text = f"select r.rid from resource r where {' and '.join(tests)}"
    rows = await reader.select(parameters.statement(text, generic=True))
    if not rows:
        raise NotFound("there is no such resource")
    rid: int = _INT8.unpack(rows[0][0])[0]
    return rid


def speaker(access: Access, patient: str) -> str | None:
    """As what the bearer speaks for a patient: PATIENT, GUARDIAN, SERVICE (on whose behalf somebody wrote); None: not.

    Whether a guardian still is one their policy says: without, the record is not visible.
    """
    if access.unrestricted:
        return SERVICE
    if own_patient(access) == patient:
        user = user_of(access)
        if user == ("Patient", patient) or (user is None and not access.roles):
            return PATIENT
        if "guardian" in access.roles:
            return GUARDIAN
    if not access.roles and any(scope.level == "system" for scope in access.scopes):
        return SERVICE
    return None


async def spoken_for(server: Server, access: Access, patient: str, needs: str) -> tuple[int, str]:
    """rid of the patient, and as what the bearer speaks for them.

    needs: permissions as in scopes ("Consent.c Patient.r"), looked at first. Raises Forbidden without them and for
    whoever speaks for somebody else, NotFound where the record is not visible.
    """
    for one in needs.split():
        resource_type, _, permissions = one.partition(".")
        for permission in permissions:
            require(access, permission, resource_type)
    rid = await patient_rid(server.store, access, patient)
    found = speaker(access, patient)
    if found is None:
        raise Forbidden("this is for the person whose record it is, and for who answers for them")
    return rid, found
