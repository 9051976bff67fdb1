"""A whole simulated ERP on its sockets: guides, documents, bills, callbacks, errors, scenarios, and started again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from mappings.tasy.claim_status import sums
from mappings.tasy.read import read
from mappings.tasy.records import AuthorizationReply, Protocol
from simulators.tasy.callbacks import Callbacks
from simulators.tasy.guides import LARGEST
from simulators.tasy.scenarios import SCENARIOS
from simulators.tasy.station import Keys, PlanOf, Station, Where, keys, running, where
from simulators.tasy.troubles import CHANGES, REFUSALS, SILENCES
from tests.adapters.tasy.conftest import card

Json = dict[str, Any]
PLAN = PlanOf(330, 1, date(2026, 3, 9))
API = "/api/pls/v1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys(tmp_path_factory.mktemp("tasy") / "tasy")


@dataclass
class Receiver:
    """A hub that takes callbacks, after refusing as many as it is told to."""

    url: str = ""
    busy: int = 0
    came: list[tuple[str, Json, bytes]] = field(default_factory=list)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    found = Receiver()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        names = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in names.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        status = b"202 Accepted"
        if found.busy:
            found.busy, status = found.busy - 1, b"503 Busy"
        else:
            found.came.append((head.split(" ")[1], headers, body))
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield found


@dataclass
class Client:
    """Whoever asks it, with certificate and token."""

    http: httpx2.AsyncClient
    station: Station
    hub: Receiver

    async def call(self, method: str, path: str, body: Json | None = None, **more: Any) -> httpx2.Response:
        if body is not None:
            more["content"] = json.dumps(body).encode()
        return await self.http.request(method, f"{API}{path}", **more)

    async def do(self, path: str, body: Json) -> httpx2.Response:
        return await self.http.post(f"/_simulador{path}", content=json.dumps(body).encode())

    async def guide(self, number: str, code: str = "10101012") -> Json:
        plan = self.station.control.tasy.plan
        body = {
            "cd_guia_prestador": number, "cd_usuario_plano": card(plan), "solicitante": {"nr_seq_prestador": 4711},
            "itens": [{"nr_item": 1, "cd_procedimento": code, "qt_solicitada": 1}],
        }  # fmt: skip
        found: Json = (await self.call("POST", "/autorizacoes", body)).json()
        return found


@asynccontextmanager
async def started(made: Keys) -> AsyncIterator[Client]:
    rest, files = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    async with (
        receiving() as hub,
        running(made, PLAN, rest, files, Callbacks(hub.url, made.callback_secret)) as station,
    ):
        context = ssl.create_default_context(cafile=str(made.authority.certificate))
        context.load_cert_chain(made.client.certificate, made.client.key)
        async with httpx2.AsyncClient(verify=context, base_url=station.url, timeout=20) as http:
            form = {"grant_type": "client_credentials"}
            token = (await http.post("/oauth2/token", data=form, auth=("hub", made.secret))).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            yield Client(http, station, hub)


@pytest.fixture
async def client(made: Keys) -> AsyncIterator[Client]:
    (made.folder / "rest.json").unlink(missing_ok=True)
    async with started(made) as found:
        yield found


async def test_documents_of_a_guide(client: Client) -> None:
    guide = await client.guide("D1", "31003079")
    path = f"/autorizacoes/{guide['nr_seq_guia']}/anexos"
    content = b"%PDF-1.7\r\n\r\nexame\x00\xff"

    async def attach(content: bytes, media_type: str, sha256: str, kind: str = "01") -> httpx2.Response:
        form = {"cd_tipo_documento": kind, "ds_sha256": sha256}
        return await client.call("POST", path, data=form, files={"arquivo": ("exame.pdf", content, media_type)})

    good = hashlib.sha256(content).hexdigest()
    said = await attach(content, "application/pdf", good)
    assert (said.status_code, said.json()["ds_sha256"]) == (201, good)
    [kept] = client.station.control.tasy.guides.attachments[guide["nr_seq_guia"]]
    assert (kept.sha256, kept.size, kept.name, kept.kind) == (good, len(content), "exame.pdf", "01")
    for answer, code in [
        (await attach(content, "application/zip", good), "PLS-4151"),
        (await attach(content, "application/pdf", "0" * 64), "PLS-4002"),
        (await attach(b"x" * (LARGEST + 1), "application/pdf", good), "PLS-4131"),
        (await client.call("POST", path, {"arquivo": "x"}), "PLS-4151"),
        (await client.call("POST", "/autorizacoes/1/anexos", data={"a": "b"}, files={"arquivo": b"x"}), "PLS-4041"),
    ]:
        assert answer.json()["erro"]["cd_erro"] == code


async def test_a_denial_is_told_and_looked_at_again(client: Client) -> None:
    guide = await client.guide("R1", "31003079")
    key = guide["nr_seq_guia"]
    assert guide["cd_status"] == "2"
    assert (await client.call("POST", f"/autorizacoes/{key}/reanalise", {"ds_justificativa": "x"})).status_code == 409
    client.hub.busy = 1
    decided = (await client.do("/guias", {"nr_seq_guia": key, "ie_status": "N"})).json()
    assert decided["cd_status"] == "3"
    [(path, headers, body)] = client.hub.came
    assert path == "/tasy/v1/callbacks/autorizacoes/sucesso"
    secret = client.station.control.callbacks
    assert secret is not None
    assert headers["x-assinatura"] == hmac.new(secret._secret, body, hashlib.sha256).hexdigest()
    reply, drift = read(AuthorizationReply, body)
    assert (drift, reply.nm_auditor is not None, reply.itens[0].motivos[0].ds_fundamento is not None) == (
        [],
        True,
        True,
    )
    again = await client.call("POST", f"/autorizacoes/{key}/reanalise", {"ds_justificativa": "x"})
    assert (again.status_code, again.json()["cd_status"], again.json()["itens"][0]["ie_status"]) == (202, "2", "U")
    missing = await client.call("POST", f"/autorizacoes/{key}/reanalise", {})
    assert missing.json()["erro"]["detalhes"] == [{"nm_campo": "ds_justificativa"}]


async def test_callbacks_count_for_each_object(client: Client) -> None:
    keys = [(await client.guide(f"C{number}"))["nr_seq_guia"] for number in range(2)]
    for trouble in ("", "gap", "twice", "signature"):
        said = await client.do("/eventos", {"kind": "autorizacoes", "key": keys[0], "trouble": trouble})
        assert said.status_code == 200
    await client.do("/eventos", {"kind": "autorizacoes", "key": keys[1], "end": "erro"})
    told = [(headers["x-evento-seq"], headers["x-evento-id"]) for _, headers, _ in client.hub.came]
    assert [sequence for sequence, _ in told] == ["1", "3", "4", "4", "5", "1"]
    assert told[2] == told[3]
    assert client.hub.came[-1][0].endswith("/erro")
    nobody = await client.do("/eventos", {"kind": "autorizacoes", "key": 1})
    assert (nobody.status_code, nobody.text.strip()) == (400, "Guia nao localizada")


async def test_bills_until_they_are_paid(client: Client) -> None:
    for number in range(12):
        await client.guide(f"B{number}")
    [number] = (await client.do("/contas", {})).json()["protocolos"]
    assert (await client.do("/contas", {})).json()["protocolos"] == []
    states = []
    for _ in range(5):
        protocol, drift = read(Protocol, (await client.call("GET", f"/protocolos/{number}")).content)
        assert (drift, sums(protocol)) == ([], [])
        states.append(protocol.cd_status_protocolo)
        await client.do("/contas", {"advance": True})
    assert states == ["1", "2", "3", "6", "6"]
    assert any(Decimal(bill.vl_glosa) for bill in protocol.contas)
    page = (await client.call("GET", "/contas", params={"limite": "5", "dt_atualizacao_de": "2020-01-01"})).json()
    assert (len(page["itens"]), page["cursor_proximo"]) == (5, "5")
    first = page["itens"][0]
    assert (await client.call("GET", f"/contas/{first['nr_seq_conta']}")).json() == first
    assert (await client.call("GET", "/contas", params={"dt_atualizacao_de": "2999-01-01"})).json()["itens"] == []
    for path in ("/contas/1", "/protocolos/x"):
        assert (await client.call("GET", path)).json()["erro"]["cd_erro"] == "PLS-4043"
    assert [json.loads(body)["cd_status_protocolo"] for path, _, body in client.hub.came] == ["1", "2", "3", "6"]


async def test_the_directory_is_filtered_and_tagged(client: Client) -> None:
    plan = client.station.control.tasy.plan
    wanted = plan.providers[0]["enderecos"][0]["cd_municipio_ibge"]
    for query, expected in [
        ({"cd_municipio_ibge": wanted}, lambda one: one["enderecos"][0]["cd_municipio_ibge"] == wanted),
        ({"cd_especialidade": "225125"}, lambda one: any(each["cd_cbo"] == "225125" for each in one["especialidades"])),
        ({"nr_seq_plano": "44"}, lambda one: any(each["nr_seq_plano"] == 44 for each in one["planos"])),
        ({"ie_situacao": "I"}, lambda one: False),
    ]:
        said = (await client.call("GET", "/prestadores", params=query)).json()
        assert said["itens"] == [one for one in plan.providers if expected(one)]
    first = await client.call("GET", "/prestadores")
    again = await client.call("GET", "/prestadores", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.call("GET", "/prestadores", params={"limite": "x"})).json()["erro"]["cd_erro"] == "PLS-4002"


async def test_every_refusal(client: Client) -> None:
    for name, (status, code, kind, reason) in REFUSALS.items():
        if name == "token-expired":
            continue  # the client's tests ask for another token
        assert (await client.do("", {"name": name, "path": "/prestadores", "seconds": 7})).status_code == 200
        said = await client.call("GET", "/prestadores", headers={"X-Correlation-Id": "c-1"})
        error = said.json()["erro"]
        assert (said.status_code, error["cd_erro"], error["ie_tipo"]) == (status, code, kind)
        assert (error["nr_correlacao"], said.headers["X-Correlation-Id"]) == ("c-1", "c-1")
        assert [one["cd_motivo_tiss"] for one in error.get("detalhes", [])] == ([reason] if reason else [])
        assert ("Retry-After" in said.headers) == (status in (429, 503))


async def test_what_is_not_as_the_contract_says_is_refused(client: Client) -> None:
    known = card(client.station.control.tasy.plan)
    for call, code in [
        (client.call("POST", "/beneficiarios/elegibilidade", content=b"{"), "PLS-4001"),
        (client.call("POST", "/beneficiarios/elegibilidade", {"cd_usuario_plano": "1"}), "PLS-4002"),
        (client.call("POST", "/autorizacoes", {"cd_usuario_plano": known}), "PLS-4002"),
        (client.call("GET", "/autorizacoes/x"), "PLS-4002"),
        (client.call("GET", "/prestadores", headers={"X-Estabelecimento": "2"}), "PLS-4032"),
    ]:
        assert (await call).json()["erro"]["cd_erro"] == code
    limits = (await client.call("GET", "/prestadores")).headers
    assert limits["X-RateLimit-Limit"] == "1000"
    assert int(limits["X-RateLimit-Remaining"]) < 1000


async def test_every_scenario_can_be_started(client: Client) -> None:
    for number, scenario in SCENARIOS.items():
        said = await client.do("/cenarios", {"number": number})
        assert said.status_code == 200, said.text
        assert len(said.json()["feito"]) == len(scenario.steps)
        assert scenario.steps or scenario.hint
        sets = [name for one in said.json()["feito"] for name in one.get("conjuntos", [])]
        assert len(sets) == sum(path == "conjuntos" for path, _ in scenario.steps)
        for _, step in scenario.steps:
            assert step.get("name", "other-host-key") in (*REFUSALS, *CHANGES, *SILENCES, "other-host-key")
    assert set(SCENARIOS) == set(range(1, 23)) - {19, 20}
    assert (await client.http.delete("/_simulador")).status_code == 204
    assert client.station.control.tasy.troubles == []


async def test_what_is_posted_wrongly_is_told(client: Client) -> None:
    for path, body in [
        ("", {"name": "x"}), ("/sftp", {"name": "x"}), ("/conjuntos", {"flow": "X"}), ("/cenarios", {"number": 19}),
        ("/conjuntos", {"flow": "REDE", "full": False}), ("/conjuntos", {"troubles": ["x"]}), ("/nada", {}),
        ("/guias", {"nr_seq_guia": 1}), ("/eventos", {"kind": "x", "key": 1}), ("/contas", {"x": 1}),
    ]:  # fmt: skip
        assert (await client.do(path, body)).status_code == 400
    told = (await client.http.get("/_simulador")).json()
    assert {"chamadas", "guias", "protocolos", "recibos", "diferencas", "sftp"} <= set(told)


async def test_started_again_it_is_the_same(made: Keys) -> None:
    (made.folder / "rest.json").unlink(missing_ok=True)
    assert where(made.folder) is None
    async with started(made) as before:
        assert where(made.folder) == Where(before.station.url, before.station.port)
        with pytest.raises(OSError, match="another"):
            async with started(made):
                pass
        assert (await before.do("/conjuntos", {"full": False})).status_code == 200
        plan = before.station.control.tasy.plan.members
        guide = await before.guide("S1")
        await before.do("/contas", {})
        await before.do("/eventos", {"kind": "autorizacoes", "key": guide["nr_seq_guia"]})
        assert before.hub.came[-1][1]["x-evento-seq"] == "1"
        protocols = before.station.control.tasy.bills.protocols
    async with started(keys(made.folder)) as after:
        assert after.station.new is False
        assert after.station.control.tasy.plan.members == plan
        again = await after.call("GET", f"/autorizacoes/{guide['nr_seq_guia']}")
        assert again.json() == guide
        number = {"cd_guia_prestador": "S1", "nr_seq_prestador": "4711"}
        assert (await after.call("GET", "/autorizacoes", params=number)).json() == guide
        assert (await after.guide("S1"))["erro"]["nr_seq_guia"] == guide["nr_seq_guia"]
        assert (await after.guide("S2"))["nr_seq_guia"] == guide["nr_seq_guia"] + 1
        [new] = (await after.do("/contas", {})).json()["protocolos"]
        assert new not in protocols
        assert {**protocols, new: after.station.control.tasy.bills.protocols[new]} == (
            after.station.control.tasy.bills.protocols
        )
        await after.do("/eventos", {"kind": "autorizacoes", "key": guide["nr_seq_guia"]})
        assert after.hub.came[-1][1]["x-evento-seq"] == "2"
    assert keys(made.folder).variables(1, 2) == made.variables(1, 2)
