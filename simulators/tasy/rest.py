"""Tasy's REST interface over a synthetic plan. Tasy contract, sections 1 to 8.

Beside the interface it has `/_simulador`: troubles are posted there (`{"name": "silence-after-commit", "path":
"/autorizacoes", "times": 1}`), calls and guides are read.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from simulators.tasy.guides import Refused
from simulators.tasy.installation import Seen, Tasy
from simulators.tasy.troubles import CHANGES, NAMES, REFUSALS, SILENCES, Trouble

Json = dict[str, Any]
Body = Callable[[Request, bytes], Awaitable[tuple[int, Json]]]

BASE = "/api/pls/v1"


class HangUp(Exception):
    """The connection ends without an answer."""


def app(tasy: Tasy) -> FastAPI:
    """The interface. The certificate of a connection is expected in the request's state (`serve.py`)."""
    api = FastAPI(openapi_url=None)

    async def answer(request: Request, perform: Body) -> Response:
        body, path = await request.body(), request.url.path.removeprefix(BASE)
        headers = {"X-Correlation-Id": request.headers.get("X-Correlation-Id", "")}
        now = asyncio.get_running_loop().time()
        seen = Seen(request.method, path)
        tasy.calls.append(seen)
        trouble = tasy.trouble(path)
        try:
            tasy.admit(request.headers.get("Authorization", ""), _certificate(request), now)
            if trouble and trouble.name in REFUSALS:
                if trouble.name == "token-expired":
                    tasy.revoke()
                status, code, kind = REFUSALS[trouble.name]
                raise Refused(status, code, "Simulado", kind)
            if trouble and trouble.name in ("silence", "hang-up"):
                await _silent(trouble)
            key = request.headers.get("Idempotency-Key", "")
            found = tasy.guides.replay(key, body) if key else None
            if found:
                headers["Idempotency-Replayed"] = "true"
            carried, said = found or await perform(request, body)
            said = deepcopy(said)
            if key and found is None:
                tasy.guides.remember(key, body, carried, deepcopy(said))
            if trouble and trouble.name in SILENCES:
                await _silent(trouble)
            if trouble and trouble.name in CHANGES:
                CHANGES[trouble.name](said)
            seen.status = carried
        except Refused as refusal:
            seen.status, said = refusal.status, {"erro": refusal.body}
            if refusal.status in (429, 503):
                headers["Retry-After"] = str(int(trouble.seconds if trouble else 5))
        return Response(msgspec.json.encode(said), seen.status, headers, "application/json; charset=utf-8")

    @api.post("/oauth2/token")
    async def token(request: Request) -> Response:
        form = dict(pair.partition("=")[::2] for pair in (await request.body()).decode().split("&"))
        given = request.headers.get("Authorization", "")
        try:
            if form.get("grant_type") != "client_credentials":
                raise Refused(400, "PLS-4002", "grant_type")
            said = tasy.token(_basic(given), _certificate(request), asyncio.get_running_loop().time())
        except Refused as refusal:
            tasy.calls.append(Seen("POST", "/oauth2/token", refusal.status))
            return Response(msgspec.json.encode({"erro": refusal.body}), refusal.status)
        tasy.calls.append(Seen("POST", "/oauth2/token", 200))
        return Response(msgspec.json.encode(said), 200, media_type="application/json")

    @api.post(f"{BASE}/beneficiarios/elegibilidade")
    async def eligibility(request: Request) -> Response:
        async def perform(_: Request, body: bytes) -> tuple[int, Json]:
            return 200, tasy.eligibility(_parsed(body), datetime.now())

        return await answer(request, perform)

    @api.post(f"{BASE}/autorizacoes")
    async def submit(request: Request) -> Response:
        async def perform(_: Request, body: bytes) -> tuple[int, Json]:
            asked = _parsed(body)
            tasy.member(asked)
            return tasy.guides.submit(asked, datetime.now())

        return await answer(request, perform)

    @api.get(f"{BASE}/autorizacoes")
    async def find(request: Request) -> Response:
        async def perform(asked: Request, _: bytes) -> tuple[int, Json]:
            query = asked.query_params
            return 200, tasy.guides.find(query.get("cd_guia_prestador", ""), int(query.get("nr_seq_prestador", "0")))

        return await answer(request, perform)

    @api.get(BASE + "/autorizacoes/{key}")
    async def read(request: Request, key: int) -> Response:
        async def perform(_: Request, body: bytes) -> tuple[int, Json]:
            return 200, tasy.guides.read(key)

        return await answer(request, perform)

    @api.put(BASE + "/autorizacoes/{key}/cancelamento")
    async def cancel(request: Request, key: int) -> Response:
        async def perform(_: Request, body: bytes) -> tuple[int, Json]:
            return 200, tasy.guides.cancel(key)

        return await answer(request, perform)

    @api.get(f"{BASE}/prestadores")
    async def directory(request: Request) -> Response:
        async def perform(asked: Request, _: bytes) -> tuple[int, Json]:
            query = asked.query_params
            limit = min(500, int(query.get("limite", "100")))
            page = tasy.directory(query.get("dt_atualizacao_de", ""), limit, query.get("cursor", ""))
            return 200, {**page, "dt_referencia": datetime.now().replace(microsecond=0).isoformat()}

        return await answer(request, perform)

    @api.get(BASE + "/prestadores/{key}")
    async def provider(request: Request, key: int) -> Response:
        async def perform(_: Request, body: bytes) -> tuple[int, Json]:
            return 200, tasy.provider(key)

        response = await answer(request, perform)
        etag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:16]}"'
        if response.status_code == 200 and request.headers.get("If-None-Match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        response.headers["ETag"] = etag
        return response

    @api.post("/_simulador")
    async def trouble(request: Request) -> Response:
        try:
            wanted = msgspec.json.decode(await request.body(), type=_Wanted)
        except msgspec.MsgspecError as error:
            return Response(str(error), 400)
        if wanted.name not in NAMES:
            return Response(f"name is one of {', '.join(NAMES)}", 400)
        tasy.troubles.append(Trouble(wanted.name, wanted.path, wanted.times, wanted.seconds))
        return Response(status_code=204)

    @api.get("/_simulador")
    async def calls() -> Response:
        return Response(msgspec.json.encode({"chamadas": tasy.calls[-1000:], "guias": tasy.guides.by_key}))

    return api


class _Wanted(msgspec.Struct):
    name: str
    path: str = ""
    times: int = 1
    seconds: float = 30


async def _silent(trouble: Trouble) -> None:
    if trouble.name.startswith("hang-up"):
        raise HangUp
    await asyncio.sleep(trouble.seconds)
    raise HangUp


def _certificate(request: Request) -> str:
    """SHA-256 of the client's certificate."""
    return hashlib.sha256(getattr(request.state, "certificate", None) or b"").hexdigest()


def _basic(header: str) -> tuple[str, str]:
    """Raises Refused."""
    try:
        name, _, secret = base64.b64decode(header.removeprefix("Basic "), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(401, "PLS-4011", "Credenciais invalidas", "SEGURANCA") from error
    return name, secret


def _parsed(body: bytes) -> Json:
    """Raises Refused."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Refused(400, "PLS-4001", "JSON malformado", "FORMATO") from error
