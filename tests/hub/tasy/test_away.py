"""While Tasy is away: provisional answers, protocol numbers at once, and a queue that loses and doubles nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from messages.states import State
from tests.hub.tasy.conftest import PROVIDERS, SID, Joined, claim, eventually, question


def test_5_while_tasy_is_away_answers_are_provisional(both: Joined) -> None:
    known, unknown = both.member(8), both.member(9)
    assert both.submit(question(known))["outcome"] == "complete"
    both.put({"resourceType": "Coverage", "id": f"seg-{unknown['segurado']['nr_seq_segurado']}", "status": "cancelled",
              "payor": [{"display": "Plano"}], "subscriberId": unknown["carteira"]["cd_usuario_plano"],
              "beneficiary": {"reference": f"Patient/pf-{unknown['segurado']['cd_pessoa_fisica']}"}})  # fmt: skip
    both.tasy.go()
    try:
        with ThreadPoolExecutor(10) as threads:
            answers = list(threads.map(both.submit, [question(known) for _ in range(25)]))
        assert not both.submit(question(unknown))["insurance"][0]["inforce"]
        circuit = eventually(lambda: both.partner("circuit", "eligibility")["state"] == "open")
        assert circuit
    finally:
        both.tasy.come()
    for answer in answers:
        marks = {one["url"].rpartition("/")[2] for one in answer["extension"]}
        assert marks == {"provisorio", "conhecido-em"}
        assert (answer["outcome"], answer["insurance"][0]["inforce"]) == ("partial", True)
        assert answer["disposition"].startswith("Provisória: conforme o que se sabia há 0 h 0")


def test_5_a_queue_drains_once_and_in_order_though_the_worker_is_killed(both: Joined) -> None:
    for one in PROVIDERS:
        both.put(one)
    members = [both.member(number) for number in range(10, 16)]
    both.tasy.go()
    try:
        with ThreadPoolExecutor(6) as threads:
            taken = list(threads.map(lambda n: _five(both, members[n], n), range(6)))
    finally:
        both.tasy.come()
    for responses in taken:
        for one in responses:
            assert one["outcome"] == "queued"
            assert _number(one, "protocolo")
    assert len({_number(one, "protocolo") for responses in taken for one in responses}) == 30
    eventually(lambda: len(both.tasy.installation.guides.by_key) >= 5, 60)
    both.kill_worker()
    for n, responses in enumerate(taken):
        keys = [_number(_decided(both, one["id"]), "tasy/guia") for one in responses]
        assert keys == sorted(keys), n
    assert len(both.tasy.installation.guides.by_key) == 30
    delivered = both.message(flow="RT-2", states=[State.ENTREGUE])
    assert len([one for one in delivered if one.direction == "out"]) == 30


def _five(both: Joined, member: Any, number: int) -> list[Any]:
    """Five guides of a member, one after the other."""
    return [both.submit(claim(member, f"AWAY-{number}-{place}")) for place in range(5)]


def _decided(both: Joined, id: str) -> Any:
    def look() -> Any:
        found = both.hub.client.get(f"ClaimResponse/{id}")
        return found if found["outcome"] == "complete" else None

    return eventually(look, 90)


def _number(response: Any, name: str) -> str:
    return next((one["value"] for one in response["identifier"] if one["system"] == f"{SID}/{name}"), "")
