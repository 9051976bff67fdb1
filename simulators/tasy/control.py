"""What is done to a running installation from outside, at `/_simulador`: it is made to misbehave, to decide, to tell.

POST /_simulador             a trouble of the REST interface
POST /_simulador/sftp        a trouble of the SFTP server
POST /_simulador/conjuntos   the next set of a flow, or {"late": true}, {"again": true}
POST /_simulador/guias       a person decides a guide
POST /_simulador/contas      providers present bills, or {"advance": true}: protocols come to their next state
POST /_simulador/eventos     a callback to the hub
POST /_simulador/cenarios    a scenario, by its number
DELETE /_simulador           no more troubles
GET /_simulador              calls, guides, protocols, receipts, differences
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from simulators.tasy import callbacks, sftp, troubles
from simulators.tasy.callbacks import Callbacks, NotTaken
from simulators.tasy.files import Files
from simulators.tasy.guides import Refused
from simulators.tasy.installation import Tasy
from simulators.tasy.scenarios import SCENARIOS
from simulators.tasy.sftp import Sftp
from simulators.tasy.troubles import Trouble

Json = dict[str, Any]
AUDITOR = "DRA EXEMPLO AUDITORA"
GROUNDS = {"cd_motivo_tiss": "1438", "ds_motivo": "NAO ATENDE DUT", "ds_fundamento": "RN 465/2021, Anexo II"}


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    path: str = ""
    times: int = 1
    seconds: float = 30


class _Sftp(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    times: int = 1
    seconds: float = 0.5
    size: int = 100_000


class _Set(msgspec.Struct, forbid_unknown_fields=True):
    flow: str = "MEMBROS"
    full: bool = True
    troubles: list[str] = []
    differences: int = 0
    late: bool = False
    again: bool = False


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    nr_seq_guia: int
    ie_status: str = "S"
    qt_autorizada: int | None = None


class _Bills(msgspec.Struct, forbid_unknown_fields=True):
    advance: bool = False


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    key: str | int
    end: str = "sucesso"
    trouble: str = ""


class _Scenario(msgspec.Struct, forbid_unknown_fields=True):
    number: int


@dataclass(slots=True)
class Control:
    """An installation, and what belongs to it where it has that."""

    tasy: Tasy
    files: Files | None = None
    sftp: Sftp | None = None
    callbacks: Callbacks | None = None

    async def do(self, path: str, body: bytes) -> Json:
        """Does what is posted at a path; what is to be told of it. Raises ValueError, naming what is wrong."""
        kinds: dict[str, tuple[Any, Callable[[Any], Awaitable[Json]]]] = {
            "": (_Call, self._call),
            "sftp": (_Sftp, self._server),
            "conjuntos": (_Set, self._set),
            "guias": (_Decision, self._decide),
            "contas": (_Bills, self._bill),
            "eventos": (_Event, self._tell),
            "cenarios": (_Scenario, self._scenario),
        }
        if path not in kinds:
            raise ValueError(f"there are {', '.join(kinds)}")
        kind, act = kinds[path]
        try:
            return await act(msgspec.json.decode(body, type=kind))
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error
        except Refused as error:
            raise ValueError(str(error.body["ds_erro"])) from error

    def clear(self) -> None:
        """No more troubles."""
        self.tasy.troubles.clear()
        if self.sftp:
            self.sftp.troubles.clear()

    async def told(self) -> Json:
        """What has happened so far."""
        found: Json = {
            "chamadas": [asdict(one) for one in self.tasy.calls[-1000:]],
            "guias": self.tasy.guides.by_key,
            "anexos": {key: [asdict(one) for one in all] for key, all in self.tasy.guides.attachments.items()},
            "protocolos": self.tasy.bills.protocols,
        }
        if self.files:
            found["recibos"] = await asyncio.to_thread(self.files.receipts)
            found["diferencas"] = [asdict(one) for one in self.files.differences]
        if self.sftp:
            found["sftp"] = {"porta": self.sftp.port, "impressao": self.sftp.fingerprint}
        return found

    async def _call(self, wanted: _Call) -> Json:
        if wanted.name not in troubles.NAMES:
            raise ValueError(f"name is one of {', '.join(troubles.NAMES)}")
        self.tasy.troubles.append(Trouble(wanted.name, wanted.path, wanted.times, wanted.seconds))
        return {"problema": wanted.name}

    async def _server(self, wanted: _Sftp) -> Json:
        if self.sftp is None:
            raise ValueError("there is no SFTP server")
        if wanted.name not in sftp.TROUBLES:
            raise ValueError(f"name is one of {', '.join(sftp.TROUBLES)}")
        self.sftp.troubles.append(sftp.Trouble(wanted.name, wanted.times, wanted.seconds, wanted.size))
        return {"problema": wanted.name}

    async def _set(self, wanted: _Set) -> Json:
        files = self.files
        if files is None:
            raise ValueError("there are no files")
        if wanted.late:
            return {"conjuntos": await asyncio.to_thread(files.late)}
        if wanted.again:
            return {"conjuntos": [await asyncio.to_thread(files.again)]}
        name = await asyncio.to_thread(
            lambda: files.publish(
                wanted.flow, full=wanted.full, troubles=wanted.troubles, differences=wanted.differences
            )
        )
        return {"conjuntos": [name]}

    async def _decide(self, wanted: _Decision) -> Json:
        guide = self.tasy.guides.read(wanted.nr_seq_guia)
        denied = wanted.ie_status == "N"
        decisions = {}
        for item in guide["itens"]:
            granted = item["qt_solicitada"] if wanted.qt_autorizada is None else wanted.qt_autorizada
            decisions[item["nr_item"]] = (wanted.ie_status, 0 if denied else granted, [GROUNDS] if denied else [])
        self.tasy.guides.decide(wanted.nr_seq_guia, decisions, AUDITOR, datetime.now())
        if self.callbacks:
            await self._tell(_Event("autorizacoes", wanted.nr_seq_guia))
        return {"nr_seq_guia": wanted.nr_seq_guia, "cd_status": guide["cd_status"]}

    async def _bill(self, wanted: _Bills) -> Json:
        bills, guides, now = self.tasy.bills, self.tasy.guides, datetime.now()
        found = bills.advance(now) if wanted.advance else bills.present(guides.by_key.values(), guides.asked, now)
        if self.callbacks:
            for number in found:
                await self._tell(_Event("contas", number))
        return {"protocolos": found}

    async def _tell(self, wanted: _Event) -> Json:
        if self.callbacks is None:
            raise ValueError("nobody is told: no hub was named")
        if wanted.kind not in callbacks.PATHS or wanted.end not in ("sucesso", "erro"):
            raise ValueError(f"kind is one of {', '.join(callbacks.PATHS)}; end is sucesso or erro")
        if wanted.trouble and wanted.trouble not in callbacks.TROUBLES:
            raise ValueError(f"trouble is one of {', '.join(callbacks.TROUBLES)}")
        payloads: dict[str, Callable[[], Json]] = {
            "autorizacoes": lambda: self.tasy.guides.read(int(wanted.key)),
            "contas": lambda: self.tasy.bills.protocol(str(wanted.key)),
            "prestadores": lambda: self.tasy.provider(int(wanted.key)),
        }
        try:
            told = await self.callbacks.tell(wanted.kind, payloads[wanted.kind](), wanted.end, wanted.trouble)
        except NotTaken as error:
            raise ValueError(str(error)) from error
        return asdict(told)

    async def _scenario(self, wanted: _Scenario) -> Json:
        scenario = SCENARIOS.get(wanted.number)
        if scenario is None:
            raise ValueError(f"number is one of {', '.join(map(str, SCENARIOS))}")
        done = [await self.do(path, msgspec.json.encode(posted)) for path, posted in scenario.steps]
        return {"cenario": wanted.number, "titulo": scenario.title, "feito": done, "dica": scenario.hint}


def add(api: FastAPI, control: Control) -> None:
    """Adds `/_simulador` to the interface."""

    @api.post("/_simulador")
    async def trouble(request: Request) -> Response:
        return await _done(control, "", request)

    @api.post("/_simulador/{path}")
    async def post(request: Request, path: str) -> Response:
        return await _done(control, path, request)

    @api.delete("/_simulador")
    async def clear() -> Response:
        control.clear()
        return Response(status_code=204)

    @api.get("/_simulador")
    async def told() -> Response:
        return Response(msgspec.json.encode(await control.told()), media_type="application/json")


async def _done(control: Control, path: str, request: Request) -> Response:
    try:
        return Response(msgspec.json.encode(await control.do(path, await request.body())), 200)
    except ValueError as error:
        return Response(f"{error}\n", 400, media_type="text/plain; charset=utf-8")
