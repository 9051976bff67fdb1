"""Lost races are run again, refusals of the store told without values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from fhir_server.commit import ATTEMPTS, settle, told
from fhir_server.exchange import FhirResponse
from fhir_server.outcome import Conflict, Unprocessable
from fhir_server.store_errors import MissingReferences, RetryTransaction, StillReferenced, VersionConflict
from fhir_server.turns import Turns

BASE = "http://example.org/fhir"


def server() -> Any:
    return SimpleNamespace(turns=Turns())


@pytest.mark.parametrize("error", [VersionConflict, RetryTransaction])
async def test_a_lost_race_is_run_again(error: Callable[[], Exception]) -> None:
    tries = 0

    async def attempt() -> FhirResponse:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise error()
        return FhirResponse(200)

    assert (await settle(server(), "key", attempt)).status == 200


async def test_but_not_forever() -> None:
    async def attempt() -> FhirResponse:
        raise VersionConflict

    with pytest.raises(Conflict):
        await asyncio.wait_for(settle(server(), "key", attempt), 5)
    assert ATTEMPTS < 100


def test_missing_references_name_elements_only() -> None:
    observation = {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/secret"},
        "performer": [{"reference": "Practitioner/x"}, {"reference": f"{BASE}/Patient/secret"}],
        "hasMember": [{"reference": "Observation/there"}],
    }
    with pytest.raises(Unprocessable) as caught, told(BASE, [{"resourceType": "Patient"}, observation]):
        raise MissingReferences([(1, "Patient/secret"), (1, "Practitioner/x")])
    assert [(issue.code, issue.expression) for issue in caught.value.issues] == [
        ("not-found", ("Observation.subject", "Observation.performer[1]")),
        ("not-found", ("Observation.performer[0]",)),
    ]
    assert "secret" not in str(caught.value)


def test_who_still_refers_is_not_told() -> None:
    with pytest.raises(Conflict) as caught, told(BASE, []):
        raise StillReferenced("AuditEvent")
    assert "AuditEvent" not in str(caught.value)
