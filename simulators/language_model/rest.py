"""The OpenAI-compatible interface as far as the hub uses it, and `/_simulador`: troubles, and what was received.

https://platform.openai.com/docs/api-reference/chat/create, .../audio/createTranscription, .../models/list
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from simulators.forms import form
from simulators.hanging_up import HangUp
from simulators.language_model.hostile import KINDS, REPLIES, hostile, hostile_reply
from simulators.language_model.reading import extraction, phrasing
from simulators.language_model.troubles import TROUBLES, Trouble, due

Json = dict[str, Any]

MODEL = "simulated-1"
NEVER = 3600.0
DRIP = 1.0
"""Seconds between two bytes."""
HEARD = "estou com dor no peito e suando frio"
"""What every recording says, unless `/_simulador/transcricao` says another."""
_STATUS = {"rate-limited": 429, "unavailable": 500, "unauthorized": 401}


@dataclass(slots=True)
class Model:
    """A simulated model: what opens it, what goes wrong, what it was sent."""

    key: str = field(repr=False)
    troubles: list[Trouble] = field(default_factory=list)
    received: list[Json] = field(default_factory=list)
    """Bodies of requests; of a recording its name, type and size."""
    heard: str = HEARD
    seed: int = 1
    _count: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def next(self) -> int:
        """A number that was not there before."""
        return self.seed * 1_000_000 + next(self._count)


def app(model: Model) -> FastAPI:
    """The interface."""
    api = FastAPI(openapi_url=None)

    @api.get("/v1/models")
    async def models(request: Request) -> Response:
        if refused := _admitted(model, request):
            return refused
        return _json({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "simulator"}]})

    @api.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        if refused := _admitted(model, request):
            return refused
        body = msgspec.json.decode(await request.body())
        model.received.append(body)
        trouble, number = due(model.troubles), model.next()
        if found := await _undone(trouble):
            return found
        try:
            content = _content(body, trouble or "", number)
        except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
            return _error(400, f"not understood: {type(error).__name__}")
        answer = _completion(body, content, trouble, number)
        if trouble == "broken-envelope":
            return Response(b"<html>" + answer[:40], media_type="application/json")
        if trouble == "drip":
            return StreamingResponse(_dripping(answer), media_type="application/json")
        return Response(answer, media_type="application/json")

    @api.post("/v1/audio/transcriptions")
    async def transcribe(request: Request) -> Response:
        if refused := _admitted(model, request):
            return refused
        sound = (await form(request)).get("file")
        if sound is None or sound.file is None:
            return _error(400, "file: is missing")
        model.received.append({"file": sound.file, "type": sound.content_type, "size": len(sound.content)})
        trouble = due(model.troubles)
        if found := await _undone(trouble):
            return found
        if trouble == "broken-envelope":
            return Response(b"<html>", media_type="application/json")
        return _json({"text": "" if trouble == "empty" else model.heard})

    @api.get("/_simulador")
    async def told() -> Response:
        return _json({"recebido": model.received, "problemas": [msgspec.to_builtins(one) for one in model.troubles]})

    @api.delete("/_simulador")
    async def forget() -> Response:
        model.troubles.clear()
        model.received.clear()
        return Response(status_code=204)

    @api.post("/_simulador/problemas")
    async def trouble(request: Request) -> Response:
        try:
            model.troubles.append(msgspec.convert(msgspec.json.decode(await request.body()), Trouble))
        except (ValueError, msgspec.MsgspecError) as error:
            return _json({"erro": str(error), "problemas": TROUBLES}, 400)
        return _json({"problemas": [msgspec.to_builtins(one) for one in model.troubles]}, 201)

    @api.post("/_simulador/transcricao")
    async def hear(request: Request) -> Response:
        model.heard = (await request.body()).decode()
        return Response(status_code=204)

    return api


async def _undone(trouble: str | None) -> Response | None:
    """The answer where there is none."""
    if trouble == "silence":
        await asyncio.sleep(NEVER)
    if trouble == "hang-up":
        raise HangUp
    return _error(_STATUS[trouble], "simulated") if trouble in _STATUS else None


def _content(body: Json, trouble: str, number: int) -> str:
    """What the assistant says. Raises KeyError, TypeError, ValueError: nothing it understands was asked."""
    schema = body["response_format"]["json_schema"]
    if body["response_format"]["type"] != "json_schema" or not schema["strict"]:
        raise ValueError("response_format: must be a strict json_schema")
    asked = msgspec.json.decode(next(one for one in reversed(body["messages"]) if one["role"] == "user")["content"])
    if "passages" in asked:
        if trouble in REPLIES:
            return hostile_reply(trouble, number, asked["passages"])
        return msgspec.json.encode(phrasing(asked["passages"], asked["question"])).decode()
    codes = schema["schema"]["properties"]["findings"]["items"]["properties"]["code"]["enum"]
    if trouble in KINDS:
        return hostile(trouble, number, asked["turns"], codes)
    return msgspec.json.encode(extraction(asked["turns"], codes)).decode()


def _completion(body: Json, content: str, trouble: str | None, number: int) -> bytes:
    words = sum(len(str(one["content"])) for one in body["messages"]) // 4
    said: Json = {"role": "assistant", "content": content, "refusal": None}
    ended = "stop"
    if trouble == "refusal":
        said = {"role": "assistant", "content": None, "refusal": "Não posso ajudar com isso."}
    elif trouble == "truncated":
        said["content"], ended = content[: len(content) // 2], "length"
    elif trouble == "filtered":
        ended = "content_filter"
    choices = [] if trouble == "empty" else [{"index": 0, "message": said, "logprobs": None, "finish_reason": ended}]
    spent = len(content) // 4
    usage = {
        "prompt_tokens": words, "completion_tokens": spent, "total_tokens": words + spent,
        "prompt_tokens_details": {"cached_tokens": words // 2},
    }  # fmt: skip
    return msgspec.json.encode(
        {
            "id": f"chatcmpl-sim{number}", "object": "chat.completion", "created": int(time.time()),
            "model": body["model"], "choices": choices, "usage": usage,
        }
    )  # fmt: skip


async def _dripping(answer: bytes) -> AsyncIterator[bytes]:
    for at in range(len(answer)):
        yield answer[at : at + 1]
        await asyncio.sleep(DRIP)


def _admitted(model: Model, request: Request) -> Response | None:
    """The refusal of whoever has no key."""
    return None if request.headers.get("Authorization") == f"Bearer {model.key}" else _error(401, "no such key")


def _json(content: Json, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _error(status: int, reason: str) -> Response:
    return _json({"error": {"message": reason, "type": "simulated", "code": None}}, status)
