"""Rows of the page, from what the FHIR operations answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apps.privacy.record import access_row, read, request_row, title
from apps.privacy.words import moment
from apps.smart.reader import NotAllowed, Unavailable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-28T02:30:00.000Z", "27/11/2026 23:30"),
        ("2026-11-28T12:00:00-03:00", "28/11/2026 12:00"),
        ("2026-11-28", "28/11/2026"),
        ("2026", "2026"),
        ("", ""),
    ],
)
def test_moments(text: str, expected: str) -> None:
    assert moment(text) == expected


def event(**more: Any) -> dict[str, Any]:
    agent = {"who": {"identifier": {"value": "s"}}} | more.pop("agent", {})
    return {"id": more.pop("id", "5"), "recorded": "2026-11-28T12:00:00Z", "action": "R", "agent": [agent]} | more


@pytest.mark.parametrize(
    ("found", "who", "role", "verb", "kinds", "why"),
    [
        (event(), "serviço da operadora", "", "consultou", "", ""),
        (
            event(
                agent={"name": "Dra. Rosa", "role": [{"coding": [{"code": "physician"}]}],
                       "purposeOfUse": [{"coding": [{"code": "TREAT"}]}]},
                entity=[{"detail": [{"type": "kind", "valueString": "Condition"},
                                    {"type": "kind", "valueString": "Basic"}]}],
            ),
            "Dra. Rosa", "médico(a)", "consultou", "diagnósticos, Basic", "atendimento",
        ),
        (event(action="D", agent={"name": "x", "role": [{"coding": [{"code": "new-role"}]}]}), "x", "new-role",
         "apagou", "", ""),
    ],
)  # fmt: skip
def test_accesses(found: dict[str, Any], who: str, role: str, verb: str, kinds: str, why: str) -> None:
    row = access_row(found)
    assert (row.who, row.role, row.verb, row.kinds, row.why) == (who, role, verb, kinds, why)


def test_an_emergency_is_told() -> None:
    assert access_row(event(agent={"purposeOfUse": [{"coding": [{"code": "BTG"}]}]})).emergency


def test_requests() -> None:
    task = {
        "resourceType": "Task", "id": "t", "status": "completed", "code": {"coding": [{"code": "data-subject-request"},
        {"code": "erasure"}]}, "authoredOn": "2026-11-28T12:00:00Z", "statusReason": {"text": "por lei"},
        "restriction": {"period": {"end": "2026-12-13T12:00:00Z"}},
        "input": [{"type": {"coding": [{"code": "class"}]}, "valueCode": "consented"}],
        "output": [
            {"type": {"coding": [{"code": "table"}]}, "valueString": "2026-1"},
            {"type": {"coding": [{"code": "erased"}, {"code": "consented"}]}, "valueUnsignedInt": 3},
            {"type": {"coding": [{"code": "kept"}, {"code": "chart"}]}, "valueUnsignedInt": 7},
        ],
    }  # fmt: skip
    row = request_row(task, {}, {"chart": "Prontuário"})
    assert (row.what, row.state, row.open, row.reason) == ("Eliminação de dados", "concluído", False, "por lei")
    assert row.came == ("eliminados: 3 (consented)", "mantidos por lei ou por uso: 7 (Prontuário)")


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Patient"}, "os seus dados de cadastro"),
        ({"resourceType": "Condition", "code": {"coding": [{"display": "Asma"}]}}, "Asma"),
        ({"resourceType": "Observation", "code": {"text": "Peso"}, "effectiveDateTime": "2026-01-31"},
         "Peso (31/01/2026)"),
        ({"resourceType": "Basic"}, "Basic"),
    ],
)  # fmt: skip
def test_titles(resource: dict[str, Any], expected: str) -> None:
    assert title(resource) == expected


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_cannot_be_read_is_told_so(error: type[Exception]) -> None:
    async def get(url: str) -> dict[str, Any]:
        raise error

    found = asyncio.run(read(get, "p"))
    assert (found.consents, found.accesses, found.classes, found.requests, found.choices) == (None,) * 4 + ((),)


def test_accesses_of_the_person_are_left_out_and_pages_go_on() -> None:
    own = {"who": {"reference": "Patient/p"}}
    pages = {
        None: [event(id=str(number), agent=own) for number in range(300, 200, -1)],
        "200": [event(id=str(number)) for number in range(200, 100, -1)],
    }

    async def get(url: str) -> dict[str, Any]:
        if "$access-report" not in url:
            raise NotAllowed
        events = pages[url.partition("&from=")[2] or None]
        links = [{"relation": "next", "url": "x"}]
        return {"entry": [{"resource": one} for one in events], "link": links}

    found = asyncio.run(read(get, "p")).accesses
    assert found is not None
    assert (len(found.rows), found.older) == (25, "175")
    both = asyncio.run(read(get, "p", own=True)).accesses
    assert both is not None
    assert both.older == "275"
