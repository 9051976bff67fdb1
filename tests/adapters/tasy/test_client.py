"""The client of Tasy over real sockets and mutual TLS, and each way in which Tasy can fail.

The numbers in names are those of the contract's scenarios (section 17).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.tasy.client import AUTHORIZATION, ELIGIBILITY, Tasy
from adapters.tasy.lanes import URGENT
from adapters.tasy.wire import Flow, Wire
from mappings.errors import MappingError
from mappings.tasy.authorization_reply import to_claim_response
from mappings.tasy.eligibility import to_eligibility_response
from mappings.tasy.read import read
from mappings.tasy.records import AuthorizationReply, EligibilityReply, EligibilityRequest, Provider
from mappings.tasy.site import Site
from simulators.tasy.population import Plan
from tests.adapters.tasy.conftest import SECRET, Partner, guide

ASKED = {
    "patient": {"reference": "Patient/1"},
    "servicedDate": "2026-03-10",
    "insurance": [{"coverage": {"reference": "Coverage/1"}}],
    "item": [{"productOrService": {"text": "x"}}],
}
CLAIM = {"type": {"text": "x"}, "patient": {"reference": "Patient/1"}, "item": [{"sequence": 1}]}
GUIDES, ELIGIBLE = "/autorizacoes", "/beneficiarios/elegibilidade"


async def test_1_eligibility(tasy: Tasy, asked: EligibilityRequest) -> None:
    reply, drift = read(EligibilityReply, await tasy.eligibility(asked))
    resource, faults = to_eligibility_response(reply, ASKED, "CoverageEligibilityRequest/1/_history/1", Site())
    assert (drift, faults) == ([], [])
    assert resource["insurance"][0]["inforce"] is True


async def test_1_authorization(tasy: Tasy, plan: Plan) -> None:
    reply, drift = read(AuthorizationReply, await tasy.submit(guide(plan), uuid4()))
    resource, faults = to_claim_response(reply, CLAIM, "Claim/1/_history/1", Site(), datetime(2026, 3, 10))
    assert (resource["outcome"], drift, faults) == ("complete", [], [])
    assert resource["preAuthRef"]
    cancelled, _ = read(AuthorizationReply, await tasy.cancel(reply.nr_seq_guia, "2", "desistencia"))
    assert cancelled.cd_status == "6"
    assert json.loads(await tasy.cancel(reply.nr_seq_guia, "2", "desistencia"))["cd_status"] == "6"
    assert await tasy.guide("HUB26000000001", 4711) is not None
    assert await tasy.guide("HUB26999999999", 4711) is None


async def test_1_directory(tasy: Tasy, plan: Plan) -> None:
    found: list[Provider] = []
    page: dict[str, Any] = {"cursor_proximo": ""}
    while page["cursor_proximo"] is not None:
        page = json.loads(await tasy.providers({"limite": "7", "cursor": page["cursor_proximo"]}))
        found += [read(Provider, json.dumps(one).encode())[0] for one in page["itens"]]
    assert [one.nr_seq_prestador for one in found] == [one["nr_seq_prestador"] for one in plan.providers]
    first = await tasy.provider(4700)
    again = await tasy.provider(4700, etag=first.etag)
    assert (first.status, again.status, again.body) == (200, 304, b"")


async def test_2_an_error_in_a_200(partner: Partner, tasy: Tasy, asked: EligibilityRequest) -> None:
    partner.trouble("error-in-200", ELIGIBLE)
    with pytest.raises(PartnerRefused) as refused:
        await tasy.eligibility(asked)
    assert (refused.value.code, refused.value.issue) == ("PLS-4221", "business-rule")
    assert partner.calls(ELIGIBLE) == [200]


@pytest.mark.parametrize("trouble", ["silence-after-commit", "hang-up-after-commit"])
async def test_3_a_guide_that_arrived_is_found_and_not_sent_again(
    trouble: str, partner: Partner, tasy: Tasy, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.tasy.client.AUTHORIZATION", Flow("authorization", 2, 0.3))
    partner.trouble(trouble, GUIDES)
    reply = json.loads(await tasy.submit(guide(plan), uuid4()))
    assert list(partner.installation.guides.by_key) == [reply["nr_seq_guia"]]
    methods = [one.method for one in partner.installation.calls if one.path.startswith(GUIDES)]
    assert methods.count("POST") == 1
    assert "GET" in methods


@pytest.mark.parametrize("trouble", ["silence", "hang-up", "internal", "oracle"])
async def test_3_a_guide_that_did_not_arrive_is_sent_again(
    trouble: str, partner: Partner, tasy: Tasy, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.tasy.client.AUTHORIZATION", Flow("authorization", 2, 0.3))
    partner.trouble(trouble, GUIDES)
    reply = json.loads(await tasy.submit(guide(plan), uuid4()))
    assert list(partner.installation.guides.by_key) == [reply["nr_seq_guia"]]


async def test_a_guide_submitted_twice_is_there_once(partner: Partner, tasy: Tasy, plan: Plan) -> None:
    key = uuid4()
    first, again = await tasy.submit(guide(plan), key), await tasy.submit(guide(plan), key)
    assert first == again
    other = await tasy.submit(guide(plan), uuid4())  # as after a restart that forgot the key
    assert json.loads(other)["nr_seq_guia"] == json.loads(first)["nr_seq_guia"]
    assert len(partner.installation.guides.by_key) == 1


async def test_4_a_burst_meets_no_429(partner: Partner, tasy: Tasy, asked: EligibilityRequest) -> None:
    """As many as wait no longer than their patience are answered; the others are told so, and nobody of a 429."""

    told = await asyncio.gather(*(tasy.eligibility(asked, seconds=2) for _ in range(300)), return_exceptions=True)
    assert {type(one) for one in told} == {bytes, PartnerUnavailable}
    answered = partner.calls(ELIGIBLE)
    assert set(answered) == {200}
    assert 40 <= len(answered) <= 40 + 16 * 3


async def test_4_a_429_is_waited_out(partner: Partner, tasy: Tasy, asked: EligibilityRequest) -> None:
    partner.trouble("rate", ELIGIBLE, seconds=1)
    assert await tasy.eligibility(asked)
    assert partner.calls(ELIGIBLE) == [429, 200]


async def test_5_the_breaker_opens_and_closes(partner: Partner, wire: Wire, asked: EligibilityRequest) -> None:
    tasy = Tasy(wire)
    partner.trouble("maintenance", ELIGIBLE, times=10**6, seconds=0)
    for _ in range(10):
        with pytest.raises(PartnerUnavailable):
            await tasy.eligibility(asked, lane=URGENT)
    breaker = wire.breaker(ELIGIBILITY)
    assert breaker.state == "open"
    before = len(partner.calls(ELIGIBLE))
    with pytest.raises(PartnerUnavailable) as told:
        await tasy.eligibility(asked)
    assert 0 < told.value.retry_after <= 30
    assert len(partner.calls(ELIGIBLE)) == before
    assert wire.breaker(AUTHORIZATION).state == "closed"
    partner.installation.troubles.clear()
    breaker._until = asyncio.get_running_loop().time()  # as if half a minute had passed
    for _ in range(3):
        await tasy.eligibility(asked, lane=URGENT)
    assert breaker.state == "closed"


async def test_6_one_refresh_for_all(partner: Partner, tasy: Tasy, asked: EligibilityRequest) -> None:
    await asyncio.gather(*(tasy.eligibility(asked) for _ in range(10)))
    assert partner.calls("/oauth2/token") == [200]
    partner.installation.revoke()
    await asyncio.gather(*(tasy.eligibility(asked) for _ in range(10)))
    assert partner.calls("/oauth2/token") == [200, 200]


async def test_6_a_token_that_is_never_good(partner: Partner, tasy: Tasy, asked: EligibilityRequest) -> None:
    partner.trouble("token-expired", ELIGIBLE, times=10)
    with pytest.raises(PartnerRefused) as refused:
        await tasy.eligibility(asked)
    assert refused.value.issue == "login"
    assert len(partner.calls(ELIGIBLE)) == 2


async def test_7_certificates(partner: Partner, asked: EligibilityRequest) -> None:
    stranger = type(partner.authority)(partner.authority.certificate.parent / "stranger")
    for door, expected in [
        (partner.other("ended", days=-1), PartnerUnavailable),
        (replace(partner.door, authority=stranger.certificate), PartnerUnavailable),  # the server is not who it says
        (replace(partner.door, client_secret="another"), PartnerRefused),
    ]:
        wire = Wire(door, pause=lambda: 0.01)
        with pytest.raises(expected):
            await Tasy(wire).eligibility(asked, seconds=3)
        await wire.close()
    assert not partner.calls(ELIGIBLE)


async def test_7_a_token_is_bound_to_its_certificate(partner: Partner, wire: Wire, asked: EligibilityRequest) -> None:
    await Tasy(wire).eligibility(asked)
    thief = Wire(partner.other("thief"), pause=lambda: 0.01)
    thief._way.tokens = wire._way.tokens
    with pytest.raises(PartnerRefused) as refused:
        await Tasy(thief).eligibility(asked)
    assert refused.value.code == "PLS-4012"
    await thief.close()


async def test_8_a_state_that_nobody_knows(partner: Partner, tasy: Tasy, asked: EligibilityRequest, plan: Plan) -> None:
    partner.trouble("unknown-state", ELIGIBLE)
    reply, _ = read(EligibilityReply, await tasy.eligibility(asked))
    resource, faults = to_eligibility_response(reply, ASKED, "x", Site())
    assert resource["insurance"][0]["inforce"] is False
    assert [fault.code for fault in faults] == ["unknown-code"]
    partner.trouble("unknown-item-status", GUIDES)
    authorization, _ = read(AuthorizationReply, await tasy.submit(guide(plan), uuid4()))
    assert to_claim_response(authorization, CLAIM, "x", Site(), datetime(2026, 3, 10))[0]["outcome"] == "queued"


async def test_9_header_and_items_differ(partner: Partner, tasy: Tasy, plan: Plan) -> None:
    partner.trouble("header-says-less", GUIDES)
    reply, _ = read(AuthorizationReply, await tasy.submit(guide(plan), uuid4()))
    resource, faults = to_claim_response(reply, CLAIM, "x", Site(), datetime(2026, 3, 10))
    assert (resource["outcome"], [fault.code for fault in faults]) == ("queued", ["mismatch"])
    assert "preAuthRef" not in resource


async def test_10_a_denial_without_grounds_is_not_published(partner: Partner, tasy: Tasy, plan: Plan) -> None:
    partner.trouble("denial-without-grounds", GUIDES)
    reply, _ = read(AuthorizationReply, await tasy.submit(guide(plan), uuid4()))
    with pytest.raises(MappingError, match="a denial needs"):
        to_claim_response(reply, CLAIM, "x", Site(), datetime(2026, 3, 10))


async def test_11_a_card_with_leading_zeros_goes_as_it_is(tasy: Tasy, asked: EligibilityRequest) -> None:
    assert asked.cd_usuario_plano is not None
    assert asked.cd_usuario_plano.startswith("00")
    assert json.loads(await tasy.eligibility(asked))["carteira"]["cd_usuario_plano"] == asked.cd_usuario_plano
    with pytest.raises(PartnerRefused) as refused:
        await tasy.eligibility(EligibilityRequest(asked.dt_atendimento, asked.cd_usuario_plano.lstrip("0")))
    assert refused.value.reasons == ("1001",)


async def test_12_use_after_the_end_of_a_contract(tasy: Tasy, plan: Plan) -> None:
    for member in plan.members:
        who = member["segurado"]
        if who["dt_rescisao"]:
            asked = EligibilityRequest("2026-03-10T10:00:00", member["carteira"]["cd_usuario_plano"])
            reply, _ = read(EligibilityReply, await tasy.eligibility(asked, lane=URGENT))
            resource, faults = to_eligibility_response(reply, {**ASKED, "item": []}, "x", Site())
            assert resource["insurance"][0]["inforce"] is bool(who["dt_limite_utilizacao"])
            assert faults == []
            return
    pytest.fail("the plan has nobody whose contract has ended")


async def test_who_leaves_ends_nobody_elses_call(partner: Partner, tasy: Tasy, asked: EligibilityRequest) -> None:
    partner.trouble("silence", ELIGIBLE, seconds=2)
    impatient = asyncio.create_task(tasy.eligibility(asked))
    others = [asyncio.create_task(tasy.eligibility(asked)) for _ in range(5)]
    await asyncio.sleep(0.2)
    impatient.cancel()
    assert len(await asyncio.gather(*others)) == 5


async def test_nobody_there(partner: Partner, asked: EligibilityRequest) -> None:
    wire = Wire(replace(partner.door, url="https://127.0.0.1:9"), pause=lambda: 0.01)
    with pytest.raises(PartnerUnavailable):
        await Tasy(wire).eligibility(asked)
    await wire.close()


def test_a_secret_is_not_shown(partner: Partner) -> None:
    assert SECRET not in repr(partner.door)
