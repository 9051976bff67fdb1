"""Meta's Cloud API as far as the hub uses it, and `/_simulador`: the phone page, troubles, what was said.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import resources
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from simulators.forms import form
from simulators.hanging_up import HangUp
from simulators.whatsapp.installation import ACCOUNT, Account
from simulators.whatsapp.troubles import TROUBLES, Trouble

Json = dict[str, Any]

LIMITS = {"body": 1024, "text": 4096, "buttons": 3, "button": 20, "rows": 10, "row": 24}
"""What the API refuses beyond, as Meta does."""
PACE = 0.02
"""Seconds between two statuses of a message."""


def app(account: Account, tell: Callable[[Json], None]) -> FastAPI:
    """The API. tell: puts a change on its way to the hub's webhook."""
    api = FastAPI(openapi_url=None)
    background: set[asyncio.Task[None]] = set()

    async def statuses(number: str, id: str, phone: str, tracking: str | None) -> None:
        account.telling += 1
        try:
            await tell_statuses(number, id, phone, tracking)
        finally:
            account.telling -= 1

    async def tell_statuses(number: str, id: str, phone: str, tracking: str | None) -> None:
        if failed := account.trouble("failed"):
            return tell(account.status(number, id, phone, "failed", tracking, [failed.code]))
        if account.trouble("no-status"):
            return None
        states = ["sent", "delivered", "read"]
        if account.trouble("status-shuffled"):
            states.reverse()
        for state in states:
            tell(account.status(number, id, phone, state, tracking))
            await asyncio.sleep(PACE)
        return None

    @api.post("/{version}/{number}/messages")
    async def send(version: str, number: str, request: Request) -> Response:
        if refused := _admitted(account, request):
            return refused
        if number in account.states:
            return _error(403, 131031)
        if account.trouble("hang-up"):
            raise HangUp
        if account.trouble("unavailable"):
            return Response(status_code=503)
        body = msgspec.json.decode(await request.body())
        if trouble := account.trouble("error"):
            return _error(400, trouble.code)
        if number not in account.numbers or _too_long(body) or not (body.get("to") or body.get("recipient")):
            return _error(400, 100 if number not in account.numbers else 131009)
        account.calls.append(body)
        id, phone = account.sent(number, body)
        told = statuses(number, id, phone, body.get("biz_opaque_callback_data"))
        if account.trouble("status-first"):
            await told
        else:
            task = asyncio.create_task(told)
            background.add(task)
            task.add_done_callback(background.discard)
        if account.trouble("cut"):
            raise HangUp
        if account.trouble("silence"):
            await asyncio.sleep(3600)
        return _json({"messaging_product": "whatsapp", "contacts": [{"wa_id": phone}], "messages": [{"id": id}]})

    @api.post("/{version}/{number}/media")
    async def upload(version: str, number: str, request: Request) -> Response:
        if refused := _admitted(account, request):
            return refused
        if account.trouble("media-away"):
            return Response(status_code=503)
        found = await form(request)
        if "file" not in found or found["file"].file is None:
            return _error(400, 131009)
        kind = found["type"].text if "type" in found else found["file"].content_type
        return _json({"id": account.keep(found["file"].content, kind)})

    @api.get("/media/{id}")
    async def download(id: str, request: Request) -> Response:
        if refused := _admitted(account, request):
            return refused
        if id not in account.media:
            return _error(404, 131052)
        kind, content = account.media[id]
        return Response(b"altered" + content if account.trouble("media-altered") else content, media_type=kind)

    @api.post("/_simulador/numeros/{number}")
    async def stands(number: str, request: Request) -> Response:
        """`{"estado": "BANNED"}`: it cannot be sent from; CONNECTED: it can again."""
        state = str(msgspec.json.decode(await request.body())["estado"])
        if state == "CONNECTED":
            account.states.pop(number, None)
        else:
            account.states[number] = state
        return _json({number: state})

    @api.post("/_simulador/avisos")
    async def notice(request: Request) -> Response:
        """Tells any change of a webhook: `{"field": "account_update", "value": {...}}`."""
        tell(msgspec.json.decode(await request.body()))
        return _json({}, 202)

    @api.put("/_simulador/modelos")
    async def approved(request: Request) -> Response:
        """The account's templates, as the API lists them."""
        account.templates[:] = msgspec.json.decode(await request.body())
        return _json({"modelos": len(account.templates)})

    @api.get("/{version}/{id}/message_templates")
    async def templates(version: str, id: str, request: Request, limit: int = 25, after: int = 0) -> Response:
        if refused := _admitted(account, request):
            return refused
        if id != ACCOUNT:
            return _error(400, 100)
        end = after + limit
        more = {"next": f"{request.url}"} if end < len(account.templates) else {}
        return _json({"data": account.templates[after:end], "paging": {"cursors": {"after": str(end)}, **more}})

    @api.get("/_simulador/conversas/{phone}")
    async def conversation(phone: str) -> Response:
        return _json({"linhas": [msgspec.to_builtins(line) for line in _lines(account, phone)]})

    @api.post("/_simulador/conversas/{phone}")
    async def write(phone: str, request: Request) -> Response:
        said = msgspec.json.decode(await request.body())
        account.person(phone, said.get("nome", ""))
        number = said.get("numero") or next(iter(account.numbers))
        tell(account.wrote(phone, number, said["conteudo"], answers=said.get("responde", "")))
        return _json({"id": account.lines[phone][-1].id}, 202)

    @api.post("/_simulador/arquivos")
    async def attach(request: Request) -> Response:
        kind = request.headers.get("Content-Type", "application/octet-stream")
        id = account.keep(await request.body(), kind)
        return _json({"id": id, "mime_type": kind, "sha256": account.digest(id)}, 201)

    @api.post("/_simulador/problemas")
    async def trouble(request: Request) -> Response:
        try:
            account.troubles.append(msgspec.convert(msgspec.json.decode(await request.body()), Trouble))
        except (ValueError, msgspec.MsgspecError) as error:
            return _json({"erro": str(error), "problemas": TROUBLES}, 400)
        return _json({"problemas": [msgspec.to_builtins(one) for one in account.troubles]}, 201)

    @api.get("/")
    async def phone() -> Response:
        page = resources.files("simulators.whatsapp").joinpath("phone.html").read_bytes()
        return Response(page, media_type="text/html; charset=utf-8")

    @api.get("/{version}/{id}")
    async def media(version: str, id: str, request: Request) -> Response:
        if refused := _admitted(account, request):
            return refused
        if id in account.numbers:
            state = account.states.get(id, "CONNECTED")
            return _json({"id": id, "display_phone_number": f"+{account.numbers[id]}", "status": state})
        if account.trouble("media-away"):
            return Response(status_code=503)
        if id not in account.media:
            return _error(404, 100)
        kind, content = account.media[id]
        found = {"id": id, "mime_type": kind, "sha256": account.digest(id), "file_size": len(content)}
        return _json({"messaging_product": "whatsapp", **found, "url": str(request.base_url) + f"media/{id}"})

    return api


def _admitted(account: Account, request: Request) -> Response | None:
    """The refusal of whoever has no token."""
    return None if request.headers.get("Authorization") == f"Bearer {account.token}" else _error(401, 190)


def _too_long(body: Json) -> bool:
    if body.get("type") == "text":
        return not 0 < len(body["text"]["body"]) <= LIMITS["text"]
    if body.get("type") != "interactive":
        return False
    content = body["interactive"]
    action = content["action"]
    buttons, rows = action.get("buttons", ()), [row for one in action.get("sections", ()) for row in one["rows"]]
    return (
        len(content["body"]["text"]) > LIMITS["body"]
        or len(buttons) > LIMITS["buttons"]
        or len(rows) > LIMITS["rows"]
        or any(len(one["reply"]["title"]) > LIMITS["button"] for one in buttons)
        or any(len(one["title"]) > LIMITS["row"] for one in rows)
    )


def _lines(account: Account, phone: str) -> list[Any]:
    return account.lines.get(phone, [])


def _json(content: Json, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _error(status: int, code: int) -> Response:
    return _json({"error": {"message": "Simulated", "type": "OAuthException", "code": code}}, status)
