"""An installation that has paths and fields of its own, over real sockets: it understands no other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

import pytest

from adapters.partner_errors import PartnerRefused
from adapters.tasy.client import Attachment, Tasy
from adapters.tasy.door import Door
from adapters.tasy.paths import paths_of
from adapters.tasy.wire import Wire
from mappings.tasy.names import Names, names_of
from mappings.tasy.read import read
from mappings.tasy.records import AuthorizationReply, EligibilityReply, EligibilityRequest, Protocol, Provider
from simulators.tasy.certificates import Authority
from simulators.tasy.dialect import Dialect, dialect
from simulators.tasy.installation import Tasy as Installation
from simulators.tasy.population import Plan
from simulators.tasy.serve import serving
from simulators.tasy.troubles import Trouble
from tests.adapters.tasy.conftest import SECRET, guide

FIELDS = {
    "cd_usuario_plano": "nr_carteira", "nr_seq_segurado": "nr_segurado", "itens": "linhas", "erro": "falha",
    "cd_erro": "codigo", "cd_motivo_tiss": "motivo", "nr_seq_guia": "nr_guia", "cd_guia_prestador": "nr_guia_prest",
    "nr_seq_prestador": "nr_prest", "cursor_proximo": "proximo", "cursor": "pagina", "cd_motivo": "cd_razao",
    "ds_justificativa": "ds_porque", "arquivo": "anexo", "ds_sha256": "resumo", "nr_protocolo": "protocolo",
    "cd_status": "cd_situacao", "nm_fantasia": "ds_razao_social", "ds_razao_social": "nm_fantasia",
}  # fmt: skip
DIALECT = Dialect(
    "/erp/rest", "/token", {"autorizacoes": "guias", "cancelamento": "cancelar", "prestadores": "rede"}, FIELDS
)
PATHS = {
    "/api/pls/v1": "/erp/rest", "/oauth2/token": "/token", "/autorizacoes": "/guias", "/prestadores": "/rede",
    "/autorizacoes/{nr_seq_guia}/cancelamento": "/guias/{nr_seq_guia}/cancelar",
}  # fmt: skip


@dataclass
class Other:
    """Such an installation, a client that has been told of its names, and its door for one that has not."""

    installation: Installation
    tasy: Tasy
    names: Names
    door: Door


@pytest.fixture
async def other(plan: Plan, authority: Authority) -> AsyncIterator[Other]:
    installation, names = Installation(plan, "hub", SECRET), names_of(FIELDS)
    async with serving(installation, authority, dialect=DIALECT) as url:
        pair = authority.client()
        door = Door(url, "hub", SECRET, pair.certificate, pair.key, authority.certificate)
        wire = Wire(replace(door, paths=paths_of(PATHS), names=names), pause=lambda: 0.01)
        yield Other(installation, Tasy(wire), names, door)
        await wire.close()


async def test_eligibility_and_what_is_refused(other: Other, asked: EligibilityRequest) -> None:
    said = await other.tasy.eligibility(asked)
    assert "nr_segurado" in json.loads(said)["segurado"]  # as it came
    reply, drift = read(EligibilityReply, said, other.names)
    assert (reply.carteira.cd_usuario_plano, len(reply.itens), drift) == (asked.cd_usuario_plano, 1, [])
    other.installation.troubles.append(Trouble("error-in-200"))
    with pytest.raises(PartnerRefused) as refused:
        await other.tasy.eligibility(asked)
    assert (refused.value.code, refused.value.reasons) == ("PLS-4221", ("1001",))


async def test_the_life_of_a_guide(other: Other, plan: Plan) -> None:
    reply, drift = read(AuthorizationReply, await other.tasy.submit(guide(plan), uuid4()), other.names)
    assert (reply.cd_status, drift) == ("1", [])
    again = await other.tasy.submit(guide(plan), uuid4())  # a duplicate, whose number is in the refusal
    assert read(AuthorizationReply, again, other.names)[0].nr_seq_guia == reply.nr_seq_guia
    assert await other.tasy.guide("HUB26000000001", 4711) is not None
    assert await other.tasy.guide("HUB26999999999", 4711) is None
    file = Attachment("laudo.pdf", "application/pdf", b'%PDF-1.4 name="anexo"')
    await other.tasy.attach(reply.nr_seq_guia, "01", file, uuid4())
    assert len(other.installation.guides.attachments[reply.nr_seq_guia]) == 1
    cancelled = await other.tasy.cancel(reply.nr_seq_guia, "2", "desistencia")
    assert read(AuthorizationReply, cancelled, other.names)[0].cd_status == "6"


async def test_the_directory_page_by_page(other: Other, plan: Plan) -> None:
    found: list[Provider] = []
    query = {"limite": "9"}
    while True:
        page = json.loads(other.names.page(await other.tasy.providers(query)))
        found += [read(Provider, json.dumps(one).encode(), other.names)[0] for one in page["itens"]]
        if page["cursor_proximo"] is None:
            break
        query = {**query, "cursor": page["cursor_proximo"]}
    assert [(one.nr_seq_prestador, one.nm_fantasia) for one in found] == [
        (one["nr_seq_prestador"], one.get("nm_fantasia")) for one in plan.providers
    ]
    one, drift = read(Provider, (await other.tasy.provider(found[0].nr_seq_prestador)).body, other.names)
    assert (one, drift) == (found[0], [])


async def test_bills_and_their_protocol(other: Other, plan: Plan) -> None:
    await other.tasy.submit(guide(plan), uuid4())
    made = other.installation.guides
    number = other.installation.bills.present(made.by_key.values(), made.asked, datetime(2026, 3, 10))[0]
    page = json.loads(other.names.page(await other.tasy.bills({"dt_atualizacao_de": "2026-03-10T00:00:00"})))
    assert other.names.here("claim-status", page["itens"][0])["nr_protocolo"] == number
    protocol, drift = read(Protocol, await other.tasy.protocol(number), other.names)
    assert (protocol.nr_protocolo, len(protocol.contas[0].itens), drift) == (number, 1, [])


async def test_who_was_not_told_is_not_understood(other: Other, asked: EligibilityRequest) -> None:
    wire = Wire(replace(other.door, paths=paths_of(PATHS)), pause=lambda: 0.01)
    with pytest.raises(PartnerRefused) as refused:
        await Tasy(wire).eligibility(asked)
    await wire.close()
    assert (refused.value.code, refused.value.issue) == ("", "processing")  # nor is its refusal
    assert other.installation.calls[-1].status == 422


def test_a_dialect_is_read_from_a_file() -> None:
    assert dialect(b'base = "/erp"\n[segments]\ncontas = "bills"\n[fields]\nnr_item = "nr_linha"') == Dialect(
        "/erp", segments={"contas": "bills"}, fields={"nr_item": "nr_linha"}
    )
    with pytest.raises(ValueError, match="str"):
        dialect(b"base = 1")
