"""One file: resumed where it stopped, refused entries set aside. The server is a list of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.load.journal import Journal
from hub.load.one_file import Result, load_file
from hub.load.sinks import Answer, TargetLost

ENTRIES = [
    {"fullUrl": f"urn:uuid:{n}", "request": {"method": "POST", "url": "Patient"},
     "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:s", "value": f"v|{n}"}]}}
    for n in range(3)
]  # fmt: skip
GOOD = Answer(200, {"resourceType": "Bundle", "entry": [{"response": {"status": "201 Created"}}] * 3})


def outcome(position: int) -> Any:
    issue = {
        "severity": "error",
        "code": "x",
        "diagnostics": "bad",
        "expression": [f"Bundle.entry[{position}].resource"],
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}


class FakeSink:
    def __init__(self, *answers: Answer | Exception, matches: int = 0) -> None:
        self.answers, self.matches = list(answers), matches
        self.sent: list[dict[str, Any]] = []
        self.asked: list[list[tuple[str, str]]] = []

    async def send(self, bundle: bytes) -> Answer:
        self.sent.append(json.loads(bundle))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def count(self, resource_type: str, query: list[tuple[str, str]]) -> int:
        self.asked.append(query)
        return self.matches

    async def close(self) -> None:
        pass


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.of_url(tmp_path, "http://server/fhir")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": ENTRIES}, indent=1))
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "Patient.ndjson"
    path.write_text("\n".join(json.dumps({"resourceType": "Patient", "id": str(n)}) for n in range(3)))
    return path


async def run(path: Path, sink: FakeSink, journal: Journal) -> Result:
    return await load_file(path, sink, journal, lambda count: None)


async def test_a_second_run_sends_nothing(bundle: Path, journal: Journal) -> None:
    first = await run(bundle, FakeSink(GOOD), journal)
    assert (first.stored, first.before, first.refused) == (3, 0, [])
    second = await run(bundle, FakeSink(), journal)
    assert (second.stored, second.before, second.refused) == (0, 3, [])


async def test_another_target_has_its_own_journal(bundle: Path, journal: Journal, tmp_path: Path) -> None:
    await run(bundle, FakeSink(GOOD), journal)
    other = await run(bundle, FakeSink(GOOD), Journal.of_url(tmp_path, "http://other/fhir"))
    assert other.stored == 3


@pytest.mark.parametrize(("matches", "sent"), [(0, 1), (1, 0)])
async def test_unseen_answer_is_looked_up(bundle: Path, journal: Journal, matches: int, sent: int) -> None:
    with pytest.raises(TargetLost):
        await run(bundle, FakeSink(TargetLost("gone")), journal)
    sink = FakeSink(GOOD, matches=matches)
    result = await run(bundle, sink, journal)
    assert len(sink.sent) == sent
    assert result.stored + result.before == 3
    assert ("identifier", "urn:s|v\\|0") in sink.asked[0]


async def test_a_refused_transaction_is_reported_by_line_and_tried_again(bundle: Path, journal: Journal) -> None:
    result = await run(bundle, FakeSink(Answer(422, outcome(1))), journal)
    lines = bundle.read_text().splitlines()
    assert result.stored == 0
    assert "urn:uuid:1" in lines[result.refused[0].line]
    assert result.refused[0].reason == "Bundle.entry[1].resource: bad"
    assert not result.again
    assert (await run(bundle, FakeSink(GOOD), journal)).stored == 3


async def test_plain_resources_get_through_one_by_one(plain: Path, journal: Journal) -> None:
    good = {"response": {"status": "201"}}
    bad = {"response": {"status": "422", "outcome": outcome(0)}}
    batch = Answer(200, {"resourceType": "Bundle", "entry": [good, bad, good]})
    sink = FakeSink(Answer(422, outcome(1)), batch)
    result = await run(plain, sink, journal)
    assert [sent["type"] for sent in sink.sent] == ["transaction", "batch"]
    assert (result.stored, [fault.line for fault in result.refused], result.again) == (2, [2], True)

    # The next run sends the one that is missing, and no other.
    sink = FakeSink(Answer(200, {"resourceType": "Bundle", "entry": [good]}))
    result = await run(plain, sink, journal)
    assert [entry["request"]["url"] for entry in sink.sent[0]["entry"]] == ["Patient/1"]
    assert (result.stored, result.before, result.refused) == (1, 2, [])
    assert (await run(plain, FakeSink(), journal)).before == 3


async def test_unreadable_file_is_reported(tmp_path: Path, journal: Journal) -> None:
    (tmp_path / "x.json").write_text("{")
    result = await run(tmp_path / "x.json", FakeSink(), journal)
    assert len(result.refused) == 1
    assert "line 1" in result.refused[0].reason


async def test_journal_in_the_database(bundle: Path, bare_database: str) -> None:
    journal = Journal.of_database(bare_database)
    assert (await run(bundle, FakeSink(GOOD), journal)).stored == 3
    journal.close()
    journal = Journal.of_database(bare_database)
    assert (await run(bundle, FakeSink(), journal)).before == 3
    journal.close()
