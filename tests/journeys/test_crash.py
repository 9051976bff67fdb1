"""The server is killed in the middle of its work; afterwards each transaction is whole or absent.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.hub_process import HubProcess, Unreachable
from tests.journeys.crowd import family, patient, token

TRANSACTIONS = 200
CLIENTS = 8
OBSERVATIONS = 6
KILL_AFTER = 60


def test_killed_amid_transactions_each_is_whole_or_absent(lone_hub: HubProcess) -> None:
    client, answered, enough = lone_hub.client, set[int](), threading.Event()
    lost: list[int] = []

    def post(number: int) -> None:
        try:
            answer = client.request("POST", "", family(f"crash-{number}", OBSERVATIONS))
        except Unreachable:
            lost.append(number)
            return
        assert answer.status == 200, answer.body
        answered.add(number)
        if len(answered) >= KILL_AFTER:
            enough.set()

    def kill() -> None:
        enough.wait(120)
        lone_hub.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(post, range(TRANSACTIONS)))
    killer.join()
    assert lost, "the server was to be killed before the last transaction"
    lone_hub.start()

    present = set()
    for number in range(TRANSACTIONS):
        patients = client.found(f"Patient?identifier={token(f'crash-{number}')}")
        observations = client.found(f"Observation?code={token(f'crash-{number}')}")
        assert (len(patients), len(observations)) in ((1, OBSERVATIONS), (0, 0)), f"transaction {number} is half there"
        if patients:
            present.add(number)
            reference = f"Patient/{patients[0]['id']}"
            assert {row["subject"]["reference"] for row in observations} == {reference}
            assert len(client.found(f"Observation?patient={patients[0]['id']}")) == OBSERVATIONS
    assert answered <= present, "an answered transaction is gone"

    # It goes on as before: what was lost can be sent again, conditionally.
    for number in lost[:5]:
        headers = {"If-None-Exist": f"identifier={token(f'crash-{number}')}"}
        answer = client.request("POST", "Patient", patient(f"crash-{number}"), headers)
        assert answer.status == (200 if number in present else 201)
