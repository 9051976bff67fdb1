"""What is asked of a record that encrypts is answered as ever; who steals its database finds no value in it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from fhir_server.encryption import keys
from tests.fhir_server.encryption.conftest import CNS, CPF, traces

VALUE, OTHER, CARD = "52998224725", "11144477735", "898001160660761"


def identifier(value: str, system: str = CPF) -> dict[str, Any]:
    return {"system": system, "value": value, "type": {"coding": [{"system": "urn:types", "code": "TAX"}]}}


def patient(value: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "active": True, "identifier": [identifier(value)],
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">CPF {value}</div>'},
        "name": [{"family": "Silva"}], **more,
    }  # fmt: skip


async def created(client: httpx2.AsyncClient, resource: dict[str, Any], **headers: str) -> str:
    answer = await client.post(resource["resourceType"], json=resource, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def found(client: httpx2.AsyncClient, url: str, **parameters: str) -> set[str]:
    answer = await client.get(url, params=parameters)
    assert answer.status_code == 200, answer.text
    return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}


async def test_a_patient_is_read_and_found(encrypting: httpx2.AsyncClient, given: keys.Given) -> None:
    client = encrypting
    id, other = await created(client, patient(VALUE)), await created(client, patient(OTHER))
    assert (await client.get(f"Patient/{id}")).json()["identifier"] == [identifier(VALUE)]
    assert await found(client, "Patient", identifier=f"{CPF}|{VALUE}") == {id}
    assert await found(client, "Patient", identifier=VALUE) == {id}
    assert await found(client, "Patient", identifier=f"{CPF}|") == {id, other}
    assert await found(client, "Patient", identifier=f"{CNS}|{VALUE}") == set()
    assert await found(client, "Patient", identifier=f"|{VALUE}") == set()
    assert await found(client, "Patient", identifier=f"{CPF}|{VALUE},{CPF}|{OTHER}") == {id, other}
    many = ",".join(f"{CPF}|{VALUE[:-2]}{number}" for number in range(10, 60))
    assert await found(client, "Patient", identifier=many) == {id}
    bare = ",".join(f"{VALUE[:-2]}{number}" for number in range(10, 60))
    assert await found(client, "Patient", identifier=bare) == {id}
    assert await found(client, "Patient", **{"identifier:not": f"{CPF}|{VALUE}"}) == {other}
    assert await found(client, "Patient", **{"identifier:of-type": f"urn:types|TAX|{VALUE}"}) == {id}
    assert await found(client, "Patient", _filter=f"identifier eq {CPF}|{VALUE}") == {id}
    assert await found(client, "Patient", _sort="identifier") == {id, other}
    assert traces(given.conninfo, VALUE, OTHER) == []


async def test_what_belongs_to_other_systems_is_as_ever(encrypting: httpx2.AsyncClient, given: keys.Given) -> None:
    id = await created(encrypting, patient(VALUE, identifier=[identifier("1234567", "urn:others")]))
    assert await found(encrypting, "Patient", identifier="urn:others|1234567") == {id}
    assert await found(encrypting, "Patient", identifier="1234567") == {id}
    assert await found(encrypting, "Patient", **{"identifier:of-type": "urn:types|TAX|1234567"}) == {id}
    assert traces(given.conninfo, "1234567")


async def test_versions_deletion_and_restoration(encrypting: httpx2.AsyncClient, given: keys.Given) -> None:
    client = encrypting
    id = await created(client, patient(VALUE))
    changed = {**patient(OTHER), "id": id}
    assert (await client.put(f"Patient/{id}", json=changed)).status_code == 200
    assert (await client.put(f"Patient/{id}", json=changed)).headers["etag"] == 'W/"2"'
    assert await found(client, "Patient", identifier=VALUE) == set()
    assert await found(client, "Patient", identifier=OTHER) == {id}
    history = (await client.get(f"Patient/{id}/_history")).json()["entry"]
    assert [one["resource"]["identifier"][0]["value"] for one in history] == [OTHER, VALUE]
    assert (await client.get(f"Patient/{id}/_history/1")).json()["identifier"] == [identifier(VALUE)]
    assert (await client.delete(f"Patient/{id}")).status_code in (200, 204)
    assert await found(client, "Patient", identifier=OTHER) == set()
    assert (await client.put(f"Patient/{id}", json=changed)).status_code in (200, 201)
    # A narrative that still said the former number would say it in plain text: it is no identifier any more.
    patched = [{"op": "replace", "path": "/identifier/0/value", "value": VALUE}, {"op": "remove", "path": "/text"}]
    answer = await client.patch(f"Patient/{id}", json=patched, headers={"content-type": "application/json-patch+json"})
    assert answer.status_code == 200
    assert await found(client, "Patient", identifier=VALUE) == {id}
    assert traces(given.conninfo, VALUE, OTHER) == []


async def test_conditions(encrypting: httpx2.AsyncClient, given: keys.Given) -> None:
    client = encrypting
    id = await created(client, patient(VALUE))
    answer = await client.post("Patient", json=patient(VALUE), headers={"If-None-Exist": f"identifier={CPF}|{VALUE}"})
    assert answer.status_code == 200
    assert answer.headers["content-location"].split("/")[-3] == id
    answer = await client.put("Patient", params={"identifier": f"{CPF}|{OTHER}"}, json=patient(OTHER))
    assert answer.status_code == 201
    entry = {
        "fullUrl": "urn:uuid:0f5c0b3e-0000-4000-8000-000000000001",
        "resource": {"resourceType": "Observation", "status": "final", "code": {"text": "weight"},
                     "subject": {"reference": f"Patient?identifier={CPF}|{VALUE}"}},
        "request": {"method": "POST", "url": "Observation"},
    }  # fmt: skip
    answer = await client.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer.status_code == 200, answer.text
    assert len(await found(client, "Observation", **{"patient.identifier": f"{CPF}|{VALUE}"})) == 1
    assert await found(client, "Patient", **{"_has:Observation:patient:status": "final"}) == {id}
    assert (await client.delete("Patient", params={"identifier": f"{CPF}|{OTHER}"})).status_code in (200, 204)
    assert traces(given.conninfo, VALUE, OTHER) == []


async def test_references_by_identifier_and_contained(encrypting: httpx2.AsyncClient, given: keys.Given) -> None:
    client = encrypting
    by_identifier = await created(
        client, {"resourceType": "Observation", "status": "final", "code": {"text": "weight"},
                 "subject": {"type": "Patient", "identifier": identifier(VALUE), "display": f"Silva, {VALUE}"}},
    )  # fmt: skip
    contained = {name: value for name, value in patient(OTHER).items() if name != "text"}
    within = await created(
        client, {"resourceType": "Observation", "status": "final", "code": {"text": "height"},
                 "contained": [{**contained, "id": "p"}], "subject": {"reference": "#p"}},
    )  # fmt: skip
    assert await found(client, "Observation", **{"subject:identifier": f"{CPF}|{VALUE}"}) == {by_identifier}
    assert await found(client, "Observation", **{"patient:identifier": VALUE}) == {by_identifier}
    assert await found(client, "Observation", **{"subject:Patient.identifier": f"{CPF}|{OTHER}"}) == {within}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient(VALUE)}]}
    id = await created(client, bundle)
    assert (await client.get(f"Bundle/{id}")).json()["entry"][0]["resource"]["identifier"] == [identifier(VALUE)]
    assert traces(given.conninfo, VALUE, OTHER) == []


async def test_search_parameters_of_the_record_say_nothing(encrypting: httpx2.AsyncClient, given: keys.Given) -> None:
    for code, kind in (("any-number", "string"), ("token-number", "token")):
        definition = {
            "resourceType": "SearchParameter", "url": f"http://example.org/{code}", "name": "Number",
            "status": "active", "description": "any", "code": code, "base": ["Patient"], "type": kind,
            "expression": "Patient.identifier.value",
        }  # fmt: skip
        await created(encrypting, definition)
    await created(encrypting, patient(VALUE))
    assert traces(given.conninfo, VALUE) == []


async def test_a_subscription_names_a_value(encrypting: httpx2.AsyncClient, given: keys.Given) -> None:
    subscription = {
        "resourceType": "Subscription", "status": "off", "reason": "x", "criteria": f"Patient?identifier={CPF}|{VALUE}",
        "channel": {"type": "rest-hook", "endpoint": "https://example.org/hook"},
    }  # fmt: skip
    id = await created(encrypting, subscription)
    assert (await encrypting.get(f"Subscription/{id}")).json()["criteria"] == subscription["criteria"]
    assert traces(given.conninfo, VALUE) == []


@pytest.mark.parametrize("systems", [frozenset[str](), frozenset((CPF,))])
async def test_systems_that_are_taken_out_of_the_settings_are_still_read(
    encrypting: httpx2.AsyncClient, given: keys.Given, systems: frozenset[str]
) -> None:
    cpf = await created(encrypting, patient(VALUE))
    cns = await created(encrypting, patient("", identifier=[identifier(CARD, CNS)]))
    keys.begin(keys.Given(given.conninfo, given.wrapping, systems))
    assert await found(encrypting, "Patient", identifier=f"{CPF}|{VALUE}") == {cpf}
    assert await found(encrypting, "Patient", identifier=f"{CNS}|{CARD}") == {cns}
    new = await created(encrypting, patient("", identifier=[identifier(CARD, CNS)]))
    assert await found(encrypting, "Patient", identifier=f"{CNS}|{CARD}") == {cns, new}
    assert await found(encrypting, "Patient", identifier=CARD) == {cns, new}
