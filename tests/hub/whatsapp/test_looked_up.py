"""What is looked up in the record for a turn, and that nobody who asks can tell whether there is such a member."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx2
import pytest

from adapters.fhir_client import FhirClient
from care_services.chat.known import (
    CANDIDATES,
    DEPENDANTS,
    NEAR,
    RECORDED,
    Department,
    Found,
    Look,
    Near,
    Where,
)
from hub.whatsapp.looked_up import candidates, looked_up
from mappings.identifiers import CPF, ROLE_CODE, Systems
from tests.fhir_server.conftest import serving
from tests.fhir_server.encryption.conftest import CPF as ENCRYPTED
from tests.fhir_server.encryption.conftest import encrypting, given, wrapping

Json = Any

__all__ = ["encrypting", "given", "wrapping"]
SYSTEMS = Systems()


class Counting(FhirClient):
    """Knows what was asked."""

    asked: list[str]

    async def send(self, method: str, path: str, *more: Any, **others: Any) -> Any:
        self.asked.append(path)
        return await super().send(method, path, *more, **others)


@pytest.fixture
async def record(module_database: str) -> AsyncIterator[Counting]:
    async with serving(module_database) as http:
        record = Counting(http, str(http.base_url))
        record.asked = []
        await filled(record, http)
        yield record


async def filled(record: FhirClient, http: httpx2.AsyncClient) -> None:
    for id, phone, more in (
        ("ana", "+551788880001", {}), ("gone", "+5517988880001", {"active": False}),
        ("fixed", "+551732320001", {}), ("unborn", "+5517988880001", {"birthDate": "1980-05"}),
        ("lia", "+5517977770001", {"name": [{"text": "LIA LIMA"}], "birthDate": "2018-02-01"}),
    ):  # fmt: skip
        await record.update(
            {"resourceType": "Patient", "id": id, "active": True, "birthDate": "1980-05-15",
             "telecom": [{"system": "phone", "value": phone}],
             "identifier": [{"system": CPF, "value": f"529982247{len(id):02}"}], **more}
        )  # fmt: skip
    for id, status in (("1", "active"), ("2", "cancelled")):
        await record.update(
            {"resourceType": "Coverage", "id": id, "status": status, "subscriberId": f"000{id}",
             "beneficiary": {"reference": "Patient/ana"}, "payor": [{"display": "AUSTA"}]}
        )  # fmt: skip
    await record.update(
        {"resourceType": "RelatedPerson", "id": "1", "active": True, "patient": {"reference": "Patient/lia"},
         "identifier": [{"system": CPF, "value": "52998224703"}]}
    )  # fmt: skip
    for id, status in (("1", "active"), ("2", "resolved")):
        await record.update(
            {"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/ana"},
             "code": {"text": "Diabetes tipo 2" if id == "1" else "Transplante renal"},
             "clinicalStatus": {"coding": [
                 {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": status}]}}
        )  # fmt: skip


def identity(phone: str | None) -> Json:
    who = {"identifier": {"system": SYSTEMS.sid("whatsapp/usuario"), "value": "BR.1"}}
    return {**who, "extension": [{"url": SYSTEMS.extension("telefone"), "valueString": phone}]} if phone else who


def conversation(phone: str | None) -> Json:
    """Its Task."""
    return {"id": "talk", "for": identity(phone)}


@pytest.mark.parametrize(
    ("phone", "found"),
    [
        ("5517988880001", ["Patient/ana"]),  # the record has it without the ninth digit
        ("551788880001", ["Patient/ana"]),
        ("551732320001", ["Patient/fixed"]),
        ("5517932320001", []),  # a landline has no ninth digit
        ("5517900000000", []),
        (None, []),
    ],
)
async def test_only_active_members_with_that_line_are_candidates(
    record: Counting, phone: str | None, found: list[str]
) -> None:
    assert [one.reference for one in await candidates(record, identity(phone), SYSTEMS)] == found


async def test_what_a_candidate_is_asked_for(record: Counting) -> None:
    [ana] = await candidates(record, identity("5517988880001"), SYSTEMS)
    assert (ana.born, ana.cards, ana.cpf) == (date(1980, 5, 15), ("0001",), "52998224703")


async def test_nobody_is_looked_for_like_anybody(record: Counting) -> None:
    paths = []
    for phone in ("5517988880001", "5517900000000", None):
        record.asked.clear()
        await looked_up(record, Look(CANDIDATES), Found(), conversation(phone), SYSTEMS)
        paths.append(list(record.asked))
    assert paths == [["Patient/_search", "Coverage/_search"]] * 3


async def test_dependants_are_those_for_whom_the_member_answers(record: Counting) -> None:
    found = await looked_up(record, Look(DEPENDANTS, "Patient/ana"), Found(), conversation(None), SYSTEMS)
    assert [(one.reference, one.name) for one in found.dependants or ()] == [("Patient/lia", "Lia")]
    none = await looked_up(record, Look(DEPENDANTS, "Patient/fixed"), Found(), conversation(None), SYSTEMS)
    assert none.dependants == ()


PLAN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class", "code": "plan"}]}
ER = {"coding": [{"system": ROLE_CODE, "code": "ER"}]}


async def network(record: FhirClient) -> None:
    """Two emergency departments, of which one has left and one is open to plan 45; a clinic; a Task of each kind."""
    for id, name, active in (("here", "SANTA CASA", True), ("left", "ANTIGO", False)):
        await record.update({"resourceType": "Organization", "id": id, "name": name, "active": active})
    for id, owner, at, kind in (
        ("er", "here", (-20.81, -49.37), [ER]), ("old", "left", (-20.81, -49.37), [ER]),
        ("clinic", "here", (-20.81, -49.37), [{"text": "clínica"}]), ("far", "here", (-23.55, -46.63), [ER]),
    ):  # fmt: skip
        await record.update(
            {"resourceType": "Location", "id": id, "status": "active", "type": kind,
             "managingOrganization": {"reference": f"Organization/{owner}"},
             "telecom": [{"system": "phone", "value": "+551730000000"}],
             "address": {"line": ["DAS FLORES 100", "CENTRO"],
                         "city": "São Paulo" if id == "far" else "São José do Rio Preto"},
             "position": {"latitude": at[0], "longitude": at[1]}}
        )  # fmt: skip
    await record.update(
        {"resourceType": "OrganizationAffiliation", "id": "1", "active": True,
         "participatingOrganization": {"reference": "Organization/here"},
         "network": [{"identifier": {"system": SYSTEMS.sid("tasy/rede"), "value": "45"}}]}
    )  # fmt: skip
    await record.update(
        {"resourceType": "Coverage", "id": "planned", "status": "active", "payor": [{"display": "AUSTA"}],
         "beneficiary": {"reference": "Patient/lia"}, "class": [{"type": PLAN, "value": "44"}]}
    )  # fmt: skip
    await record.update({"resourceType": "Task", "id": "talk", "status": "in-progress", "intent": "order"})
    for id, code, status, day in (
        ("done", "nurse-callback", "completed", 9), ("first", "nurse-callback", "requested", 7),
        ("second", "nurse-callback", "in-progress", 8), ("service", "service-desk", "requested", 9),
    ):  # fmt: skip
        await record.update(
            {"resourceType": "Task", "id": id, "status": status, "intent": "order", "authoredOn": f"2026-03-0{day}",
             "partOf": [{"reference": "Task/talk"}],
             "code": {"coding": [{"system": SYSTEMS.codes("tarefa"), "code": code}]}}
        )  # fmt: skip


@pytest.mark.parametrize(
    ("where", "there"),
    [
        (Where((-20.8, -49.4)), ["SANTA CASA"]),
        (Where((-20.8, -44.0)), []),
        (Where(city="sao jose do rio preto"), ["SANTA CASA"]),
        (Where(city="jales"), []),
        (Where(said="perto da igreja"), []),
    ],
)
async def test_departments_of_the_network_that_are_near(record: Counting, where: Where, there: list[str]) -> None:
    await network(record)
    found = await looked_up(record, Look(NEAR, None, where), Found(), conversation(None), SYSTEMS)
    assert found.near is not None
    assert [one.name for one in found.near.departments] == there
    assert found.near.task == "Task/second"


async def test_what_a_department_is_told_with_and_which_plans_it_is_open_to(record: Counting) -> None:
    await network(record)
    look = Look(NEAR, "Patient/lia", Where((-20.8, -49.4)))
    found = await looked_up(record, look, Found(), conversation(None), SYSTEMS)
    address = "DAS FLORES 100, CENTRO, São José do Rio Preto"
    there = Department("SANTA CASA", address, "+551730000000", (-20.81, -49.37), frozenset({"45"}))
    assert found.near == Near((there,), frozenset({"44"}), "Task/second")
    assert not [one for one in record.asked if "-20.8" in one]  # a place is in no URL, which logs have


async def test_identifiers_may_be_encrypted_in_the_record(encrypting: httpx2.AsyncClient) -> None:
    record = FhirClient(encrypting, str(encrypting.base_url))
    cpf = [{"system": ENCRYPTED, "value": "52998224725"}]
    telecom = [{"system": "phone", "value": "+5517988880001"}]
    ana_is = {"identifier": cpf, "telecom": telecom, "birthDate": "1980-05-15"}
    for id, more in (("ana", ana_is), ("lia", {})):
        await record.update({"resourceType": "Patient", "id": id, "active": True, **more})
    await record.create(
        {"resourceType": "RelatedPerson", "active": True, "patient": {"reference": "Patient/lia"}, "identifier": cpf}
    )
    [ana] = await candidates(record, identity("5517988880001"), SYSTEMS)
    assert ana.cpf == "52998224725"
    found = await looked_up(record, Look(DEPENDANTS, "Patient/ana"), Found(), conversation(None), SYSTEMS)
    assert [one.reference for one in found.dependants or ()] == ["Patient/lia"]


async def test_what_the_record_knows_is_what_is_so_now(record: Counting) -> None:
    found = await looked_up(record, Look(RECORDED, "Patient/ana"), Found(), conversation(None), SYSTEMS)
    assert found.recorded == (("diabetes", "Diabetes tipo 2"),)
