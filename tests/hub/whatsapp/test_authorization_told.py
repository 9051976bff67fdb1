"""A member is told of a decision, proves who they are, hears why, and has it reviewed by a person: over sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.fhir_client import FhirClient
from adapters.partner_errors import PartnerRefused
from adapters.web_push import WebPush
from care_services.triage.rule_set import rules
from hub.browsers import Browsers, turned_on
from hub.own_clients import AUTHORIZATION, BATCH, CHAT, WHATSAPP, door
from hub.push_key import push_key
from hub.tasy.site import site
from hub.whatsapp.authorization_told import told
from hub.whatsapp.requested import BROWSERS
from mappings.identifiers import CPF, Systems
from mappings.r4 import serialize
from tests.attacks.test_own_data import BROWSER
from tests.hub.whatsapp.joined import Joined, joined_hub
from tests.hub.whatsapp.test_conversing import Phone, found, of, until

Json = Any

PHONE = "5517988880020"
STORED = "+551788880020"
"""The same line, as the roster has it: without the ninth digit."""
PROTOCOL = "36620220261128000001"


@pytest.fixture(scope="module")
def joined(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    more = {"HUB_PUSH_CONTACT": "mailto:avisos@austa.example"}
    with joined_hub(Path(tmp_path_factory.mktemp("hub")), module_database, **more) as found:
        yield found


@pytest.fixture
async def record(joined: Joined) -> AsyncIterator[FhirClient]:
    async with door(joined.settings, CHAT) as record:
        yield record


def response(systems: Systems, state: str) -> Json:
    """The answer to an authorization, as Tasy's is mapped."""
    coded = [{"system": systems.codes("tiss-38"), "code": "1007"}]
    reason = {"reason": {"coding": coded, "text": "Prazo de carência não cumprido"}} if state == "denied" else {}
    decision = {"category": {"coding": [{"system": systems.codes("decisao"), "code": state}]}}
    return {
        "resourceType": "ClaimResponse", "status": "active", "use": "preauthorization",
        "identifier": [{"system": systems.sid("protocolo"), "value": PROTOCOL}],
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
        "patient": {"reference": "Patient/pf-20"}, "created": datetime.now(UTC).isoformat(),
        "insurer": {"display": "AUSTA"}, "outcome": "queued" if state == "in-analysis" else "complete",
        "item": [{"itemSequence": 1, "adjudication": [{**decision, **reason}], "noteNumber": [1]}],
        "processNote": [{"number": 1, "type": "display", "text": "Lei 9.656/98, art. 12"}],
    }  # fmt: skip


async def roster(settings: Any, systems: Systems) -> None:
    """Ana, who shares her line with her daughter Lia, for whom she answers."""
    telecom = [{"system": "phone", "value": STORED, "use": "mobile"}]
    async with door(settings, BATCH) as batch:
        for id, cpf, name, born in (
            ("pf-20", "52998224725", "Ana", "1980-05-15"), ("pf-21", "11144477735", "Lia", "2018-02-01"),
        ):  # fmt: skip
            await batch.update(
                {"resourceType": "Patient", "id": id, "active": True, "telecom": telecom, "birthDate": born,
                 "identifier": [{"system": CPF, "value": cpf}], "name": [{"text": f"{name} Lima", "given": [name]}]}
            )  # fmt: skip
        await batch.update(
            {"resourceType": "Coverage", "id": "seg-20", "status": "active", "subscriberId": "00900000001234567",
             "beneficiary": {"reference": "Patient/pf-20"}, "payor": [{"display": "AUSTA"}],
             "identifier": [{"system": systems.sid("carteira"), "value": "00900000001234567"}]}
        )  # fmt: skip
        await batch.update(
            {"resourceType": "RelatedPerson", "id": "seg-21-titular", "active": True,
             "patient": {"reference": "Patient/pf-21"}, "identifier": [{"system": CPF, "value": "52998224725"}]}
        )  # fmt: skip


async def test_authorization_told_and_reviewed(
    joined: Joined, record: FhirClient
) -> None:  # fmt: skip
    systems = site(joined.settings).site.systems
    await roster(joined.settings, systems)
    values = [{"name": name, "valueString": value} for name, value in BROWSER.items()]
    there = serialize({"resourceType": "Parameters", "parameter": values})
    await record.send("POST", "Patient/pf-20/$browser-on", there)
    async with httpx2.AsyncClient(trust_env=False) as http, door(joined.settings, AUTHORIZATION) as erp:
        ana = Phone(joined, http, PHONE)
        await ana.writes("dor de garganta desde ontem")
        await says(ana, "É sobre você")
        made = await erp.create(response(systems, "in-analysis"))
        await erp.update({**response(systems, "denied"), "id": made["id"]})

        async def told_of() -> list[Json]:
            asked = of(PROTOCOL, await found(record, "CommunicationRequest"))
            return [one for one in asked if one["category"][0]["coding"][0]["code"] == "authorization"]

        [request] = await until(told_of)
        assert "carência" not in str(request)
        ways = [one["identifier"]["system"] for one in request["recipient"]]
        assert ways == [systems.sid("telefone"), systems.sid(BROWSERS)]
        await erp.update({**response(systems, "denied"), "id": made["id"], "disposition": "Negado."})

        await ana.taps("Sobre mim")
        await says(ana, "idade")
        await ana.writes("menu")
        await says(ana, "ainda não terminaram")
        await ana.taps("Sair das perguntas")
        await says(ana, "Como posso ajudar")
        await ana.writes("VER")
        await says(ana, "data de nascimento")
        await ana.writes("15/05/1980")
        await says(ana, "4 últimos números")
        await ana.writes("0000")
        await says(ana, "Não consegui confirmar")
        await ana.writes("15 de maio de 1980")
        await says(ana, "Agora os *4 últimos")
        await ana.writes("4567")
        text = await says(ana, f"Pedido {PROTOCOL}: não autorizado")
        assert "Prazo de carência não cumprido (Lei 9.656/98, art. 12)" in text
        await ana.taps("Pedir revisão")
        await says(ana, "pedido de revisão")
        await ana.writes("apagar")
        await says(ana, "pedido sobre seus dados")
    assert len(await told_of()) == 1  # another version that decides the same is not told again
    [review] = [one for one in await found(record, "Task") if "review of a refusal" in str(one.get("input"))]
    assert review["focus"] == {"reference": f"ClaimResponse/{made['id']}"}
    assert review["for"]["reference"] == "Patient/pf-20"
    promised = datetime.fromisoformat(review["restriction"]["period"]["end"])
    assert (promised - datetime.fromisoformat(review["authoredOn"])).total_seconds() == 24 * 3600
    [erasure] = [one for one in await found(record, "Task") if "erasure" in str(one["code"])]
    assert erasure["for"]["reference"] == "Patient/pf-20"
    for kind in ("RiskAssessment", "Encounter", "QuestionnaireResponse", "Communication"):
        mine = [one for one in of(PHONE, await found(record, kind)) if kind != "Communication" or "received" in one]
        assert mine, kind
        whose = [(one.get("subject", {}).get("reference"), one.get("payload")) for one in mine]
        assert {one for one, _ in whose} == {"Patient/pf-20"}, (kind, whose)


async def says(phone: Phone, part: str) -> str:
    """The latest that is said, once it has these words."""

    async def heard() -> str | None:
        received = await phone.received()
        last = received[-1] if received else {}
        text = last.get("text", {}).get("body") or last.get("interactive", {}).get("body", {}).get("text", "")
        return str(text) if part in text else None

    return str(await until(heard))


async def test_the_services_see_a_browser_and_end_one_that_is_gone(joined: Joined, record: FhirClient) -> None:
    await roster(joined.settings, site(joined.settings).site.systems)
    values = [{"name": name, "valueString": value} for name, value in BROWSER.items()]
    there = serialize({"resourceType": "Parameters", "parameter": values})
    await record.send("POST", "Patient/pf-20/$browser-on", there)
    assert len(await turned_on(record, "pf-20")) == 1

    async def post(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        return 410

    systems = site(joined.settings).site.systems
    category = [{"coding": [{"code": "authorization"}]}]
    async with door(joined.settings, WHATSAPP) as notices:
        push = WebPush(post, push_key(joined.settings), "mailto:avisos@austa.example")
        told_there = Browsers(notices, push, "title", "text", systems, lambda: datetime.now(UTC))
        request = {"id": "1", "category": category, "authoredOn": datetime.now(UTC).isoformat()}
        with pytest.raises(PartnerRefused):
            await told_there.send(request, "pf-20")
    assert await turned_on(record, "pf-20") == []


@pytest.mark.parametrize(
    ("telecom", "kind"),
    [
        ([{"system": "phone", "value": "+55 17 98888-0020"}], "CommunicationRequest"),
        ([{"system": "email", "value": "ana@example.org"}], "Task"),
        ([{"system": "phone", "use": "old", "value": "+5517988880020"}], "Task"),
    ],
)
def test_who_cannot_be_written_to_is_telephoned(telecom: list[Json], kind: str) -> None:
    systems = Systems()
    patient = {"resourceType": "Patient", "id": "pf-20", "telecom": telecom}
    made = told(
        {**response(systems, "denied"), "id": "1"}, "denied", patient, "100", systems, rules(), datetime.now(UTC)
    )
    assert made["resourceType"] == kind
