"""A session with fhirpy, synchronous and asynchronous. https://pypi.org/project/fhirpy"""

from __future__ import annotations

from typing import Any

import pytest
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

SYSTEM = "urn:example:fhirpy"


def patient(value: str, **more: Any) -> dict[str, Any]:
    return {"identifier": [{"system": SYSTEM, "value": value}], "name": [{"family": "Souza"}], **more}


def reading(subject: Any, number: int) -> dict[str, Any]:
    return {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": subject,
        "effectiveDateTime": f"2024-05-0{number}",
        "valueInteger": number,
    }


def test_session(base: str) -> None:
    client = SyncFHIRClient(base)
    person = created(client)
    searched_in_pages(client, person)
    updated_with_etag(base, person)
    created_conditionally(client)
    patched(client, person)
    transacted(client)
    looked_back(client, person)


def created(client: SyncFHIRClient) -> Any:
    person = client.resource("Patient", **patient("1", active=True))
    assert person.is_valid()
    person.create()
    assert person.id
    assert person.meta.versionId == "1"
    assert client.reference("Patient", person.id).to_resource().serialize() == person.serialize()
    refused = client.resource("Patient", gender="unclear")
    assert not refused.is_valid()
    with pytest.raises(OperationOutcome) as refusal:
        refused.create()
    assert refusal.value.resource["issue"][0]["expression"] == ["Patient.gender"]
    return person


def searched_in_pages(client: SyncFHIRClient, person: Any) -> None:
    for number in range(1, 6):
        client.resource("Observation", **reading(person.to_reference(), number)).save()
    observations = client.resources("Observation").search(subject=person, date__ge="2024-05-01")
    pages = observations.sort("-date").limit(2)
    assert len(pages.fetch()) == 2
    assert [row.valueInteger for row in pages] == [5, 4, 3, 2, 1]  # follows the next links
    assert [row.valueInteger for row in observations.sort("date").fetch_all()] == [1, 2, 3, 4, 5]
    first = observations.first()
    assert first is not None
    assert first.subject.to_resource().id == person.id
    with pytest.raises(MultipleResourcesFound):
        observations.get()
    bundle = observations.include("Observation", "subject").limit(1).fetch_raw()
    assert [entry.resource.resource_type for entry in bundle.entry] == ["Observation", "Patient"]
    assert client.resources("Patient").has("Observation", "subject", code="8867-4").get().id == person.id
    # count() sends a parameter of Aidbox's own, _totalMethod: refused, unless the client asks for leniency.
    with pytest.raises(OperationOutcome):
        observations.count()
    lenient = SyncFHIRClient(client.url, extra_headers={"Prefer": "handling=lenient"})
    assert lenient.resources("Observation").search(subject=person).count() == 5


def updated_with_etag(base: str, person: Any) -> None:
    # save() has no argument for headers; a client of its own carries If-Match.
    conditional = SyncFHIRClient(base, extra_headers={"If-Match": f'W/"{person.meta.versionId}"'})
    mine, theirs = (conditional.resource("Patient", **person.serialize()) for _ in range(2))
    mine["birthDate"] = "1970-01-31"
    mine.update()
    assert mine.meta.versionId == "2"
    theirs["birthDate"] = "1999-12-31"
    with pytest.raises(MultipleResourcesFound, match="If-Match"):  # what fhirpy makes of any 412
        theirs.update()
    person.refresh()
    assert (person.birthDate, person.meta.versionId) == ("1970-01-31", "2")
    before = person.serialize()
    person.refresh()  # If-None-Match: the server answers 304
    assert person.serialize() == before


def created_conditionally(client: SyncFHIRClient) -> None:
    matching = client.resources("Patient").search(identifier=f"{SYSTEM}|once")
    # fhirpy's get_or_create() is Aidbox's POST with a query, which R4 does not know: refused, not created twice.
    with pytest.raises(OperationOutcome, match="identifier"):
        matching.get_or_create(client.resource("Patient", **patient("once")))
    assert matching.fetch() == []
    # R4's header goes with a client of its own.
    once = SyncFHIRClient(client.url, extra_headers={"If-None-Exist": f"identifier={SYSTEM}|once"})
    first, again = (once.resource("Patient", **patient("once")).create() for _ in range(2))
    assert first.id == again.id
    assert (again.meta.versionId, len(matching.fetch())) == ("1", 1)
    # Conditional update is the same in both.
    changed, new = matching.update(client.resource("Patient", **patient("once", gender="female")))
    assert (changed.id, changed.gender, changed.meta.versionId, new) == (first.id, "female", "2", False)
    other = client.resources("Patient").search(identifier=f"{SYSTEM}|other")
    made, new = other.update(client.resource("Patient", **patient("other")))
    assert (new, made.id != first.id) == (True, True)


def patched(client: SyncFHIRClient, person: Any) -> None:
    # patch() sends a JSON Merge Patch as application/json.
    merged = client.patch("Patient", person.id, multipleBirthBoolean=False)
    assert (merged["multipleBirthBoolean"], merged["name"]) == (False, person.name)
    # execute() is its raw request: a FHIRPath Patch.
    answer = client.execute(
        person.reference,
        method="patch",
        data={
            "resourceType": "Parameters",
            "parameter": [
                {
                    "name": "operation",
                    "part": [
                        {"name": "type", "valueCode": "add"},
                        {"name": "path", "valueString": "Patient"},
                        {"name": "name", "valueString": "gender"},
                        {"name": "value", "valueCode": "female"},
                    ],
                }
            ],
        },
    )
    assert (answer.gender, answer.meta.versionId) == ("female", "4")
    person.refresh()
    assert person.gender == "female"


def transacted(client: SyncFHIRClient) -> None:
    # fhirpy has no method for it but the Bundle as a resource: saved at the root by execute().
    mother = "urn:uuid:6b1f2a0e-53c4-4f0e-9c39-3b7a4c1f0a11"
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "request": {"method": "POST", "url": "Observation"},
                "resource": {"resourceType": "Observation", **reading({"reference": mother}, 6)},
            },
            {
                "fullUrl": mother,
                "request": {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={SYSTEM}|mother"},
                "resource": {"resourceType": "Patient", **patient("mother")},
            },
        ],
    }
    answer = client.execute("", data=bundle)
    assert answer.type == "transaction-response"
    assert [entry.response.status[:3] for entry in answer.entry] == ["201", "201"]
    stored = client.resources("Patient").search(identifier=f"{SYSTEM}|mother").get()
    [observation] = client.resources("Observation").search(subject=stored).fetch()
    assert observation.subject.reference == stored.reference
    assert [entry.response.status[:3] for entry in client.execute("", data=bundle).entry] == ["201", "200"]
    bundle["entry"][0]["resource"]["status"] = "unclear"  # type: ignore[index]
    with pytest.raises(OperationOutcome):
        client.execute("", data=bundle)
    assert len(client.resources("Observation").search(subject=stored).fetch()) == 2


def looked_back(client: SyncFHIRClient, person: Any) -> None:
    history = person.execute("_history", method="get")
    assert history.type == "history"
    assert [entry.resource.meta.versionId for entry in history.entry] == ["4", "3", "2", "1"]
    assert [entry.request.method for entry in history.entry] == ["PATCH", "PATCH", "PUT", "POST"]
    assert "birthDate" not in person.execute("_history/1", method="get")
    last = client.resource("Patient", **patient("last")).create()
    last.delete()
    with pytest.raises(ResourceNotFound):
        client.get("Patient", last.id)
    assert [entry.request.method for entry in last.execute("_history", method="get").entry] == ["DELETE", "POST"]


async def test_asynchronous_session(base: str) -> None:
    client = AsyncFHIRClient(base)
    person = client.resource("Patient", **patient("async"))
    await person.create()
    for number in range(1, 4):
        await client.resource("Observation", **reading(person.to_reference(), number)).save()
    observations = client.resources("Observation").search(subject=person).sort("date").limit(2)
    assert [row.valueInteger async for row in observations] == [1, 2, 3]
    person["active"] = False
    await person.update()
    assert person.meta.versionId == "2"
    await person.refresh()
    assert person.active is False
