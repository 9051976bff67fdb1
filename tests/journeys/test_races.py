"""Clients that do the same thing at the same moment. https://hl7.org/fhir/R4/http.html#concurrency"""

from __future__ import annotations

from collections import Counter

from tests.hub_process import Answer, HubProcess
from tests.journeys.crowd import at_once, observation, patient, token

CROWD = 64


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def test_identical_conditional_creates_make_one_resource(hub: HubProcess) -> None:
    client, headers = hub.client, {"If-None-Exist": f"identifier={token('create')}"}

    answers = at_once(CROWD, client, lambda _: client.request("POST", "Patient", patient("create"), headers))

    assert statuses(answers) == {201: 1, 200: CROWD - 1}
    assert len(client.found(f"Patient?identifier={token('create')}")) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_identical_conditional_updates_make_one_resource(hub: HubProcess) -> None:
    client, path = hub.client, f"Patient?identifier={token('update')}"

    answers = at_once(CROWD, client, lambda _: client.request("PUT", path, patient("update")))

    assert statuses(answers) == {201: 1, 200: CROWD - 1}
    (found,) = client.found(path)
    assert found["meta"]["versionId"] == "1"  # the same content makes no version


def test_identical_conditional_creates_in_transactions_make_one_resource(hub: HubProcess) -> None:
    client = hub.client
    request = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={token('transaction')}"}
    about = observation("transaction", "urn:uuid:0f2f0b9c-7d46-4f2c-8a6b-000000000001")
    entries = [
        {"fullUrl": about["subject"]["reference"], "resource": patient("transaction"), "request": request},
        {"resource": about, "request": {"method": "POST", "url": "Observation"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    answers = at_once(CROWD, client, lambda _: client.request("POST", "", bundle))

    assert statuses(answers) == {200: CROWD}
    first = Counter(answer.json()["entry"][0]["response"]["status"][:3] for answer in answers)
    assert first == {"201": 1, "200": CROWD - 1}
    (found,) = client.found(f"Patient?identifier={token('transaction')}")
    written = client.found(f"Observation?code={token('transaction')}&_count=100")
    assert [row["subject"]["reference"] for row in written] == [f"Patient/{found['id']}"] * CROWD


def test_of_updates_with_if_match_one_wins(hub: HubProcess) -> None:
    client, headers = hub.client, {"If-Match": 'W/"1"'}
    assert client.request("PUT", "Patient/if-match", patient("if-match", id="if-match")).status == 201

    def update(number: int) -> Answer:
        changed = patient("if-match", id="if-match", birthDate=f"19{number + 10}")
        return client.request("PUT", "Patient/if-match", changed, headers)

    answers = at_once(CROWD, client, update)

    assert statuses(answers) == {200: 1, 412: CROWD - 1}
    assert client.get("Patient/if-match")["meta"]["versionId"] == "2"
    assert len(client.get("Patient/if-match/_history")["entry"]) == 2


def test_updates_without_if_match_each_make_a_version(hub: HubProcess) -> None:
    client = hub.client

    def update(number: int) -> Answer:
        changed = patient("unconditional", id="unconditional", birthDate=f"19{number + 10}")
        return client.request("PUT", "Patient/unconditional", changed)

    answers = at_once(CROWD, client, update)

    assert statuses(answers) == {201: 1, 200: CROWD - 1}
    versions = [entry["resource"] for bundle in client.pages("Patient/unconditional/_history?_count=20")
                for entry in bundle["entry"]]  # fmt: skip
    assert [int(row["meta"]["versionId"]) for row in versions] == list(range(CROWD, 0, -1))
    assert len({row["birthDate"] for row in versions}) == CROWD


def test_creating_and_deleting_the_same_resource_never_fails_inside(hub: HubProcess) -> None:
    client = hub.client

    def act(number: int) -> Answer:
        if number % 2:
            return client.request("DELETE", "Patient/contested")
        return client.request(
            "PUT", "Patient/contested", patient("contested", id="contested", birthDate=f"19{number + 10}")
        )

    answers = at_once(CROWD, client, act)

    assert set(statuses(answers)) <= {200, 201, 204}
    last = client.request("GET", "Patient/contested").status
    assert last in (200, 410)
    assert len(client.found(f"Patient?identifier={token('contested')}")) == (1 if last == 200 else 0)
