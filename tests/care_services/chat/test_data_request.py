"""What is asked for in a conversation stands among the person's requests, and whoever decides them can decide it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from care_services.chat.conversation import Conversation, Desk, Turn
from care_services.chat.recorded.data_request import CLASSES
from care_services.chat.recorded.place import Place
from care_services.chat.recorded.task import task
from care_services.triage.rule_set import rules
from fhir_server.privacy import retention
from fhir_server.privacy.requests import kind_of
from mappings.identifiers import Systems
from tests.fhir_server.privacy.conftest import Hub, hub

Json = Any

__all__ = ["hub"]


def requested(asked: str, patient: str) -> Json:
    talk = {"id": "t", "identifier": [{"value": "100:5517988880001"}], "for": {"reference": f"Patient/{patient}"}}
    place = Place(talk, "m", "Communication/m", Systems(), rules(), datetime.now(UTC), "Device/d")
    desk = Desk("data-subject-request", "routine", 60, asked)
    made = task(desk, Turn(Conversation(protocol="1")), {"display": "a message"}, {}, place)
    return {name: value for name, value in made.items() if name not in ("partOf", "requester")}


def test_all_classes_of_data_are_asked_for() -> None:
    assert tuple(retention.CLASSES) == CLASSES


@pytest.mark.parametrize(
    ("asked", "kind"), [("erase", "erasure"), ("correct", "rectification"), ("own-data", None)]
)  # fmt: skip
def test_it_is_of_the_kind_that_was_asked_for(asked: str, kind: str | None) -> None:
    assert kind_of(requested(asked, "ana")) == kind


@pytest.mark.parametrize(
    ("asked", "officer", "status"),
    [
        ("erase", "officer, second factor shown", "completed"),
        ("correct", "officer", "accepted"),
    ],
)
async def test_it_is_listed_and_decided(hub: Hub, asked: str, officer: str, status: str) -> None:
    code, made, _ = await hub.ask("operator", "Task", "POST", requested(asked, "ana"))
    assert code == 201, made
    id = made["id"]
    _, listed, _ = await hub.ask("ana", "Patient/ana/$data-requests")
    assert [one["resource"]["id"] for one in listed["entry"]] == [id]
    code, decided, _ = await hub.ask(officer, f"Task/{id}/$decide", decision="accept", reason="a pessoa pediu")
    assert (code, decided["status"]) == (200, status)
    if asked == "erase":
        told = {each["code"] for one in decided["output"] for each in one["type"]["coding"]}
        assert {"erased", "kept"} & told
