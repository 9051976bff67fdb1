"""What the worker reads again and again: the directory, bills, guides in analysis. Contract, sections 6 to 8."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.partner_errors import PartnerUnavailable
from hub.ledger import now
from hub.tasy import authorization, claim_status, directory, marks
from hub.tasy.connection import chosen, pairs
from hub.tasy.parts import Parts
from hub.worker import parts_of
from messages.states import State
from simulators.tasy.certificates import Authority
from tests.hub.tasy.conftest import PROVIDERS, SID, Joined, claim, eventually

Json = Any


@pytest.fixture
async def parts(both: Joined) -> AsyncIterator[Parts]:
    shown = chosen(pairs(both.settings), now())
    async with parts_of(both.served, str(both.settings.database_url), shown) as found:
        yield found


def decided(both: Joined, guide: str, number: int, code: str = "10101012") -> Json:
    """The ClaimResponse of a guide once Tasy has it."""
    for one in PROVIDERS:
        both.put(one)
    taken = both.submit(claim(both.member(number), guide, code))

    def look() -> Json:
        found = both.hub.client.get(f"ClaimResponse/{taken['id']}")
        return found if len(found["identifier"]) > 1 else None

    return eventually(look)


async def test_the_directory_is_read_at_the_start_and_then_what_changed(both: Joined, parts: Parts) -> None:
    clinics = [one for one in both.plan.providers if one["ie_tipo_pessoa"] == "J"]
    key = clinics[0]["nr_seq_prestador"]
    eventually(lambda: both.hub.client.request("GET", f"Organization/prest-{key}").status == 200)
    while await marks.since(parts.ledger, directory.MARK) is None:  # noqa: ASYNC110 - another process sets it
        await asyncio.sleep(0.05)
    people = [one for one in both.plan.providers if one["ie_tipo_pessoa"] == "F"]
    assert both.hub.client.get("Practitioner?_summary=count")["total"] >= len(people)
    assert both.message(flow="RT-3") == []  # nothing is at fault
    changed = (datetime.now() + timedelta(minutes=1)).replace(microsecond=0).isoformat()
    clinics[0].update(nm_fantasia="CLINICA RENOMEADA", dt_atualizacao=changed)
    assert await directory.read_changes(parts) < len(both.plan.providers)
    assert both.hub.client.get(f"Organization/prest-{key}")["name"] == "CLINICA RENOMEADA"
    version = both.hub.client.get(f"Organization/prest-{key}")["meta"]["versionId"]
    await directory.read_changes(parts)
    assert both.hub.client.get(f"Organization/prest-{key}")["meta"]["versionId"] == version


async def test_a_provider_at_fault_is_a_dead_letter_and_the_others_go_on(both: Joined, parts: Parts) -> None:
    changed = (datetime.now() + timedelta(minutes=2)).replace(microsecond=0).isoformat()
    bad, good = both.plan.providers[1], both.plan.providers[2]
    before = dict(bad)
    bad.update(ie_tipo_pessoa="X", dt_atualizacao=changed)
    good.update(dt_atualizacao=changed)
    assert await directory.read_changes(parts) >= 2
    bad.clear()
    bad.update(before)
    [letter] = both.message(business_key=f"prestadores/{bad['nr_seq_prestador']}")
    assert letter.state == State.MORTA
    assert letter.fault is not None
    assert letter.fault.element == "ie_tipo_pessoa"


async def test_bills_are_followed_until_they_are_paid(both: Joined, parts: Parts) -> None:
    response = decided(both, "BILL-1", 0)
    tasy = both.tasy.installation
    [number] = tasy.bills.present(tasy.guides.by_key.values(), tasy.guides.asked, datetime.now())
    assert await claim_status.read_changes(parts) == 1
    [bill] = both.hub.client.found(f"ClaimResponse?identifier={SID}/tasy/protocolo|{number}")
    assert (bill["use"], bill["patient"]) == ("claim", response["patient"])
    assert not both.hub.client.found(f"PaymentReconciliation?identifier={SID}/tasy/protocolo|{number}")
    while tasy.bills.advance(datetime.now()):
        pass
    assert await claim_status.read_changes(parts) == 1
    assert both.hub.client.found(f"PaymentReconciliation?identifier={SID}/tasy/protocolo|{number}")
    known = len(both.message(flow="RT-4"))
    await claim_status.read_changes(parts)
    assert len(both.message(flow="RT-4")) == known  # what Tasy said before is no message of its own
    assert both.callback("contas", "sucesso", "bills-1", 1, {"nr_protocolo": number}).status == 202
    eventually(lambda: both.message(flow="callback", order_key=f"contas/{number}", states=[State.ENTREGUE]))


async def test_guides_in_analysis_are_asked_about_again(both: Joined, parts: Parts) -> None:
    waiting = decided(both, "WAIT-1", 1, "30101012")
    assert await authorization.ask_again(parts) == 0
    key = next(int(one["value"]) for one in waiting["identifier"] if one["system"] == f"{SID}/tasy/guia")
    both.tasy.installation.guides.decide(key, {1: ("S", 1, [])}, "AUD-1", datetime.now())
    assert await authorization.ask_again(parts) == 1
    assert both.hub.client.get(f"ClaimResponse/{waiting['id']}")["outcome"] == "complete"


async def test_while_tasy_is_away_the_last_copy_stays(both: Joined, parts: Parts) -> None:
    organizations = both.hub.client.get("Organization?_summary=count")["total"]
    both.tasy.go()
    try:
        with pytest.raises(PartnerUnavailable):
            await directory.read_changes(parts)
    finally:
        both.tasy.come()
    assert both.hub.client.get("Organization?_summary=count")["total"] == organizations > 0


def test_7_a_certificate_that_is_replaced_is_taken_up(both: Joined) -> None:
    shown = both.settings.tasy_certificate[0]
    fresh = Authority(shown.parent).client("renewed", 10)
    both.settings.tasy_key[0].write_bytes(fresh.key.read_bytes())
    shown.write_bytes(fresh.certificate.read_bytes())
    told = eventually(lambda: (found := both.partner("certificate", shown.name)).get("alarm") == 15 and found)
    assert told["shown"]
    decided(both, "CERT-1", 2)
