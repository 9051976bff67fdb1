"""Bundles on their way: what passes is waited for, what stays wrong is a line's fault."""

from __future__ import annotations

import httpx2
import orjson
import pytest

from adapters.fhir_client import FhirClient
from adapters.partner_errors import PartnerUnavailable
from batch import apply
from batch.apply import Piece, send


def outcome(status: int, code: str) -> httpx2.Response:
    issue = {"severity": "error", "code": code, "diagnostics": "..."}
    return httpx2.Response(status, content=orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]}))


def answered(*answers: httpx2.Response) -> tuple[FhirClient, list[httpx2.Request]]:
    """A client of a server that answers so, the last one for ever."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return answers[min(len(seen), len(answers)) - 1]

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return FhirClient(http, "http://hub.example/fhir"), seen


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "FIRST_PAUSE", 0.0)


STORED = httpx2.Response(200, content=b'{"resourceType":"Bundle","type":"transaction-response"}')
PIECES = [Piece(number, [b'{"request":{"method":"PUT","url":"Patient/%d"}}' % number]) for number in (1, 2)]


@pytest.mark.parametrize("code", ["transient", "lock-error", "timeout", "throttled"])
async def test_a_bundle_that_meets_its_earlier_self_is_sent_again(code: str) -> None:
    client, seen = answered(outcome(409, code), outcome(503, "transient"), STORED)
    assert await send(client, PIECES) == {}
    assert len({one.content for one in seen}) == 1
    assert len(seen) == 3


async def test_what_does_not_pass_is_told_and_no_line_is_refused() -> None:
    client, seen = answered(outcome(409, "transient"))
    with pytest.raises(PartnerUnavailable):
        await send(client, PIECES)
    assert len(seen) == apply.ATTEMPTS


async def test_a_fault_is_found_by_halving() -> None:
    client, seen = answered(outcome(409, "duplicate"), STORED, outcome(409, "duplicate"))
    found = await send(client, PIECES)
    assert list(found) == [2]
    assert len(seen) == 3
