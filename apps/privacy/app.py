"""The app as an ASGI application: what members see, say and ask for about their data, by FHIR operations."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from apps.privacy.browsers import called
from apps.privacy.page import Page
from apps.privacy.record import read
from apps.smart.config import Config
from apps.smart.entrance import Entrance
from apps.smart.form import form, from_elsewhere
from apps.smart.launch import LaunchFailed
from apps.smart.person import name_of
from apps.smart.reader import NotAllowed, Reader, Refused, SignedOut, Unavailable
from apps.smart.sessions import Session

HERE = Path(__file__).parent
EXPORT, NOTICE, PROBLEM = "export", "notice", "problem"
"""What a session remembers: the URL of an export, what was done last, what could not be done."""
_FILE = re.compile(r"[A-Za-z]{1,64}\.[0-9]{1,6}\.(ndjson|txt)")

Value = dict[str, Any]


def privacy(
    config: Config, http: httpx2.AsyncClient, parts: Path, *, push_key: str | None = None,
    now: Callable[[], float] = time.monotonic,
) -> FastAPI:  # fmt: skip
    """The application, to be mounted where `config.url` points. http, parts: as of the clinician's app.

    push_key: what browsers are subscribed with to be told of notices; None: they cannot be.
    """
    page = Page(config.url)
    app = FastAPI(title="Privacy", openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/parts/bootstrap", StaticFiles(directory=parts / "bootstrap" / "dist" / "css"))

    def failed(request: Request, reason: str, status: int = 400) -> HTMLResponse:
        return HTMLResponse(page.failure(reason), status)

    entrance = Entrance(app, config, http, failed, name_of, now)

    @app.get("/")
    async def welcome() -> HTMLResponse:
        return HTMLResponse(page.welcome())

    @app.get("/worker.js")
    async def worker() -> FileResponse:
        """Not below /static: a service worker speaks for what lies beside it."""
        return FileResponse(HERE / "static" / "worker.js", media_type="text/javascript")

    @app.get("/{key}/")
    async def record(request: Request, key: str, older: int | None = None, own: bool = False) -> Response:
        session = entrance.session_of(request, key)
        if session is None:
            return HTMLResponse(page.expired(), 401)
        try:
            reader = await entrance.reader(session)
            start = str(older) if older else None
            found = await read(reader.get, session.patient, start=start, own=own, told=push_key is not None)
            files, waiting = await _export(reader, session)
        except SignedOut:
            entrance.sessions.end(key)
            return HTMLResponse(page.expired(), 401)
        except (Unavailable, LaunchFailed):
            return failed(request, "the FHIR server does not answer as it should", 502)
        told = {name: session.memory.pop(name, "") for name in (NOTICE, PROBLEM)}
        return HTMLResponse(
            page.record(
                found, key=key, person=session.person, own=own, files=files, waiting=waiting, push_key=push_key, **told
            )
        )

    async def done(request: Request, key: str, operation: str, values: list[Value], said: str, place: str) -> Response:
        """Calls an operation on the person's record, and goes back to where it was asked for."""
        if from_elsewhere(request):
            return failed(request, "this was sent from another page", 403)
        session = entrance.session_of(request, key)
        if session is None:
            return HTMLResponse(page.expired(), 401)
        body = {"resourceType": "Parameters", "parameter": values}
        try:
            reader = await entrance.reader(session)
            answer = await reader.post(f"Patient/{quote(session.patient, safe='')}/{operation}", body)
        except SignedOut:
            entrance.sessions.end(key)
            return HTMLResponse(page.expired(), 401)
        except (Refused, NotAllowed) as error:
            session.memory[PROBLEM] = PROBLEMS.get(getattr(error, "status", 403), PROBLEMS[400])
        except (Unavailable, LaunchFailed):
            return failed(request, "the FHIR server does not answer as it should", 502)
        else:
            session.memory[NOTICE] = said
            if operation == "$portability":
                session.memory[EXPORT] = answer.headers.get("content-location", "")
        return RedirectResponse(f"{config.url}/{key}/#{place}", 303)

    @app.post("/{key}/consent")
    async def consent(request: Request, key: str) -> Response:
        given = await form(request)
        granted = given.get("granted") == ["true"]
        values: list[Value] = [
            {"name": "purpose", "valueCode": given.get("purpose", [""])[0]},
            {"name": "granted", "valueBoolean": granted},
        ]
        said = "Autorização registrada." if granted else "Autorização retirada. Vale a partir de agora."
        return await done(request, key, "$consent", values, said, "consents")

    @app.post("/{key}/browsers")
    async def browser_on(request: Request, key: str) -> Response:
        given = await form(request)
        values: list[Value] = [
            {"name": name, "valueString": given.get(name, [""])[0]} for name in ("endpoint", "key", "secret")
        ]
        values.append({"name": "name", "valueString": called(request.headers.get("user-agent", ""))})
        return await done(request, key, "$browser-on", values, "Avisos ligados neste navegador.", "browsers")

    @app.post("/{key}/browsers/off")
    async def browser_off(request: Request, key: str) -> Response:
        given = await form(request)
        values: list[Value] = [{"name": "browser", "valueString": given.get("browser", [""])[0]}]
        return await done(request, key, "$browser-off", values, "Avisos desligados.", "browsers")

    @app.post("/{key}/export")
    async def export(request: Request, key: str) -> Response:
        return await done(request, key, "$portability", [], "Os seus arquivos estão sendo preparados.", "export")

    @app.post("/{key}/correction")
    async def correction(request: Request, key: str) -> Response:
        given = await form(request)
        values: list[Value] = [
            {"name": name, "valueString": text}
            for name in ("resource", "statement", "wanted") if (text := given.get(name, [""])[0].strip())
        ]  # fmt: skip
        return await done(request, key, "$rectification", values, "Pedido de correção enviado.", "requests")

    @app.post("/{key}/erasure")
    async def erasure(request: Request, key: str) -> Response:
        given = await form(request)
        session, classes = entrance.session_of(request, key), given.get("classes", [])
        if session is not None and not (classes and given.get("sure") == ["true"]):
            session.memory[PROBLEM] = "Escolha o que deve ser eliminado e confirme que sabe que não tem volta."
            return RedirectResponse(f"{config.url}/{key}/#erasure", 303)
        values: list[Value] = [{"name": "class", "valueCode": one} for one in classes]
        return await done(request, key, "$erasure", values, "Pedido de eliminação enviado.", "requests")

    @app.get("/{key}/files/{name}")
    async def file(request: Request, key: str, name: str) -> Response:
        session = entrance.session_of(request, key)
        if session is None:
            return HTMLResponse(page.expired(), 401)
        place = session.memory.get(EXPORT)
        if not place or not _FILE.fullmatch(name):
            return failed(request, "there is no such file", 404)
        try:
            found = await (await entrance.reader(session)).fetch(f"{place}/{name}", "*/*")
        except SignedOut:
            entrance.sessions.end(key)
            return HTMLResponse(page.expired(), 401)
        except (NotAllowed, Unavailable, LaunchFailed):
            return failed(request, "the file could not be read, or is not kept any more", 404)
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(found.content, media_type="application/octet-stream", headers=headers)

    return app


PROBLEMS = {
    400: "O pedido não está completo: confira o que escreveu.",
    403: "A sua permissão não inclui isto.",
    404: "O registro não foi encontrado.",
    409: "O pedido não combina com a situação atual: recarregue a página.",
    422: "Isto não pode ser pedido assim: faz parte do contrato, ou o registro não é seu.",
    429: "Há pedidos demais em andamento. Espere que sejam atendidos.",
}
"""Status of a refusal -> what the person is told."""


async def _export(reader: Reader, session: Session) -> tuple[list[tuple[str, str]], bool]:
    """Files of the export asked for in this session (name, what it is), and whether it is still under way."""
    place = session.memory.get(EXPORT)
    if not place:
        return [], False
    try:
        answer = await reader.fetch(place, "application/json", waiting=True)
    except (NotAllowed, Unavailable):
        session.memory.pop(EXPORT, None)
        return [], False
    if answer.status_code == 202:
        return [], True
    manifest = answer.json()
    summary = str(manifest.get("extension", {}).get("urn:fhir-hub:summary", "")).rpartition("/")[2]
    names = [(str(one["url"]).rpartition("/")[2], f"{one['type']} ({one['count']})") for one in manifest["output"]]
    return [(summary, "Resumo para ler"), *names] if summary else names, False
