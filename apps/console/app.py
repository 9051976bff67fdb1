"""The console as an ASGI application: pages over the hub's API of operators, with nothing of the hub's own."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from apps.console.operations import Operations, Refused, Told
from apps.console.page import Page
from apps.console.pointers import pointer
from apps.smart.config import Config
from apps.smart.entrance import Entrance
from apps.smart.form import form, from_elsewhere
from apps.smart.launch import LaunchFailed
from apps.smart.person import name_of
from apps.smart.reader import NotAllowed, SignedOut, Unavailable
from apps.smart.sessions import Session

HERE = Path(__file__).parent
NOTICE, PROBLEM = "notice", "problem"
"""What a session remembers: what was done last, what could not be done."""
CRITERIA = ("orderKey", "correlation", "businessKey", "file", "run", "flow", "state", "since", "until")
LONGEST = 2 * 1024 * 1024
"""Bytes of a form: a line of a file is 1 MB at most, and grows when it is written into a form."""

Json = Any
Shown = Callable[[Operations, Session], Awaitable[Response]]


def console(
    config: Config, http: httpx2.AsyncClient, parts: Path, operations: str, *,
    now: Callable[[], float] = time.monotonic,
) -> FastAPI:  # fmt: skip
    """The application, to be mounted where `config.url` points.

    http, parts: as of the clinician's app. operations: URL of the hub's API of operators.
    """
    page = Page(config.url)
    app = FastAPI(title="Console", openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/parts/bootstrap", StaticFiles(directory=parts / "bootstrap" / "dist" / "css"))
    app.mount("/parts/htmx", StaticFiles(directory=parts / "htmx.org" / "dist"))

    def failed(request: Request, reason: str, status: int = 400) -> HTMLResponse:
        return HTMLResponse(page.failure("This cannot go on", reason), status)

    entrance = Entrance(app, config, http, failed, name_of, now)

    async def answer(request: Request, key: str, show: Shown) -> Response:
        """A page for who is signed in, or what keeps it from being shown."""
        session = entrance.session_of(request, key)
        if session is None:
            return HTMLResponse(page.failure("You are signed out"), 401)
        try:
            return await show(Operations(http, operations, await entrance.reader(session)), session)
        except SignedOut:
            entrance.sessions.end(key)
            return HTMLResponse(page.failure("You are signed out"), 401)
        except NotAllowed:
            return HTMLResponse(page.failure("You may not see this", "it takes the role operator"), 403)
        except Refused as error:
            return HTMLResponse(page.failure("The hub says no", error.reason), error.status)
        except (Unavailable, LaunchFailed):
            return failed(request, "the hub does not answer as it should", 502)

    async def shown(request: Request, key: str, template: str, *path: str | int, **query: Any) -> Response:
        """A page of what is at a path of the API."""

        async def show(api: Operations, session: Session) -> Response:
            found = await api.get(*path, **query)
            told = {name: session.memory.pop(name, "") for name in (NOTICE, PROBLEM)}
            return HTMLResponse(
                page.render(template, found=found, key=key, person=session.person, query=Told(query), **told)
            )

        return await answer(request, key, show)

    async def acted(request: Request, key: str, back: str, act: Callable[[Operations], Awaitable[str]]) -> Response:
        """Does something, remembers what is to be told of it, and goes back."""
        if from_elsewhere(request):
            return failed(request, "this was sent from another page", 403)

        async def show(api: Operations, session: Session) -> Response:
            try:
                session.memory[NOTICE] = await act(api)
            except Refused as error:
                session.memory[PROBLEM] = error.reason
            except NotAllowed:
                session.memory[PROBLEM] = "You may not do this."
            return RedirectResponse(f"{config.url}/{key}/{back}", 303)

        return await answer(request, key, show)

    @app.get("/")
    async def welcome() -> HTMLResponse:
        return HTMLResponse(page.render("welcome"))

    @app.get("/{key}/")
    async def overview(request: Request, key: str) -> Response:
        return await live(request, key, "overview")

    @app.get("/{key}/live")
    async def live(request: Request, key: str, template: str = "live") -> Response:
        """What changes by itself: flows, runs, partners in trouble."""

        async def show(api: Operations, session: Session) -> Response:
            held = await api.get("runs", state="HELD")
            found = {
                "flows": await api.get("flows"), "held": held, "partners": await api.get("partners"),
                "runs": await api.get("runs", count=5),
            }  # fmt: skip
            name = "overview" if template == "overview" else "live"
            return HTMLResponse(page.render(name, found=found, key=key, person=session.person, notice="", problem=""))

        return await answer(request, key, show)

    @app.get("/{key}/messages")
    async def messages(request: Request, key: str) -> Response:
        asked = {name: value for name in (*CRITERIA, "cursor") if (value := request.query_params.get(name))}
        return await shown(request, key, "messages", "messages", **asked)

    @app.get("/{key}/messages/{id}")
    async def message(request: Request, key: str, id: int) -> Response:
        reason = request.query_params.get("reason", "").strip()
        unmask = {"unmask": "true", "reason": reason} if request.query_params.get("unmask") else {}

        async def show(api: Operations, session: Session) -> Response:
            found = {"message": await api.get("messages", id), "me": await api.get("me")}
            problem = session.memory.pop(PROBLEM, "")
            try:
                found["forms"] = await api.get("messages", id, "forms", **unmask)
            except (Refused, NotAllowed) as error:
                if not unmask:
                    raise
                problem = getattr(error, "reason", "You may not see this unmasked.")
                found["forms"] = await api.get("messages", id, "forms")
            notice = session.memory.pop(NOTICE, "")
            return HTMLResponse(
                page.render("message", found=found, key=key, person=session.person, notice=notice, problem=problem)
            )

        return await answer(request, key, show)

    @app.post("/{key}/messages/{id}/simulate")
    async def simulate(request: Request, key: str, id: int) -> Response:
        given = await form(request, LONGEST)

        async def show(api: Operations, session: Session) -> Response:
            try:
                found, reason = await api.post("messages", id, "simulate", **_change(given)), ""
            except (Refused, _NoJson) as error:
                found, reason = None, str(error)
            return HTMLResponse(page.render("simulated", found=found, reason=reason))

        return await answer(request, key, show)

    @app.post("/{key}/messages/{id}/edit")
    async def edit(request: Request, key: str, id: int) -> Response:
        given = await form(request, LONGEST)

        async def act(api: Operations) -> str:
            try:
                change = _change(given)
            except _NoJson as error:
                raise Refused(400, str(error)) from None
            version = int(_one(given, "version") or 0)
            done = await api.post("messages", id, "edit", version=version, reason=_one(given, "reason"), **change)
            return f"Correction {done['version']} is kept. Simulate it, then resubmit."

        return await acted(request, key, f"messages/{id}", act)

    @app.post("/{key}/messages/{id}/resubmit")
    async def resubmit(request: Request, key: str, id: int) -> Response:
        given = await form(request)

        async def act(api: Operations) -> str:
            if _one(given, "order"):
                done = await api.post(
                    "messages", "resubmit-in-order", orderKey=_one(given, "order"), reason=_one(given, "reason")
                )
            else:
                done = await api.post("messages", id, "resubmit", reason=_one(given, "reason"))
            return f"{len(done['ids'])} resubmitted."

        return await acted(request, key, f"messages/{id}", act)

    @app.post("/{key}/messages/{id}/discard")
    async def discard(request: Request, key: str, id: int) -> Response:
        given = await form(request)

        async def act(api: Operations) -> str:
            await api.post("messages", id, "discard", reason=_one(given, "reason"))
            return "Discarded. It stays here, with your reason."

        return await acted(request, key, f"messages/{id}", act)

    @app.get("/{key}/runs")
    async def runs(request: Request, key: str) -> Response:
        asked = {name: request.query_params.get(name) for name in ("flow", "state", "cursor")}
        return await shown(request, key, "runs", "runs", **asked)

    @app.get("/{key}/runs/{id}")
    async def run(request: Request, key: str, id: int) -> Response:
        async def show(api: Operations, session: Session) -> Response:
            found = {"run": await api.get("runs", id), "lines": await api.get("messages", run=id, count=200)}
            told = {name: session.memory.pop(name, "") for name in (NOTICE, PROBLEM)}
            return HTMLResponse(page.render("run", found=found, key=key, person=session.person, **told))

        return await answer(request, key, show)

    @app.post("/{key}/runs/{id}/{decision}")
    async def decide(request: Request, key: str, id: int, decision: str) -> Response:
        given = await form(request)

        async def act(api: Operations) -> str:
            if decision not in ("release", "refuse"):
                raise Refused(404, "a run is released or refused")
            await api.post("runs", id, decision, reason=_one(given, "reason"))
            return "Released: it goes on." if decision == "release" else "Refused: nothing of it is applied."

        return await acted(request, key, f"runs/{id}", act)

    @app.get("/{key}/runs/{id}/files/{name}")
    async def file(request: Request, key: str, id: int, name: str) -> Response:
        async def show(api: Operations, session: Session) -> Response:
            path = ("runs", id, "receipt") if name == "receipt" else ("runs", id, "reports", name)
            found = await api.file(*path)
            kind = found.headers.get("content-type", "application/octet-stream")
            headers = {"content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}
            if not kind.startswith(("text/html", "application/json")):
                headers["content-disposition"] = "attachment"
            return Response(found.content, media_type=kind, headers=headers)

        return await answer(request, key, show)

    @app.get("/{key}/partners")
    async def partners(request: Request, key: str) -> Response:
        return await shown(request, key, "partners", "partners")

    @app.get("/{key}/deadlines")
    async def deadlines(request: Request, key: str) -> Response:
        return await shown(request, key, "deadlines", "deadlines")

    return app


class _NoJson(Exception):
    """What was written is no JSON; the text says where."""


def _change(given: dict[str, list[str]]) -> dict[str, Json]:
    """What is changed: a whole body, or single values by JSON pointer. Raises _NoJson."""
    if "body" in given:
        try:
            return {"body": json.loads(_one(given, "body"))}
        except ValueError as error:
            raise _NoJson(f"The body is no JSON: {error}") from None
    pairs = zip(given.get("path", ()), given.get("value", ()), strict=False)
    replaced = [{"path": pointer_of(path), "value": value} for path, value in pairs if path.strip()]
    return {"replace": replaced} if replaced else {}


def pointer_of(path: str) -> str:
    """A JSON pointer, also where an element's path was written."""
    return path.strip() if path.strip().startswith("/") else pointer(path.strip())


def _one(given: dict[str, list[str]], name: str) -> str:
    return given.get(name, [""])[0].strip()
