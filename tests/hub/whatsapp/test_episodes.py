"""Episodes end 24 h after the last level that was told; those of emergencies by a person alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.fhir_client import FhirClient
from care_services.chat.recorded.encounter import EMERGENCY
from hub.whatsapp.episodes import close
from tests.fhir_server.conftest import serving

Json = Any

TOLD = datetime.now(UTC).replace(microsecond=0)


def encounter(**more: Json) -> Json:
    history = [{"status": "in-progress", "period": {"start": TOLD.isoformat(), "end": TOLD.isoformat()}}]
    kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}
    return {
        "resourceType": "Encounter", "status": "triaged", "class": kind, "statusHistory": history,
        "period": {"start": TOLD.isoformat()}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(("episode", "status"), [(2, "triaged"), (3, "finished")])
async def test_an_emergency_is_over_when_a_person_says_so(module_database: str, episode: int, status: str) -> None:
    async with serving(module_database) as http:
        record = FhirClient(http, str(http.base_url))
        known = {"type": {"text": "conversation"}, "valueString": json.dumps({"episode": episode})}
        talk = await record.create(
            {"resourceType": "Task", "status": "in-progress", "intent": "order", "input": [known],
             "businessStatus": {"text": "open"}}
        )  # fmt: skip
        named = [{"system": "https://austa.example/fhir/sid/conversa-episodio", "value": f"{talk['id']}.2"}]
        made = await record.create(encounter(priority=EMERGENCY, identifier=named))
        await close(record, TOLD + timedelta(hours=25))
        assert (await record.read(f"Encounter/{made['id']}"))["status"] == status


@pytest.mark.parametrize(
    ("resource", "hours", "status"),
    [
        (encounter(), 25, "finished"),
        (encounter(), 23, "triaged"),
        (encounter(priority=EMERGENCY), 99, "triaged"),
        (encounter(status="in-progress"), 99, "in-progress"),
    ],
)
async def test_what_is_over_is_closed(module_database: str, resource: Json, hours: int, status: str) -> None:
    async with serving(module_database) as http:
        record = FhirClient(http, str(http.base_url))
        made = await record.create(resource)
        await close(record, TOLD + timedelta(hours=hours))
        after = await record.read(f"Encounter/{made['id']}")
        assert after["status"] == status
        assert ("end" in after["period"]) == (status == "finished")
