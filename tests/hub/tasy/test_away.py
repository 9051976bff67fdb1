"""While Tasy is away: provisional answers, protocol numbers at once, and a queue that loses and doubles nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.hub.tasy.conftest import Joined, eventually, question


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
