"""The REST interface over HTTP: who may call, what goes wrong on demand, errors, headers. Tasy contract, 1 to 4."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI, Request, Response

from simulators.hanging_up import HangUp
from simulators.tasy.calls import CALLS, TAGGED, Answer, Asked
from simulators.tasy.guides import Refused
from simulators.tasy.installation import CALLS_A_MINUTE, Seen, Tasy
from simulators.tasy.troubles import CHANGES, REFUSALS, SILENCES, TEXTS, Trouble

Json = dict[str, Any]

BASE = "/api/pls/v1"
ESTABLISHMENT = "1"


def app(tasy: Tasy) -> FastAPI:
    """The interface. The certificate of a connection is expected in the request's state (`serve.py`)."""
    api = FastAPI(openapi_url=None)

    @api.post("/oauth2/token")
    async def token(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("latin-1")))
        try:
            if form.get("grant_type") != "client_credentials":
                raise Refused(400, "PLS-4002", "grant_type")
            credentials = _basic(request.headers.get("Authorization", ""))
            said = tasy.token(credentials, _certificate(request), asyncio.get_running_loop().time())
        except Refused as refusal:
            tasy.calls.append(Seen("POST", "/oauth2/token", refusal.status))
            return Response(msgspec.json.encode({"erro": refusal.body}), refusal.status)
        tasy.calls.append(Seen("POST", "/oauth2/token", 200))
        return Response(msgspec.json.encode(said), 200, media_type="application/json")

    for method, path, perform in CALLS:
        api.add_api_route(BASE + path, _handler(tasy, perform), methods=[method])
    return api


def _handler(tasy: Tasy, perform: Callable[[Asked], Answer]) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        return await _answer(tasy, request, perform)

    return handle


async def _answer(tasy: Tasy, request: Request, perform: Callable[[Asked], Answer]) -> Response:
    body, path = await request.body(), request.url.path.removeprefix(BASE)
    correlation = request.headers.get("X-Correlation-Id", "")
    headers, now = {"X-Correlation-Id": correlation}, asyncio.get_running_loop().time()
    seen, trouble = Seen(request.method, path), tasy.trouble(path)
    tasy.calls.append(seen)
    try:
        if request.headers.get("X-Estabelecimento", ESTABLISHMENT) != ESTABLISHMENT:
            raise Refused(403, "PLS-4032", "Estabelecimento nao permitido", "SEGURANCA")
        tasy.admit(request.headers.get("Authorization", ""), _certificate(request), now)
        if trouble and trouble.name in REFUSALS:
            if trouble.name == "token-expired":
                tasy.revoke()
            raise _refusal(trouble.name)
        if trouble and trouble.name in ("silence", "hang-up"):
            await _silent(trouble)
        key = request.headers.get("Idempotency-Key", "")
        found = tasy.guides.replay(key, body) if key else None
        if found:
            headers["Idempotency-Replayed"] = "true"
        media_type = request.headers.get("Content-Type", "")
        carried, said = found or perform(Asked(tasy, request.path_params, request.query_params, media_type, body))
        said = deepcopy(said)
        if key and found is None:
            tasy.guides.remember(key, body, carried, deepcopy(said))
        if trouble and trouble.name in SILENCES:
            await _silent(trouble)
        if trouble and trouble.name in CHANGES:
            CHANGES[trouble.name](said)
        seen.status = carried
        if path.startswith(TAGGED):
            headers["ETag"] = _tag(said)
            if request.headers.get("If-None-Match") == headers["ETag"]:
                seen.status = 304
                return Response(status_code=304, headers=headers)
    except Refused as refusal:
        when = datetime.now().replace(microsecond=0).isoformat()
        seen.status = refusal.status
        said = {"erro": {**refusal.body, "nr_correlacao": correlation, "dt_erro": when}}
        if refusal.status in (429, 503):
            headers["Retry-After"] = str(int(trouble.seconds if trouble else 5))
    headers |= {
        "X-RateLimit-Limit": str(CALLS_A_MINUTE),
        "X-RateLimit-Remaining": str(tasy.left(now)),
        "X-RateLimit-Reset": str(int(time.time()) + 60),
    }
    return Response(msgspec.json.encode(said), seen.status, headers, "application/json; charset=utf-8")


def _refusal(name: str) -> Refused:
    status, code, kind, reason = REFUSALS[name]
    details = (
        {"detalhes": [{"nm_campo": "simulado", "vl_informado": "***", "cd_motivo_tiss": reason}]} if reason else {}
    )
    return Refused(status, code, TEXTS.get(name, "Simulado"), kind, **details)


def _tag(said: Json) -> str:
    """Of what was said, whenever it was."""
    told = {name: value for name, value in said.items() if name != "dt_referencia"}
    return f'"{hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]}"'


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
