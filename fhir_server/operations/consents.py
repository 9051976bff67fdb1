"""$consents: what a patient agreed to, purpose by purpose, and when; $consent: a yes or a no. Ours; R4 has none.

https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fhir_server.access.interactions import require
from fhir_server.audit.trail import saw
from fhir_server.commit import settle, told
from fhir_server.exchange import FhirRequest, FhirResponse
from fhir_server.operations.inputs import flag, simple
from fhir_server.outcome import Conflict, Invalid, Unprocessable
from fhir_server.prepare import prepare_create, prepare_update
from fhir_server.privacy import decisions
from fhir_server.privacy.purposes import PURPOSES
from fhir_server.privacy.subject import patient_rid, spoken_for
from mappings.r4 import parse, serialize
from smart_auth.scopes import UNRESTRICTED, Access

if TYPE_CHECKING:
    from fhir_server.dispatch import Server

MOST = 100
"""Decisions told of each purpose."""


async def consents(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """Parameters: each purpose with its words, what stands, and what was decided, when and by whom, newest first.

    Reads Consents, all versions, under the access. Raises Forbidden, NotFound, Invalid.
    """
    assert id is not None  # the table of operations has it for instances only
    simple(request, ())
    require(request.access, "r", "Consent")
    saw([await patient_rid(server.store, request.access, id)])
    return FhirResponse(200, serialize(await _told(server, request.access, id)))


async def consent(server: Server, request: FhirRequest, resource_type: str | None, id: str | None) -> FhirResponse:
    """As `consents`, after the decision `granted` about `purpose` was written as a new version of its Consent.

    Only who may create Consents of this patient, and speaks for them: nobody else makes a no a yes. Raises Forbidden,
    NotFound, Invalid, Unprocessable (what goes by contract ends by no word), Conflict.
    """
    assert id is not None
    given = simple(request, ("purpose", "granted"))
    purpose = PURPOSES.get(given.get("purpose", [""])[0])
    if purpose is None:
        raise Invalid(f"purpose is one of {', '.join(PURPOSES)}", code="value",
                      expression=("Parameters.parameter.where(name='purpose')",))  # fmt: skip
    if "granted" not in given:
        raise Invalid("granted is needed: true or false", code="required",
                      expression=("Parameters.parameter.where(name='granted')",))  # fmt: skip
    granted = flag(given, "granted")
    access = request.access
    _, speaker = await spoken_for(server, access, id, "Consent.cr Patient.r")
    if not purpose.switchable:
        raise Unprocessable("this purpose goes by contract and law: no consent begins or ends it", code="business-rule")
    by, key = decisions.By(speaker, access.subject, access.client), decisions.consent_id(id, purpose.code)

    async def attempt() -> FhirResponse:
        # Judged above; the update of what the same person said before is no right that policies give.
        async with server.store.transaction(UNRESTRICTED) as unit:
            [current] = await unit.read_many([("Consent", key)])
            before = parse(current.body) if current is not None and current.body is not None else None
            if before is not None and not decisions.of_purpose(before, id, purpose.code):
                raise Conflict("another Consent stands in the place of this one", code="conflict")
            after = decisions.decided(before, purpose, granted, id, by, server.now())
            if after is not None:
                change = (
                    prepare_create(after, "Consent", key) if current is None
                    else prepare_update(after, "Consent", key, current)
                )  # fmt: skip
                assert change is not None  # its dateTime is new
                with told(server.base, [change.resource]):
                    await unit.write([change])
        return FhirResponse(200, serialize(await _told(server, access, id)))

    return await settle(server, ("Consent", key), attempt)


async def _told(server: Server, access: Access, patient: str) -> dict[str, Any]:
    reader = access.using("r")
    keys = {code: decisions.consent_id(patient, code) for code in PURPOSES}
    found = await asyncio.gather(
        *(server.store.history(reader, type="Consent", id=key, count=MOST) for key in keys.values())
    )
    saw((version.rid, version.version_id) for versions in found for version in versions)
    history = {}
    for code, versions in zip(keys, found, strict=True):
        bodies = [parse(version.body) for version in versions if version.body]
        history[code] = [decisions.decision(one) for one in bodies if decisions.of_purpose(one, patient, code)]
    return decisions.told(history)
