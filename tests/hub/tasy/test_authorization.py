"""Authorizations through the hub: a Claim, its ClaimResponse from the start, the guide at Tasy. Contract, 3, 6."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import Any

import pytest

from messages.search import Message
from messages.states import LINE, State
from tests.hub.tasy.conftest import CODES, PROVIDERS, SID, Joined, claim, eventually

AUTHORIZATIONS = "/autorizacoes"
Json = Any


@pytest.fixture(scope="module", autouse=True)
def providers(both: Joined) -> None:
    for one in PROVIDERS:
        both.put(one)


def response(both: Joined, id: str, **wanted: Any) -> Json:
    """The ClaimResponse once its elements are as wanted."""

    def look() -> Json:
        found = both.hub.client.get(f"ClaimResponse/{id}")
        return found if all(found.get(name) == value for name, value in wanted.items()) else None

    return eventually(look)


def tasks(both: Joined, id: str) -> list[Json]:
    """Those that ask a person to look at a ClaimResponse, once there is one."""
    return list(eventually(lambda: both.hub.client.found(f"Task?focus=ClaimResponse/{id}")))


def fault(message: Message) -> tuple[str, str]:
    """Code and element of what is wrong with a message."""
    assert message.fault is not None
    return message.fault.code, message.fault.element


def numbers(found: Json, name: str) -> list[str]:
    return [one["value"] for one in found.get("identifier", ()) if one["system"] == f"{SID}/{name}"]


def guide(both: Joined, found: Json) -> Json:
    return both.tasy.installation.guides.by_key[int(numbers(found, "tasy/guia")[0])]


def test_1_authorised_at_once(both: Joined) -> None:
    taken = both.submit(claim(both.member(0), "HUB-1"))
    assert len(numbers(taken, "protocolo")[0]) == 20
    decided = response(both, taken["id"], outcome="complete")
    assert decided["preAuthRef"].startswith("A")
    assert numbers(decided, "protocolo")[0] == numbers(taken, "protocolo")[0]  # the number that was given stays
    assert [one["adjudication"][0]["category"]["coding"][0]["code"] for one in decided["item"]] == ["approved"]
    [asked, said] = eventually(lambda: _delivered(both, "HUB-1", 2))
    assert (asked.direction, said.direction, asked.correlation) == ("out", "in", said.correlation)
    assert both.path(asked.id) == [str(one) for one in LINE] == both.path(said.id)
    assert asked.order_key == said.order_key == taken["patient"]["reference"]
    assert f"ClaimResponse/{taken['id']}/_history/2" in asked.applied


def _delivered(both: Joined, key: str, number: int) -> list[Message]:
    found = both.message(business_key=key, states=[State.ENTREGUE])[::-1]
    return found if len(found) == number else []


def test_submitted_again_it_is_there_once(both: Joined) -> None:
    asked = claim(both.member(1), "HUB-2")
    first = both.submit(asked)
    again = both.submit(asked)
    assert first["id"] == again["id"]
    decided = response(both, first["id"], outcome="complete")
    assert eventually(lambda: _delivered(both, "HUB-2", 2))
    assert numbers(decided, "protocolo")[0] == numbers(first, "protocolo")[0]
    assert both.hub.client.get(f"Claim?identifier={SID}/guia-prestador|HUB-2&_summary=count")["total"] == 1


def test_3_silence_after_commit_is_looked_up_and_not_sent_again(both: Joined) -> None:
    before = both.calls(AUTHORIZATIONS, "POST")
    both.trouble("hang-up-after-commit", AUTHORIZATIONS)
    taken = both.submit(claim(both.member(2), "HUB-3"))
    response(both, taken["id"], outcome="complete")
    assert len(both.calls(AUTHORIZATIONS, "POST")) == len(before) + 1


def test_8_9_unknown_and_contradictory_states_are_in_analysis(both: Joined) -> None:
    for number, trouble in ((3, "unknown-item-status"), (4, "header-says-less")):
        both.trouble(trouble, AUTHORIZATIONS)
        taken = both.submit(claim(both.member(number), f"HUB-4-{number}"))
        seen = response(both, taken["id"], disposition="Em análise.")
        assert seen["outcome"] == "queued"
        assert "preAuthRef" not in seen
        assert tasks(both, taken["id"])[0]["status"] == "requested"


def test_10_a_denial_without_grounds_is_not_published(both: Joined) -> None:
    both.trouble("denial-without-grounds", AUTHORIZATIONS)
    taken = both.submit(claim(both.member(5), "HUB-5"))
    said = eventually(lambda: [one for one in both.message(business_key="HUB-5") if one.state == State.MORTA])[0]
    assert (said.direction, fault(said)) == ("in", ("processing", "nm_auditor"))
    assert response(both, taken["id"])["outcome"] == "queued"
    assert tasks(both, taken["id"])


def test_what_tasy_refuses_is_a_dead_letter_and_an_error(both: Joined) -> None:
    both.trouble("error-in-200", AUTHORIZATIONS)
    taken = both.submit(claim(both.member(6), "HUB-6"))
    refused = response(both, taken["id"], outcome="error")
    assert refused["error"]
    [message] = eventually(lambda: both.message(business_key="HUB-6", states=[State.MORTA]))
    assert (message.state, fault(message)) == (State.MORTA, ("business-rule", ""))


def test_what_cannot_be_mapped_names_the_element(both: Joined) -> None:
    taken = both.submit(_without_team(both, "HUB-7"))
    assert response(both, taken["id"], outcome="error")["disposition"] == "Não pôde ser enviado: careTeam."
    [message] = eventually(lambda: both.message(business_key="HUB-7", states=[State.MORTA]))
    assert (message.state, fault(message)) == (State.MORTA, ("processing", "careTeam"))


def _without_team(both: Joined, guide: str) -> Json:
    found = claim(both.member(7), guide)
    del found["careTeam"]
    return found


def test_cancelled_before_and_after_it_is_decided(both: Joined) -> None:
    asked = claim(both.member(8), "HUB-8", code="30101012")
    taken = both.submit(asked)
    response(both, taken["id"], disposition="Em análise.")
    both.submit({**asked, "status": "cancelled"})
    found = response(both, taken["id"], status="cancelled")
    assert guide(both, found)["cd_status"] == "6"
    both.submit({**asked, "status": "cancelled"})  # again is harmless
    assert len(both.calls(f"{AUTHORIZATIONS}/{numbers(found, 'tasy/guia')[0]}/cancelamento")) == 1


def test_decided_by_a_person_and_told_by_a_callback(both: Joined) -> None:
    taken = both.submit(claim(both.member(9), "HUB-9", code="30101012"))
    waiting = response(both, taken["id"], disposition="Em análise.")
    key = int(numbers(waiting, "tasy/guia")[0])
    both.tasy.installation.guides.decide(key, {1: ("S", 1, [])}, "AUD-1", datetime.now())
    body = {"nr_seq_guia": key, "cd_status": "3"}  # a hint, and a wrong one: what GET says counts
    assert both.callback("autorizacoes", "sucesso", "event-1", 1, body).status == 202
    decided = response(both, taken["id"], outcome="complete")
    assert decided["preAuthRef"]
    assert both.callback("autorizacoes", "sucesso", "event-1", 1, body).status == 202
    assert both.callback("autorizacoes", "sucesso", "event-1", 9, {"nr_seq_guia": key}).status == 202
    assert len(both.message(flow="callback", order_key=f"autorizacoes/{key}")) == 1
    assert both.callback("autorizacoes", "sucesso", "event-5", 5, body).status == 202
    [after, _] = both.message(flow="callback", order_key=f"autorizacoes/{key}")
    assert "gap" in both.reasons(after.id)


@pytest.mark.parametrize(
    ("kind", "event", "sequence", "body", "secret", "status"),
    [
        ("autorizacoes", "e", "1", {"nr_seq_guia": 1}, "another", 401),
        ("autorizacoes", "", "1", {"nr_seq_guia": 1}, None, 400),
        ("autorizacoes", "e", "x", {"nr_seq_guia": 1}, None, 400),
        ("autorizacoes", "e", "1", {"nr_seq_guia": "1/../2"}, None, 400),
        ("contas", "e", "1", {"nr_seq_guia": 1}, None, 400),
        ("outros", "e", "1", {"nr_seq_guia": 1}, None, 404),
    ],
)
def test_callbacks_that_are_none(
    both: Joined, kind: str, event: str, sequence: Any, body: Json, secret: str | None, status: int
) -> None:
    more = {} if secret is None else {"secret": secret}
    answer = both.callback(kind, "sucesso", event, sequence, body, **more)
    assert answer.status == status
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_documents_arrive_after_their_guide(both: Joined) -> None:
    content = b"%PDF-1.4 synthetic"
    info = {
        "sequence": 1, "category": {"coding": [{"system": f"{CODES}/informacao", "code": "anexo"}]},
        "code": {"coding": [{"system": f"{CODES}/tipo-documento", "code": "01"}]},
        "valueAttachment": {"contentType": "application/pdf", "data": base64.b64encode(content).decode()},
    }  # fmt: skip
    taken = both.submit(claim(both.member(10), "HUB-10", supportingInfo=[info]))
    found = response(both, taken["id"], outcome="complete")
    attachments = both.tasy.installation.guides.attachments
    [there] = eventually(lambda: attachments.get(int(numbers(found, "tasy/guia")[0])))
    assert (there.kind, there.sha256) == ("01", hashlib.sha256(content).hexdigest())
    eventually(lambda: both.message(business_key="HUB-10/anexo/1", states=[State.ENTREGUE]))


def test_a_denial_is_looked_at_again(both: Joined) -> None:
    asked = claim(both.member(11), "HUB-11", code="30101012")
    taken = both.submit(asked)
    key = int(numbers(response(both, taken["id"], disposition="Em análise."), "tasy/guia")[0])
    reasons = [{"cd_motivo_tiss": "1438", "ds_motivo": "NAO ATENDE DUT", "ds_fundamento": "RN 465/2021, Anexo II"}]
    both.tasy.installation.guides.decide(key, {1: ("N", 0, reasons)}, "AUD-1", datetime.now())
    assert both.callback("autorizacoes", "sucesso", "event-11", 1, {"nr_seq_guia": key}).status == 202
    denied = response(both, taken["id"], disposition="Negado.")
    assert denied["processNote"][0]["text"] == "RN 465/2021, Anexo II"
    extension = {"url": "https://austa.example/fhir/StructureDefinition/reanalise", "valueString": "Novo laudo."}
    both.submit({**asked, "extension": [extension]})
    response(both, taken["id"], disposition="Em análise.")
    assert eventually(lambda: _delivered(both, "HUB-11/reanalise", 1))


def test_a_dead_letter_that_is_corrected_goes_its_way(both: Joined) -> None:
    taken = both.submit(_without_team(both, "HUB-12"))
    assert response(both, taken["id"], outcome="error")
    [message] = eventually(lambda: both.message(business_key="HUB-12", states=[State.MORTA]))
    both.correct(
        message.id, {**json.loads(both.forms(message.id).raw), "careTeam": claim(both.member(7), "")["careTeam"]}
    )
    assert response(both, taken["id"], outcome="complete")["preAuthRef"]
    eventually(lambda: both.path(message.id)[-6:] == ["MORTA", *(str(one) for one in LINE[1:])])


def test_an_answer_that_is_corrected_is_published(both: Joined) -> None:
    both.trouble("denial-without-grounds", AUTHORIZATIONS)
    taken = both.submit(claim(both.member(13), "HUB-13"))
    [said] = eventually(lambda: both.message(business_key="HUB-13", states=[State.MORTA]))
    answer = json.loads(both.forms(said.id).raw) | {"nm_auditor": "AUD-1", "ie_analise_humana": "S"}
    for item in answer["itens"]:
        item["motivos"] = [{"cd_motivo_tiss": "1438", "ds_motivo": "NAO ATENDE", "ds_fundamento": "RN 465/2021"}]
    both.correct(said.id, answer)
    assert response(both, taken["id"], disposition="Negado.")["outcome"] == "complete"


def test_a_claim_that_nobody_submitted_is_taken_by_its_event(both: Joined) -> None:
    made = both.post("Claim", claim(both.member(14), "HUB-14")).json()

    def look() -> Json:
        found = both.hub.client.found(f"ClaimResponse?request=Claim/{made['id']}")
        return found[0] if found and found[0]["outcome"] == "complete" else None

    found = eventually(look)
    assert len(numbers(found, "protocolo")) == 2
    both.put({**made, "status": "cancelled"})
    assert response(both, found["id"], status="cancelled")["disposition"] == "Solicitação cancelada."
    assert eventually(lambda: _delivered(both, "HUB-14", 3))  # sent, and answered twice
