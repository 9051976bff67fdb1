"""What patients are told of an event: names, roles, purposes, kinds; and of nobody else's record."""

from __future__ import annotations

from fhir_server.access.policies import SHIPPED
from fhir_server.audit.event import Event
from fhir_server.audit.resource import audit_event
from fhir_server.audit.told import Agent, Agents, kinds_of, told

NAMES = {1: ("Patient", "ana"), 2: ("Observation", "o"), 3: ("Condition", "c")}
AGENTS = Agents({"s": Agent("Rosa", ("nurse",), "Practitioner/rosa")}, {"app": "Ward"})
SEEN = Event(0, "search-type", 200, "Observation", "s", "app", seen=((2, 1), (3, 1)), patients=(1,))


def test_a_person_with_role_and_purpose() -> None:
    bare = SEEN._replace(seen=())
    found = told(audit_event(1, bare, NAMES), bare, AGENTS, kinds_of(SEEN, NAMES), SHIPPED)
    person, app = found["agent"]
    assert (person["name"], person["role"][0]["coding"][0]["code"]) == ("Rosa", "nurse")
    assert person["who"] == {"identifier": {"system": "urn:fhir-hub:subject", "value": "s"},
                             "reference": "Practitioner/rosa"}  # fmt: skip
    assert [one["coding"][0]["code"] for one in person["purposeOfUse"]] == ["TREAT"]
    assert app["name"] == "Ward"
    assert [one["valueString"] for one in found["entity"][0]["detail"]] == ["Condition", "Observation"]


def test_an_emergency_stays_one() -> None:
    event = SEEN._replace(purpose="BTG")
    found = told(audit_event(1, event, NAMES), event, AGENTS, (), SHIPPED)
    assert [one["coding"][0]["code"] for one in found["agent"][0]["purposeOfUse"]] == ["BTG"]


def test_of_strangers_nothing_is_said() -> None:
    event = SEEN._replace(subject="gone", client="other", seen=())
    found = told(audit_event(1, event, NAMES), event, AGENTS, kinds_of(event, NAMES), SHIPPED)
    assert "name" not in found["agent"][0]
    assert found["agent"][1]["name"] == "other"
    assert [one["valueString"] for one in found["entity"][0]["detail"]] == ["Observation"]
