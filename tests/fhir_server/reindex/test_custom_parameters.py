"""SearchParameters of the record's own: refused until they are indexed, then searched by like any other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fhir_server.reindex.conftest import FHIR, Own, parameter

EXTENSION = "http://example.org/ward"


def patient(id: str, ward: str | None = None, **more: Any) -> dict[str, Any]:
    extension = [{"url": EXTENSION, "valueCode": ward}] if ward else []
    return {"resourceType": "Patient", "id": id, **({"extension": extension} if ward else {}), **more}


WARD = parameter("ward", "token", "Patient", f"Patient.extension.where(url='{EXTENSION}').value")


async def test_refused_until_indexed_then_complete(own: Own) -> None:
    await own.put(patient("before", "a"))
    assert "no search parameter" in await own.refused("Patient?ward=a")
    await own.put(WARD)
    assert "is being indexed, 0 %; [base]/_jobs/" in await own.refused("Patient?ward=a")
    lenient = await own.client.get("Patient?ward=a", headers={"prefer": "handling=lenient"})
    outcome = [one for one in lenient.json()["entry"] if one["resource"]["resourceType"] == "OperationOutcome"]
    assert "is being indexed" in outcome[0]["resource"]["issue"][0]["diagnostics"]
    await own.put(patient("between", "a"))
    assert "is being indexed" in await own.refused("Patient?_sort=ward")
    assert await own.work()
    await own.put(patient("after", "a"))
    await own.put(patient("other", "b"))
    assert await own.ids("Patient?ward=a") == ["after", "before", "between"]
    assert await own.ids("Patient?ward:missing=false&_sort=-ward") == ["after", "before", "between", "other"]
    assert await own.ids("Patient?ward:not=a") == ["other"]
    await own.put(patient("after", "b"))
    assert await own.ids("Patient?ward=a") == ["before", "between"]
    assert (await own.client.delete("Patient/before")).status_code in (200, 204)
    assert await own.ids("Patient?ward=a,b") == ["after", "between", "other"]
    statement = (await own.client.get("metadata")).json()
    patients = next(one for one in statement["rest"][0]["resource"] if one["type"] == "Patient")
    assert {"name": "ward", "definition": WARD["url"], "type": "token"} in patients["searchParam"]
    [(job,)] = own.sql("select id from job")
    told = await own.client.get(f"_jobs/{job}")
    assert told.headers["content-type"].startswith("application/fhir+json")
    found = {one["name"]: one for one in told.json()["parameter"]}
    assert found["searchParameter"]["valueUri"] == WARD["url"]


async def test_draft_is_stored_retired_is_no_longer_searched_and_its_rows_go(own: Own) -> None:
    await own.put(patient("p", "a"))
    await own.put({**WARD, "status": "draft"})
    assert not await own.work()
    assert "no search parameter" in await own.refused("Patient?ward=a")
    await own.put(WARD)
    await own.work()
    assert await own.ids("Patient?ward=a") == ["p"]
    of_patient = "select count(*) from token t join resource r on r.rid = t.rid where r.fhir_id = 'p'"
    [(count,)] = own.sql(of_patient)
    # What says the same to a search changes nothing.
    await own.put({**WARD, "description": "in other words"})
    assert await own.ids("Patient?ward=a") == ["p"]
    await own.put({**WARD, "status": "retired"})
    assert "no search parameter" in await own.refused("Patient?ward=a")
    await own.work()
    assert own.sql("select * from search_parameter") == []
    assert own.sql(of_patient) == [(count - 1,)]
    await own.put(WARD)
    await own.work()
    assert await own.ids("Patient?ward=a") == ["p"]
    await own.client.delete("SearchParameter/ward")
    assert "no search parameter" in await own.refused("Patient?ward=a")


async def test_a_new_expression_is_a_new_parameter(own: Own) -> None:
    await own.put(patient("p", "a", gender="female"))
    await own.put(WARD)
    await own.work()
    await own.put({**WARD, "expression": "Patient.gender"})
    assert "is being indexed" in await own.refused("Patient?ward=female")
    await own.work()
    assert await own.ids("Patient?ward=female") == ["p"]
    assert await own.ids("Patient?ward=a") == []


async def test_rs_own_is_replaced_by_its_url_and_switched_off(own: Own) -> None:
    await own.put({"resourceType": "Patient", "id": "p", "name": [{"family": "Souza", "given": ["Ana"]}]})
    url = "http://hl7.org/fhir/SearchParameter/Patient-name"
    name = {**parameter("name", "string", "Patient", "Patient.name.given"), "url": url}
    await own.put({**name, "url": "http://example.org/name"}, (422,))
    await own.put(name)
    # R4's definition is in force, and complete, until the other is.
    assert await own.ids("Patient?name=Souza") == ["p"]
    await own.work()
    assert await own.ids("Patient?name=Souza") == []
    assert await own.ids("Patient?name=Ana") == ["p"]
    await own.put({**name, "status": "retired"})
    assert "no search parameter" in await own.refused("Patient?name=Souza")
    await own.client.delete("SearchParameter/name")
    assert await own.ids("Patient?name=Souza") == ["p"]


KINDS = [
    ("token", "Patient", "Patient.active", "true", "false"),
    ("date", "Patient", "Patient.contact.period", "2020-05-01", "2022"),
    ("date", "Patient", "Patient.contact.period.start.first()", "2020-05-01", "2022"),
    ("string", "Patient", "Patient.contact.name", "Lima", "Souza"),
    ("string", "Patient", "Patient.name.where(use = 'official').given | Patient.name.suffix", "Ana", "Bia"),
    ("uri", "Patient", "Patient.identifier.system", "http://example.org/id", "http://example.org"),
    ("number", "Patient", "Patient.multipleBirth.ofType(integer)", "2", "3"),
    ("number", "Patient", "Patient.name.given.count()", "2", "3"),
    ("reference", "Patient", "Patient.contact.organization", "Organization/o", "Organization/x"),
    ("reference", "Patient", "Patient.generalPractitioner.where(resolve() is Organization)", "o", "x"),
    ("quantity", "Patient", "Patient.extension.where(url='http://example.org/height').value", "180||cm", "181||cm"),
    ("token", "Resource", "meta.source", "http://example.org/ward", "http://example.org"),
    ("token", "Patient", "Patient.name.exists()", "true", "false"),
]
ONE = {
    "resourceType": "Patient", "id": "p", "active": True, "multipleBirthInteger": 2,
    "meta": {"source": "http://example.org/ward"},
    "name": [{"use": "official", "given": ["Ana", "Maria"]}],
    "identifier": [{"system": "http://example.org/id", "value": "1"}],
    "extension": [{"url": "http://example.org/height",
                   "valueQuantity": {"value": 180, "code": "cm", "unit": "cm", "system": "http://unitsofmeasure.org"}}],
    "generalPractitioner": [{"reference": "Organization/o"}],
    "contact": [{"name": {"family": "Lima"}, "period": {"start": "2020-05-01", "end": "2020-05-01"},
                 "organization": {"reference": "Organization/o"}}],
}  # fmt: skip


async def test_every_kind_by_path_and_by_fhirpath(own: Own) -> None:
    await own.put({"resourceType": "Organization", "id": "o", "name": "Ward"})
    await own.put(ONE)
    for number, (kind, base, expression, *_) in enumerate(KINDS):
        await own.put(parameter(f"own{number}", kind, base, expression))
    await own.work()
    await own.put({**ONE, "id": "q"})
    for number, (kind, _, expression, there, absent) in enumerate(KINDS):
        assert await own.ids(f"Patient?own{number}={there}") == ["p", "q"], (kind, expression)
        assert await own.ids(f"Patient?own{number}={absent}") == [], (kind, expression)
        if kind != "quantity":
            assert await own.ids(f"Patient?own{number}:missing=false&_sort=own{number}") == ["p", "q"]


async def test_include_has_chain_and_sort_through_a_custom_reference(own: Own) -> None:
    await own.put({"resourceType": "Organization", "id": "o", "name": "Ward"})
    await own.put({"resourceType": "Organization", "id": "n", "name": "Annex"})
    link = [{"url": "http://example.org/home", "valueReference": {"reference": "Organization/o"}}]
    await own.put({"resourceType": "Patient", "id": "p", "extension": link, "gender": "female"})
    home = parameter(
        "home", "reference", "Patient", "Patient.extension('http://example.org/home').value", target=["Organization"]
    )
    await own.put(home)
    assert "is being indexed" in await own.refused("Patient?home.name=Ward")
    assert "is being indexed" in await own.refused("Patient?_include=Patient:home")
    assert "is being indexed" in await own.refused("Organization?_has:Patient:home:gender=female")
    await own.work()
    assert await own.ids("Patient?home=Organization/o") == ["p"]
    assert await own.ids("Patient?home.name=Ward") == ["p"]
    assert await own.ids("Patient?home:Organization.name=Annex") == []
    assert await own.ids("Patient?_include=Patient:home") == ["o", "p"]
    assert await own.ids("Organization?_has:Patient:home:gender=female") == ["o"]
    assert await own.ids("Organization?name=Ward&_revinclude=Patient:home") == ["o", "p"]
    assert await own.ids("Patient?_sort=home.name") == ["p"]
    assert (await own.client.delete("Organization/o")).status_code == 409
    await own.client.delete("SearchParameter/home")
    await own.work()
    assert (await own.client.delete("Organization/o")).status_code == 409


async def test_composite(own: Own) -> None:
    part = {"code": {"text": "x", "coding": [{"code": "systolic"}]}, "interpretation": [{"coding": [{"code": "H"}]}]}
    await own.put({
        "resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
        "component": [part, {**part, "code": {"text": "y"}, "interpretation": [{"coding": [{"code": "L"}]}]}],
    })  # fmt: skip
    await own.put(parameter("judged", "token", "Observation", "Observation.component.interpretation"))
    both = parameter(
        "code-judged", "composite", "Observation", "Observation.component",
        component=[
            {"definition": "http://hl7.org/fhir/SearchParameter/Observation-component-code", "expression": "code"},
            {"definition": "http://example.org/SearchParameter/judged", "expression": "interpretation"},
        ],
    )  # fmt: skip
    await own.put(both)
    assert await own.work()
    assert await own.ids("Observation?code-judged=systolic$H") == ["o"]
    assert await own.ids("Observation?code-judged=systolic$L") == []


@pytest.mark.parametrize(
    ("wrong", "element", "reason"),
    [
        ({"expression": "Patient.name.("}, "expression", "cannot be evaluated"),
        ({"expression": "Patient.nothing"}, "expression", "no element 'nothing'"),
        ({"expression": "Observation.code"}, "expression", "selects nothing of Patient"),
        ({"expression": "Patient.photo"}, "expression", "is no token"),
        ({"expression": "Patient.photo.where(title.exists())"}, "expression", "is no token"),
        ({"expression": None}, "expression", "needs an expression"),
        ({"type": "special"}, "type", "special"),
        ({"code": "gender"}, "code", "has this code in R4"),
        ({"code": "_sort"}, "code", "word of search"),
        ({"code": "a:b"}, "code", "letters, digits"),
        ({"type": "composite", "component": []}, "component", "two components"),
        ({"type": "composite", "expression": "Patient", "component": [
            {"definition": "http://example.org/none", "expression": "name"},
            {"definition": "http://example.org/none", "expression": "name"}]}, "component[0].definition", "names no"),
    ],
)  # fmt: skip
async def test_what_cannot_be_indexed_is_refused(own: Own, wrong: dict[str, Any], element: str, reason: str) -> None:
    resource = {name: value for name, value in {**WARD, **wrong}.items() if value not in (None, [])}
    answer = await own.put(resource, (422,))
    issues = answer.json()["issue"]
    assert any(
        one.get("expression") == [f"SearchParameter.{element}"] and reason in one["diagnostics"] for one in issues
    ), issues
    if "expression" not in wrong:
        return
    # Not in force, it may be anything.
    await own.put({**resource, "status": "draft"})


async def test_a_code_and_a_url_belong_to_one(own: Own) -> None:
    await own.put(WARD)
    answer = await own.put({**WARD, "id": "second"}, (422,))
    assert {one["expression"][0] for one in answer.json()["issue"]} == {"SearchParameter.url", "SearchParameter.code"}
    entries = [
        {"resource": {**WARD, "id": id, "code": "twice", "url": f"http://example.org/{id}"},
         "request": {"method": "PUT", "url": f"SearchParameter/{id}"}}
        for id in ("one", "two")
    ]  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    refused = await own.client.post("", json=bundle, headers=FHIR)
    assert refused.status_code == 422, refused.text
    assert await own.ids("SearchParameter") == ["ward"]
    await own.client.delete("SearchParameter/ward")
    await own.put({**WARD, "id": "second"})


async def test_rs_own_definition_again_changes_nothing(own: Own) -> None:
    from fhir_server.definitions import search_parameters

    row = next(
        one for one in search_parameters() if one["url"].endswith("/Patient-birthdate") or one["code"] == "birthdate"
    )
    again = {
        **row,
        "resourceType": "SearchParameter",
        "id": "again",
        "name": "Again",
        "status": "active",
        "description": "R4",
    }
    await own.put(again)
    assert not await own.work()


async def test_cancelled_and_begun_again(own: Own) -> None:
    await own.put(patient("p", "a"))
    await own.put(WARD)
    [(job,)] = own.sql("select id from job")
    assert (await own.client.delete(f"_jobs/{job}")).status_code == 202
    assert not await own.work()
    assert "could not be indexed" in await own.refused("Patient?ward=a")
    answer = await own.client.post("SearchParameter/ward/$reindex")
    assert answer.status_code == 202, answer.text
    assert "is being indexed" in await own.refused("Patient?ward=a")
    await own.work()
    assert await own.ids("Patient?ward=a") == ["p"]


async def test_conditional_create_and_update_by_it(own: Own) -> None:
    await own.put(WARD)
    await own.work()
    for status in (201, 200):
        answer = await own.client.post(
            "Patient",
            json={"resourceType": "Patient", "extension": [{"url": EXTENSION, "valueCode": "c"}]},
            headers={**FHIR, "if-none-exist": "ward=c"},
        )
        assert answer.status_code == status, answer.text
