"""A person writes on the simulated telephone and is answered there: webhook, record, engine, sending, over sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from adapters.fhir_client import FhirClient, FhirRefused
from care_services.chat.thoughts import SECOND_HALF
from fhir_server.events.delivery import Fault
from fhir_server.events.event import Event
from hub.ledger import Ledger
from hub.own_clients import CHAT, WHATSAPP, door
from hub.sealing_key import bodies
from hub.tasy.site import site
from hub.whatsapp.answering import Answering, Open
from hub.whatsapp.conversing import Conversing, drawing, stored
from hub.whatsapp.heard import heard
from hub.whatsapp.sending import Sending
from hub.whatsapp.under_way import UnderWay
from hub.whatsapp.waiting import Line
from hub.whatsapp.waiting import heard as waits
from mappings.identifiers import Systems
from mappings.whatsapp.communication import to_communication
from mappings.whatsapp.webhook import Message, Sender
from messages.unanswered import Unanswered
from tests.hub.whatsapp.joined import Joined, joined_hub

Json = Any
SECONDS = 30.0


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    with joined_hub(Path(tmp_path_factory.mktemp("hub")), module_database) as found:
        yield found


@pytest.fixture
async def record(joined: Joined) -> AsyncIterator[FhirClient]:
    async with door(joined.settings, CHAT) as record:
        yield record


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        yield http


async def until(found: Callable[[], Awaitable[Any]]) -> Any:
    """What is found, once it is."""
    async with asyncio.timeout(SECONDS):
        while not (there := await found()):  # noqa: ASYNC110 - the record has no event for it
            await asyncio.sleep(0.1)
    return there


class Phone:
    """Somebody's telephone."""

    def __init__(self, joined: Joined, http: httpx2.AsyncClient, number: str) -> None:
        self._url, self._http = f"{joined.phone}/_simulador/conversas/{number}", http

    async def writes(self, text: str) -> str:
        """The channel's id of it."""
        return await self._post({"type": "text", "text": {"body": text}})

    async def shares(self, place: Json) -> None:
        await self._post({"type": "location", "location": place})

    async def edits(self, id: str, text: str) -> None:
        message = {"type": "text", "text": {"body": text}}
        await self._post({"type": "edit", "edit": {"original_message_id": id, "message": message}})

    async def takes_back(self, id: str) -> None:
        await self._post({"type": "revoke", "revoke": {"original_message_id": id}})

    async def taps(self, title: str) -> None:
        content = (await self.received())[-1]["interactive"]
        action = content["action"]
        all_ = [one["reply"] for one in action.get("buttons", ())]
        all_ += [row for one in action.get("sections", ()) for row in one["rows"]]
        chosen = next(one for one in all_ if one["title"] == title)
        kind = "button_reply" if "buttons" in action else "list_reply"
        await self._post({"type": "interactive", "interactive": {"type": kind, kind: chosen}})

    async def _post(self, content: Json) -> str:
        answer = await self._http.post(self._url, json={"nome": "Ana", "conteudo": content})
        assert answer.status_code == 202
        return str(answer.json()["id"])

    async def received(self) -> list[Json]:
        """What the business said."""
        lines = (await self._http.get(self._url)).json()["linhas"]
        return [one["content"] for one in lines if not one["mine"]]

    async def hears(self, count: int) -> str:
        """The text that is the so-manieth."""

        async def enough() -> Json:
            found = await self.received()
            return found[count - 1 :] if len(found) >= count else None

        [last] = await until(enough)
        return words(last)


def words(said: Json) -> str:
    """The text of what the business said."""
    return str(said["text"]["body"] if "text" in said else said["interactive"]["body"]["text"])


def communication(number: str, text: str, systems: Systems) -> Json:
    """What somebody wrote, without the channel's id: the hub leaves it alone."""
    who = Sender(user=None, phone=number)
    message = Message("x", "100000000000001", who, int(time.time()), "text", text=text)
    made = to_communication(message, systems, received=datetime.now(UTC))
    return {name: value for name, value in made.items() if name != "identifier"}


def keep(connection: psycopg.Connection[Any], fault: Fault) -> None:
    """Nothing is to come to people."""
    raise AssertionError(fault.reason)


async def found(record: FhirClient, kind: str, **criteria: str) -> list[Json]:
    return [one async for one in record.search(kind, {"_count": "100", **criteria})]


def of(phone: str, resources: list[Json]) -> list[Json]:
    """Those that are about somebody."""
    return [one for one in resources if phone in str(one)]


async def test_a_symptom_leads_to_a_question_and_a_person_is_called(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    ana = Phone(joined, http, "5517988880001")
    await ana.writes("oi")
    assert (await ana.hears(1)).startswith("Olá! Sou o assistente automático")
    await ana.taps("Tenho um sintoma")
    assert await ana.hears(2) == "É sobre você ou outra pessoa?"
    await ana.taps("Sobre mim")
    assert await ana.hears(3) == "Qual é a idade da pessoa?"
    await ana.writes("34")
    await ana.hears(4)
    await ana.writes("atendente")
    assert "Protocolo" in await ana.hears(5)
    [risk] = of("5517988880001", await found(record, "RiskAssessment"))
    assert risk["prediction"][0]["qualitativeRisk"]["coding"][0]["code"] == "urgent"
    tasks = of("5517988880001", await found(record, "Task"))
    assert sorted(one["code"]["coding"][0]["code"] for one in tasks) == ["conversation", "nurse-callback"]
    talk = next(one for one in tasks if one["code"]["coding"][0]["code"] == "conversation")
    assert talk["businessStatus"]["text"] == "human"


async def test_an_emergency_is_told_and_told_once(joined: Joined, record: FhirClient, http: httpx2.AsyncClient) -> None:
    await http.post(f"{joined.phone}/_simulador/problemas", json={"name": "duplicate"})
    bia = Phone(joined, http, "5517988880002")
    await bia.writes("minha mãe acordou com a boca torta")
    assert "192" in await bia.hears(1)
    await bia.taps("Não consigo ligar")
    assert "endereço" in await bia.hears(2)
    [flag] = of("5517988880002", await found(record, "Flag"))
    assert flag["status"] == "active"
    [nurse] = [one for one in of("5517988880002", await found(record, "Task")) if one.get("priority") == "stat"]
    assert any(each["code"] == "RF05" for one in nurse["input"] for each in one["type"].get("coding", ()))

    async def said() -> bool:
        asked = of("5517988880002", await found(record, "CommunicationRequest"))
        return [one["status"] for one in asked] == ["completed", "completed"]

    await until(said)
    assert len(await bia.received()) == 2


async def test_a_message_whose_event_comes_again_has_no_second_effect(
    joined: Joined, module_database: str, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    number = "5517988880005"
    gil = Phone(joined, http, number)
    await gil.writes("desmaiei agora há pouco")
    await gil.hears(1)

    async def effects() -> list[str]:
        there = [
            one
            for kind in ("RiskAssessment", "Flag", "Task", "CommunicationRequest")
            for one in of(number, await found(record, kind))
        ]
        done = [one for one in there if one["status"] != "active" or one["resourceType"] == "Flag"]
        return sorted(f"{one['resourceType']}/{one['id']}/{one['meta']['versionId']}" for one in done)

    async def all_done() -> list[str] | None:
        there = await effects()
        return there if any(one.startswith("CommunicationRequest") for one in there) else None

    before = await until(all_done)
    assert len(before) == 5  # the conversation and the nurse's Task, one of each other
    [message] = [one for one in of(number, await found(record, "Communication")) if "basedOn" not in one]
    event = Event(0, f"Communication/{message['id']}/_history/1", "create", f"Communication/{message['id']}", 0)
    with psycopg.connect(module_database, autocommit=True) as connection:
        for _ in range(2):
            heard(event, connection)

            async def had_its_turn() -> bool:
                return connection.execute("select from messages.unanswered").fetchone() is None

            await until(had_its_turn)
    assert await effects() == before


async def test_a_thought_in_two_halves_is_answered_once(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    number = "5517988880006"
    ivo = Phone(joined, http, number)
    await ivo.writes("oi")
    await ivo.hears(1)
    began = time.monotonic()
    await ivo.writes("estou com dor")
    await asyncio.sleep(1.0)
    await ivo.writes("no joelho quando ando")
    assert await ivo.hears(2) == "É sobre você ou outra pessoa?"
    assert time.monotonic() - began > 1.0 + SECOND_HALF
    await ivo.taps("Sobre mim")
    assert await ivo.hears(3) == "Qual é a idade da pessoa?"
    [talk] = [one for one in of(number, await found(record, "Task")) if "input" in one]
    kept = stored(talk)
    assert len(kept.seen) == 4
    assert [one.quote for one in kept.interview.present().values()]
    assert len(of(number, await found(record, "CommunicationRequest"))) == 3


async def test_what_was_edited_or_taken_back_keeps_its_first_form_and_is_marked(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    noa = Phone(joined, http, "5517988880009")
    id = await noa.writes("oi")
    await noa.hears(1)
    await noa.edits(id, "estou com dor no peito que vai pro braço e suando frio")
    assert "192" in await noa.hears(2)
    await noa.takes_back(id)

    async def marked() -> Json:
        [one] = await found(record, "Communication", identifier=id)
        return one if len(one.get("extension", ())) == 2 else None

    first = await until(marked)
    assert first["payload"][0]["contentString"] == "oi"
    assert [one["url"].rpartition("/")[2] for one in first["extension"]] == ["editada-por", "apagada-por"]
    assert len(await noa.received()) == 2


async def test_who_loses_every_race_talks_to_a_person(
    joined: Joined, record: FhirClient, module_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others change the conversation between each reading and writing; an emergency is told nevertheless."""
    place = site(joined.settings).site
    ledger = Ledger(module_database, bodies(joined.settings))
    async with door(joined.settings, WHATSAPP) as channel:
        for number, text, state, priority in (
            ("5517988880007", "quero ajuda", "human", "routine"),
            ("5517988880008", "minha mãe acordou com a boca torta", "emergency", "stat"),
        ):
            talks = Conversing(record, place.systems, drawing(ledger, place))
            message = await channel.create(communication(number, text, place.systems))
            written = talks._transaction

            async def lost(entries: Sequence[Json], written: Any = written) -> Any:
                if entries[0]["request"]["method"] == "PUT":
                    raise FhirRefused(412)
                return await written(entries)

            monkeypatch.setattr(talks, "_transaction", lost)
            [said] = await talks.answer([message])
            kept = await record.read(f"{said.reference}/_history/1")  # the hub is sending it
            assert said.request is not None
            assert kept["priority"] == said.request["priority"] == priority
            assert {**kept, "meta": None} == {**said.request, "meta": None}
            tasks = of(number, await found(record, "Task"))
            [talk] = [one for one in tasks if one["code"]["coding"][0]["code"] == "conversation"]
            assert stored(talk).state == state
            assert len(tasks) == 2
    ledger.close()


async def test_a_conversation_that_cannot_be_opened_ahead_is_opened_with_its_turn(
    joined: Joined, record: FhirClient, module_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails while its message waits ends no other conversation."""
    place, ledger = site(joined.settings).site, Ledger(module_database, bodies(joined.settings))
    talks = Conversing(record, place.systems, drawing(ledger, place))

    async def fails(message: Json) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr(talks, "open", fails)
    number, had = "5517988880010", list[int]()
    async with door(joined.settings, WHATSAPP) as channel:
        message = await channel.create(communication(number, "bom dia", place.systems))
    there = Open(place.systems, record, talks, None, ledger)
    answering = Answering(there, Sending(joined.settings, module_database), UnderWay(), keep, had.extend)
    await answering.answer(Line([waits(Unanswered(7, f"Communication/{message['id']}/_history/1", 0), message)]))
    assert had == [7]
    [asked] = of(number, await found(record, "CommunicationRequest"))
    assert asked["about"] == [{"reference": f"Communication/{message['id']}"}]
    ledger.close()


async def test_what_the_channel_refuses_is_telephoned(
    joined: Joined, record: FhirClient, http: httpx2.AsyncClient
) -> None:
    await http.post(f"{joined.phone}/_simulador/problemas", json={"name": "error", "code": 131026})
    caio = Phone(joined, http, "5517988880003")
    await caio.writes("oi")

    async def telephoned() -> list[Json]:
        tasks = of("5517988880003", await found(record, "Task"))
        return [one for one in tasks if one["code"]["coding"][0]["code"] == "phone-contact"]

    assert len(await until(telephoned)) == 1
    assert await caio.received() == []


async def test_a_channel_that_is_away_is_asked_again(joined: Joined, http: httpx2.AsyncClient) -> None:
    await http.post(f"{joined.phone}/_simulador/problemas", json={"name": "unavailable"})
    dora = Phone(joined, http, "5517988880004")
    await dora.writes("oi")
    assert (await dora.hears(1)).startswith("Olá!")
    assert len(await dora.received()) == 1
