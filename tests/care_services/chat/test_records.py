"""What a turn leaves in the record, for every level: one transaction that the hub itself finds valid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
import pytest

from care_services.chat.conversation import Concluded, Conversation, Turn
from care_services.chat.recorded import conversation
from care_services.chat.recorded.communication_request import overtaken
from care_services.chat.recorded.device import device
from care_services.chat.recorded.encounter import closes, emergency
from care_services.chat.recorded.place import Place
from care_services.chat.records import entries
from care_services.triage.levels import LEVELS
from care_services.triage.rule_set import rules
from care_services.triage.state import Known
from mappings.identifiers import Systems
from tests.care_services.chat.talking import NOON, Member
from tests.fhir_server.conftest import serving

Json = Any

SYSTEMS = Systems()
STORIES = {
    "emergency": ("minha mãe acordou com a boca torta",),
    "very-urgent": ("desmaiei agora há pouco",),
    "urgent": ("estou com febre de 38,5 desde ontem, pressão 15 por 9 e glicemia 180", "mim", "80", "Nenhum destes"),
    "less-urgent": ("dor de garganta", "mim", "30", "Nenhum destes"),
    "non-urgent": ("nariz escorrendo", "mim", "30", "Nenhum destes"),
}
KINDS = {
    "emergency": {"Flag"},
    "very-urgent": {"Flag"},
    "urgent": {"Observation"},
    "less-urgent": {"Appointment"},
    "non-urgent": set[str](),
}
ALWAYS = {"Encounter", "QuestionnaireResponse", "RiskAssessment", "Provenance", "Task", "CommunicationRequest"}
CHECK_INS = {"very-urgent": 2, "urgent": 6, "non-urgent": 48}


@pytest.fixture
async def client(module_database: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(module_database) as client:
        yield client


class Talking:
    """A member whose turns go into a record."""

    def __init__(self, client: httpx2.AsyncClient, phone: str) -> None:
        self._client, self._member, self._phone = client, Member(), phone
        self.made: list[Json] = []
        self._mild = False

    async def _post(self, resource: Json, **headers: str) -> Json:
        answer = await self._client.post(resource["resourceType"], json=resource, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def writes(self, text: str) -> None:
        sender = {"identifier": {"system": SYSTEMS.sid("telefone"), "value": self._phone}}
        number = {"identifier": {"system": SYSTEMS.sid("whatsapp/numero"), "value": "100"}}
        sent = {"resourceType": "Communication", "status": "completed", "sender": sender, "recipient": [number]}
        message = await self._post(sent)
        key = conversation.key(message, SYSTEMS)
        assert key is not None
        once = {"If-None-Exist": f"identifier={SYSTEMS.sid('whatsapp/conversa')}|{key}"}
        task = await self._post(conversation.begun(message, key, SYSTEMS), **once)
        own = await self._post(device(SYSTEMS), **{"If-None-Exist": f"identifier={SYSTEMS.sid('servico')}|chat"})
        came = self._member.hears(replace(self._member.message(text), id=message["id"]))
        if self._mild:
            came = _milder(came)
        at = datetime.fromtimestamp(NOON, UTC)
        place = Place(
            task, message["id"], f"Communication/{message['id']}", SYSTEMS, rules(), at, f"Device/{own['id']}"
        )
        state = msgspec.json.encode(came.conversation).decode()
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries(came, state, place)}
        answer = await self._client.post("", json=bundle, headers={"Prefer": "return=representation"})
        assert answer.status_code == 200, answer.text
        self.made = [one["resource"] for one in answer.json()["entry"]]

    def extracts(self, code: str, quote: str) -> None:
        """A model read it."""
        state = self._member.now.interview
        known = {**state.findings, code: Known(True, "extracted", quote)}
        self._member.now = replace(self._member.now, interview=replace(state, findings=known))

    async def reaches(self, level: str) -> None:
        self._mild = level == LEVELS[0]
        story, *answers = STORIES[level]
        await self.writes(story)
        for one in answers:
            await self.writes(one)
        for _ in range(30):
            if self._member.levels:
                break
            await self.writes("não")
        self._mild = False
        [risk] = self.of("RiskAssessment")
        assert risk["prediction"][0]["qualitativeRisk"]["coding"][0]["code"] == level

    def of(self, kind: str) -> list[Json]:
        return [one for one in self.made if one["resourceType"] == kind]


def _milder(came: Turn) -> Turn:
    """A level that no rule of this version reaches, as if one did."""
    effects = [replace(one, level=LEVELS[0]) if isinstance(one, Concluded) else one for one in came.effects]
    return replace(came, effects=tuple(effects))


@pytest.mark.parametrize("level", STORIES)
async def test_every_level_leaves_what_the_hub_finds_valid(client: httpx2.AsyncClient, level: str) -> None:
    member = Talking(client, f"55179888800{len(level)}")
    await member.reaches(level)
    assert {one["resourceType"] for one in member.made} == ALWAYS | KINDS[level]
    for one in member.made:
        answer = await client.post(f"{one['resourceType']}/$validate", json=one)
        issues = [issue for issue in answer.json()["issue"] if issue["severity"] in ("error", "fatal")]
        assert not issues, (one["resourceType"], issues)
    [encounter], [risk], [answers] = (
        member.of(kind) for kind in ("Encounter", "RiskAssessment", "QuestionnaireResponse")
    )
    assert encounter["status"] == "triaged"
    assert encounter["class"]["code"] == "VR"
    assert ("priority" in encounter) == (level == "emergency")
    assert risk["encounter"] == answers["encounter"] == {"reference": f"Encounter/{encounter['id']}"}
    assert risk["basis"][0] == {"reference": f"QuestionnaireResponse/{answers['id']}"}
    assert len(risk["basis"]) == 1 + sum(len(one["answer"]) for one in answers["item"])
    assert answers["questionnaire"].endswith(f"|{rules().version}")
    [person] = [one for one in member.of("Task") if "focus" in one]
    assert person["focus"] == risk["encounter"]
    kinds = {each["code"] for one in person["input"] for each in one["type"].get("coding", ())}
    assert {"level", "reason", "said", "answers", "assessment"} <= kinds
    [provenance] = member.of("Provenance")
    assert {one["reference"].partition("/")[0] for one in provenance["target"]} >= {"RiskAssessment"} | KINDS[level]


async def test_where_somebody_is_stands_in_tasks_of_professionals_alone(client: httpx2.AsyncClient) -> None:
    member = Talking(client, "5517988880103")
    await member.reaches("very-urgent")
    await member.writes("estou em Mirassol, rua das flores 100")
    [nurse] = [one for one in member.of("Task") if "focus" in one]
    told = {each["code"]: one["valueString"] for one in nurse["input"] for each in one["type"]["coding"]
            if each["code"] in ("position", "place")}  # fmt: skip
    assert told == {"place": "estou em Mirassol, rua das flores 100"}
    await member.writes("meus dados")
    [privacy] = [one for one in member.of("Task") if "focus" in one]
    assert "flores" not in str(privacy)


async def test_reported_numbers_are_kept_with_their_units(client: httpx2.AsyncClient) -> None:
    member = Talking(client, "5517988880101")
    await member.reaches("urgent")
    values = {}
    for one in member.of("Observation"):
        assert one["status"] == "preliminary"
        for part in one.get("component", [one]):
            quantity = part["valueQuantity"]
            values[part["code"]["coding"][0]["code"]] = (quantity["value"], quantity["code"])
    assert values == {
        "8310-5": (38.5, "Cel"),
        "8480-6": (150, "mm[Hg]"),
        "8462-4": (90, "mm[Hg]"),
        "41653-7": (180, "mg/dL"),
    }


@pytest.mark.parametrize("level", STORIES)
async def test_who_is_not_seen_at_once_is_asked_how_they_are(client: httpx2.AsyncClient, level: str) -> None:
    member = Talking(client, f"55179888802{len(level)}")
    await member.reaches(level)
    asked = [one for one in member.of("CommunicationRequest") if "occurrenceDateTime" in one]
    hours = [
        (datetime.fromisoformat(one["occurrenceDateTime"]) - datetime.fromisoformat(one["authoredOn"])).total_seconds()
        for one in asked
    ]
    assert hours == ([CHECK_INS[level] * 3600] if level in CHECK_INS else [])


async def test_an_episode_is_one_encounter_that_becomes_an_emergency(client: httpx2.AsyncClient) -> None:
    member = Talking(client, "5517988880301")
    await member.reaches("non-urgent")
    [first] = member.of("Encounter")
    assert closes(first) == datetime.fromtimestamp(NOON + 24 * 3600, UTC)
    await member.writes("agora desmaiou e não acorda")
    [second] = member.of("Encounter")
    assert (second["id"], second["priority"]["coding"][0]["code"]) == (first["id"], "EM")
    assert emergency(second)  # a person ends it


async def test_what_a_model_read_is_labelled_and_named(client: httpx2.AsyncClient) -> None:
    member = Talking(client, "5517988880401")
    member.extracts("mild_story", "dor de garganta")
    await member.reaches("less-urgent")
    for kind in ("RiskAssessment", "Provenance"):
        [one] = member.of(kind)
        assert [label["code"] for label in one["meta"]["security"]] == ["AIAST"]
    assert len(member.of("Provenance")[0]["agent"]) == 2


@pytest.mark.parametrize(
    ("talk", "asked"),
    [
        (Conversation("concluded", told="urgent", told_at=NOON - 5), True),
        (Conversation("safety", told="urgent", told_at=NOON - 5), True),
        (Conversation("human", told="urgent", told_at=NOON - 5), False),
        (Conversation("concluded", told="urgent", told_at=NOON - 5, taken=True), False),
        (Conversation("emergency", told="emergency", told_at=NOON - 5), False),
        (Conversation("concluded", told="very-urgent", told_at=NOON + 60), False),
        (Conversation("open"), False),
    ],
)
def test_a_check_in_is_asked_only_if_nothing_came_between(talk: Conversation, asked: bool) -> None:
    assert (overtaken(talk, datetime.fromtimestamp(NOON, UTC)) is None) is asked
