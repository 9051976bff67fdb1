"""What is unusual in numbers, names and times passes the whole hub as it is. Contract, sections 1, 12, 13 and 17."""

from __future__ import annotations

import json
from datetime import datetime

from mappings.check_digits import wrong
from mappings.identifiers import CNPJ
from tests.hub.tasy.conftest import CODES, PROVIDERS, Joined, claim, eventually, question

ELIGIBLE, GUIDES = "/beneficiarios/elegibilidade", "/autorizacoes"


def test_13_a_cnpj_with_letters(both: Joined) -> None:
    clinic = next(one for one in both.plan.providers if not one.get("cd_cgc", "0").isdecimal())
    number, id = clinic["cd_cgc"], f"prest-{clinic['nr_seq_prestador']}"
    assert wrong("cnpj", number) is None
    found = eventually(lambda: both.hub.client.found(f"Organization?identifier={CNPJ}|{number}"))
    assert [(one["id"], one["name"]) for one in found] == [(id, clinic["ds_razao_social"])]
    # A guide of theirs is decided like any other.
    both.put(PROVIDERS[1])
    taken = both.submit(claim(both.member(0), "CNPJ-1", provider={"reference": f"Organization/{id}"}))
    eventually(lambda: both.hub.client.found(f"ClaimResponse?_id={taken['id']}&outcome=complete"))
    [asked] = [one for one in both.tasy.installation.guides.asked.values() if one["cd_guia_prestador"] == "CNPJ-1"]
    assert asked["solicitante"]["nr_seq_prestador"] == clinic["nr_seq_prestador"]


def test_14_a_damaged_name_is_answered_for_and_somebody_repairs_it(both: Joined) -> None:
    member = both.member(1)
    both.trouble("mojibake", ELIGIBLE, times=2)
    answers = [both.submit(question(member)) for _ in range(2)]
    # The name says nothing of the contract: the answer is as good as any.
    assert [(one["outcome"], one["insurance"][0]["inforce"]) for one in answers] == [("complete", True)] * 2
    patient = answers[0]["patient"]["reference"]
    [task] = both.hub.client.found(f"Task?focus={patient}&code={CODES}/tarefa|reparo-de-texto")
    assert (task["status"], task["for"]["reference"]) == ("requested", patient)
    assert "segurado.nm_pessoa_fisica" in task["description"]
    assert "MARIA" not in task["description"]
    # What came is kept as it came.
    key = answers[1]["request"]["reference"].split("/_history")[0]
    [said] = [one for one in both.message(business_key=key) if one.direction == "in"]
    assert json.loads(both.forms(said.id).raw)["segurado"]["nm_pessoa_fisica"] == "MARIA DA CONCEIÃ‡ÃƒO"


def test_14_a_name_with_accents_is_no_damage(both: Joined) -> None:
    member = both.member(2)
    member["segurado"]["nm_pessoa_fisica"] = "JOÃO ÂNGELO CONCEIÇÃO"
    answer = both.submit(question(member))
    assert not both.hub.client.found(f"Task?focus={answer['patient']['reference']}")


def test_21_times_of_2017_have_the_offset_of_their_day(both: Joined) -> None:
    both.put(PROVIDERS[0])
    both.put(PROVIDERS[1])
    # An hour that no clock showed, as Tasy says it: the offset that held before.
    both.trouble("summer-time", ELIGIBLE)
    answer = both.submit(question(both.member(3)))
    assert answer["created"] == "2017-10-15T00:30:00-03:00"
    when = "2017-10-15T03:30:00Z"
    found = both.hub.client.found(f"CoverageEligibilityResponse?created={when}&_id={answer['id']}")
    assert [one["id"] for one in found] == [answer["id"]]
    both.trouble("summer-time", GUIDES)
    taken = both.submit(claim(both.member(3), "TIME-1"))
    [decided] = eventually(lambda: both.hub.client.found(f"ClaimResponse?_id={taken['id']}&outcome=complete"))
    assert datetime.fromisoformat(decided["created"]) == datetime.fromisoformat(when)
    # On the way to Tasy: its clock of that day, two hours behind UTC.
    asked = question(both.member(3), created="2017-12-01T12:00:00Z")
    del asked["servicedDate"]
    answer = both.submit(asked)
    [sent] = [
        one
        for one in both.message(business_key=answer["request"]["reference"].split("/_history")[0])
        if one.direction == "out"
    ]
    assert b"2017-12-01T10:00:00" in both.forms(sent.id).mapped
