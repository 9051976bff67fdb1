"""A session with fhirclient, the SMART Python client, whose models check every answer. https://pypi.org/project/fhirclient"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException

SYSTEM = "urn:example:fhirclient"


def patient(value: str, **more: Any) -> Any:
    return Patient({"identifier": [{"system": SYSTEM, "value": value}], "name": [{"family": "Lima"}], **more})


def reading(subject: str, number: int) -> Any:
    return Observation(
        {
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
            "subject": {"reference": subject},
            "effectiveDateTime": f"2024-05-0{number}T08:30:00Z",
            "valueQuantity": {
                "value": 36.5 + number, "unit": "Cel", "system": "http://unitsofmeasure.org", "code": "Cel"
            },
        }
    )  # fmt: skip


@contextmanager
def sending(server: Any, **headers: str) -> Iterator[None]:
    """The client's methods take no headers: they are set on its HTTP session for a while."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    server.session.headers.update(names)
    try:
        yield
    finally:
        for name in names:
            del server.session.headers[name]


@contextmanager
def refused(status: int, reason: str = "") -> Iterator[None]:
    """What the client raises for errors, with an OperationOutcome that says `reason`."""
    with pytest.raises(requests.HTTPError) as error:
        yield
    answer = error.value.response
    assert answer is not None
    assert answer.status_code == status
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert reason in json.dumps(outcome)


def test_session(base: str) -> None:
    smart = FHIRClient(settings={"app_id": "hub", "api_base": base})
    assert smart.prepare()
    assert smart.server.capabilityStatement.fhirVersion == "4.0.1"
    server = smart.server
    person = created(server)
    searched_in_pages(server, person)
    updated_with_etag(server, person)
    created_conditionally(server)
    patched(server, person)
    transacted(server)
    looked_back(server, person)


def created(server: Any) -> Any:
    made = Patient(patient("1", active=True).create(server))
    assert made.id
    assert made.meta.versionId == "1"
    person = Patient.read(made.id, server)
    assert person.as_json() == made.as_json()
    with refused(422, "Patient.gender"):
        patient("refused", gender="unclear").create(server)
    return person


def searched_in_pages(server: Any, person: Any) -> None:
    for number in range(1, 6):
        reading(person.relativePath(), number).create(server)
    search = Observation.where({"patient": person.id, "code": "8310-5", "_sort": "-date", "_count": "2"})
    pages = list(search.perform_iter(server))
    assert [len(page.entry) for page in pages] == [2, 2, 1]
    assert [row.valueQuantity.value for row in search.perform_resources_iter(server)] == [41.5, 40.5, 39.5, 38.5, 37.5]
    warm = Observation.where({"patient": person.id, "value-quantity": "ge40||Cel"}).include("subject")
    kinds = [row.resource_type for row in warm.perform_resources_iter(server)]
    assert kinds == ["Observation", "Observation", "Patient"]
    assert list(Patient.where({"family": {"$exact": "Nobody"}}).perform_resources_iter(server)) == []
    with refused(400, "no-such"):
        list(Patient.where({"no-such": "x"}).perform_iter(server))


def updated_with_etag(server: Any, person: Any) -> None:
    person.gender = "female"
    with sending(server, If_Match=f'W/"{person.meta.versionId}"'):
        assert person.update(server)["meta"]["versionId"] == "2"
        person.gender = "male"
        with refused(412, "If-Match"):
            person.update(server)
    again = Patient.read(person.id, server)
    assert (again.gender, again.meta.versionId) == ("female", "2")


def created_conditionally(server: Any) -> None:
    with sending(server, If_None_Exist=f"identifier={SYSTEM}|once"):
        first, again = (patient("once").create(server) for _ in range(2))
    assert first == again
    assert len(list(Patient.where({"identifier": f"{SYSTEM}|once"}).perform_resources_iter(server))) == 1
    with sending(server, If_None_Exist="family=Lima"), refused(412, "multiple-matches"):
        patient("twice").create(server)


def patched(server: Any, person: Any) -> None:
    # The client has no patch: its HTTP session sends one.
    answer = server.session.patch(
        server.base_uri + person.relativePath(),
        data=json.dumps(
            [
                {"op": "test", "path": "/gender", "value": "female"},
                {"op": "add", "path": "/birthDate", "value": "1970-01-31"},
            ]
        ),
        headers={"Content-Type": "application/json-patch+json", "If-Match": 'W/"2"'},
    )
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"3"')
    assert Patient.read(person.id, server).birthDate.isostring == "1970-01-31"


def transacted(server: Any) -> None:
    mother = "urn:uuid:0f7d3a52-8a06-4f0c-b9b1-0a1d5e3c2b77"
    bundle = Bundle(
        {
            "type": "transaction",
            "entry": [
                {
                    "request": {"method": "POST", "url": "Observation"},
                    "resource": reading(mother, 6).as_json(),
                },
                {
                    "fullUrl": mother,
                    "request": {"method": "POST", "url": "Patient"},
                    "resource": patient("mother").as_json(),
                },
            ],
        }
    )
    answer = Bundle(bundle.create(server))
    assert answer.type == "transaction-response"
    assert [entry.response.status[:3] for entry in answer.entry] == ["201", "201"]
    [stored] = Patient.where({"identifier": f"{SYSTEM}|mother"}).perform_resources_iter(server)
    [observation] = Observation.where({"subject": stored.relativePath()}).perform_resources_iter(server)
    assert observation.subject.resolved(Patient).id == stored.id
    bundle.entry[0].resource.status = "unclear"
    with refused(422, "Bundle.entry[0]"):
        bundle.create(server)
    assert len(list(Patient.where({"identifier": f"{SYSTEM}|mother"}).perform_resources_iter(server))) == 1


def looked_back(server: Any, person: Any) -> None:
    history = Bundle.read_from(f"{person.relativePath()}/_history", server)
    assert [entry.resource.meta.versionId for entry in history.entry] == ["3", "2", "1"]
    assert [entry.request.method for entry in history.entry] == ["PATCH", "PUT", "POST"]
    assert Patient.read_from(f"{person.relativePath()}/_history/1", server).gender is None
    last = Patient(patient("last").create(server))
    last.delete(server)
    with refused(410):
        Patient.read(last.id, server)
    with pytest.raises(FHIRNotFoundException):
        Patient.read("nobody", server)
    deleted = Bundle.read_from(f"{last.relativePath()}/_history", server)
    assert [entry.request.method for entry in deleted.entry] == ["DELETE", "POST"]
