"""The desk as an ASGI application: the queue, a page for each case, and what a person does there."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from apps.desk import acts
from apps.desk.acts import By, Impossible
from apps.desk.case import Case, open_tasks, read_case
from apps.desk.page import Page
from apps.desk.queue import FILTERS, chosen, rows
from apps.desk.words import LANGUAGES, ZONE, language_of, speaker
from apps.smart.config import Config
from apps.smart.entrance import Entrance
from apps.smart.form import form, from_elsewhere
from apps.smart.launch import LaunchFailed
from apps.smart.person import name_of
from apps.smart.reader import NotAllowed, Reader, Refused, SignedOut, Unavailable
from apps.smart.sessions import Session

HERE = Path(__file__).parent
NOTICE, PROBLEM, DRAFT = "notice", "problem", "draft"
"""What a session remembers: what was done last, what could not be done, what was written then."""
GO = "desk-go"
"""Cookie of the case that somebody was called to, until they are signed in."""
RACES = 3
SHOWN = frozenset({"image/png", "image/jpeg", "image/webp", "audio/ogg", "audio/mpeg", "audio/mp4", "application/pdf"})
"""Media types that a file is sent with; anything else is a file to save."""

Form = dict[str, list[str]]
Act = Callable[[Case, By, Form], dict[str, Any]]
Shown = Callable[[Reader, Session], Awaitable[Response]]


def desk(
    config: Config, http: httpx2.AsyncClient, parts: Path, *,
    now: Callable[[], float] = time.monotonic, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:  # fmt: skip
    """The application, to be mounted where `config.url` points. http, parts: as of the clinician's app."""
    page = Page(config.url)
    app = FastAPI(title="Desk", openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/parts/bootstrap", StaticFiles(directory=parts / "bootstrap" / "dist" / "css"))
    app.mount("/parts/htmx", StaticFiles(directory=parts / "htmx.org" / "dist"))

    def language(request: Request) -> str:
        return language_of(request.cookies.get("language"), request.headers.get("accept-language", ""))

    def failed(request: Request, reason: str, status: int = 400) -> HTMLResponse:
        return HTMLResponse(page.failure(language(request), "failed", reason), status)

    entrance = Entrance(app, config, http, failed, name_of, now)

    async def answer(request: Request, key: str, show: Shown) -> Response:
        """A page for who is signed in, or what keeps it from being shown."""
        session = entrance.session_of(request, key)
        if session is None:
            return HTMLResponse(page.failure(language(request), "expired"), 401)
        try:
            return await show(await entrance.reader(session), session)
        except SignedOut:
            entrance.sessions.end(key)
            return HTMLResponse(page.failure(language(request), "expired"), 401)
        except NotAllowed:
            return HTMLResponse(page.failure(language(request), "not yours"), 403)
        except (Unavailable, LaunchFailed):
            return failed(request, "the FHIR server does not answer as it should", 502)

    @app.get("/")
    async def welcome(request: Request) -> HTMLResponse:
        return HTMLResponse(page.welcome(language(request)))

    @app.get("/go/{id}")
    async def go(id: str) -> Response:
        """Where a page to whoever is on call points: the case, once they are signed in."""
        response = RedirectResponse(f"{config.url}/launch", 303)
        entrance.set_cookie(response, GO, id, "/", 600)
        return response

    @app.get("/{key}/")
    async def queue(request: Request, key: str) -> Response:
        called = request.cookies.get(GO)
        if called and entrance.session_of(request, key) is not None:
            response = RedirectResponse(f"{config.url}/{key}/cases/{called}", 303)
            entrance.set_cookie(response, GO, "", "/", 0)
            return response
        return await _queue(request, key)

    @app.get("/{key}/rows")
    async def again(request: Request, key: str) -> Response:
        """The rows as they are now; nothing where they are those that are shown."""
        return await _queue(request, key, part=True)

    async def _queue(request: Request, key: str, *, part: bool = False) -> Response:
        which, at = request.query_params.get("which", "open"), request.query_params.get("desk", "")
        which = which if which in FILTERS else "open"

        async def show(reader: Reader, session: Session) -> Response:
            found = rows(await open_tasks(reader.get), session.user, clock())
            shown = {
                "key": key, "person": session.person, "which": which, "desk": at,
                "counts": {one: len(chosen(found, one, at)) for one in FILTERS},
                "desks": sorted(Counter(one.desk for one in found).items()), **_told(session, part=part),
            }  # fmt: skip
            text = page.queue(chosen(found, which, at), language(request), part=part, **shown)
            seen = request.query_params.get("seen")
            return Response(status_code=204) if part and seen and f"seen={seen}" in text else HTMLResponse(text)

        return await answer(request, key, show)

    @app.get("/{key}/cases/{id}")
    async def case(request: Request, key: str, id: str) -> Response:
        async def show(reader: Reader, session: Session) -> Response:
            found = await read_case(reader.get, id)
            shown = {"key": key, "person": session.person, "form": secrets.token_urlsafe(9), **_told(session)}
            return HTMLResponse(page.case(found, session.user, clock(), language(request), **shown))

        return await answer(request, key, show)

    @app.get("/{key}/cases/{id}/talk")
    async def talk(request: Request, key: str, id: str) -> Response:
        """The conversation as it is now; nothing where it is that which is shown."""

        async def show(reader: Reader, session: Session) -> Response:
            found = await read_case(reader.get, id)
            if request.query_params.get("seen") == page.mark_of_talk(found, language(request)):
                return Response(status_code=204)
            return HTMLResponse(page.talk(found, language(request), key))

        return await answer(request, key, show)

    @app.get("/{key}/files/{id}")
    async def file(request: Request, key: str, id: str) -> Response:
        """What a member sent: never as a page of this site's."""

        async def show(reader: Reader, session: Session) -> Response:
            found = await reader.fetch(f"Binary/{quote(id, safe='')}", "*/*")
            kind = found.headers.get("content-type", "").partition(";")[0]
            headers = {"content-security-policy": "sandbox; default-src 'none'"}
            if kind not in SHOWN:
                kind, headers["content-disposition"] = "application/octet-stream", "attachment"
            return Response(found.content, media_type=kind, headers=headers)

        return await answer(request, key, show)

    @app.post("/{key}/cases/{id}/{act}")
    async def act(request: Request, key: str, id: str, act: str) -> Response:
        if from_elsewhere(request):
            return failed(request, "this was sent from another page", 403)
        if act not in ACTS:
            return failed(request, "there is no such act", 404)
        given = await form(request)
        say, _ = speaker(language(request))

        async def show(reader: Reader, session: Session) -> Response:
            back = f"cases/{id}"
            try:
                await _done(reader, session, id, ACTS[act], given, clock())
                session.memory[NOTICE] = say(f"done {act}")
                back = "" if act == "close" else back
            except Impossible as error:
                session.memory[PROBLEM] = say(error.key, **error.slots)
                session.memory[DRAFT] = _one(given, "text")
            except Refused as error:
                session.memory[PROBLEM] = say(PROBLEMS.get(error.status, "refused"))
                session.memory[DRAFT] = _one(given, "text")
            return RedirectResponse(f"{config.url}/{key}/{back}", 303)

        return await answer(request, key, show)

    @app.post("/{key}/language/{chosen}")
    async def speak(request: Request, key: str, chosen: str) -> Response:
        response = RedirectResponse(f"{config.url}/{key}/", 303)
        if chosen in LANGUAGES:
            entrance.set_cookie(response, "language", chosen, "/", 365 * 24 * 3600)
        return response

    return app


PROBLEMS = {403: "not allowed", 404: "not yours", 409: "changed", 412: "changed"}
"""Status of a refusal -> what is said."""


async def _done(reader: Reader, session: Session, id: str, act: Act, given: Form, now: datetime) -> None:
    """Does it to the case as it is now; decides again where somebody else was faster. Raises Impossible, Refused."""
    if not session.user:
        raise Impossible("unknown you")
    by = By(session.user, now, _one(given, "form") or secrets.token_urlsafe(9))
    for last in (False,) * (RACES - 1) + (True,):
        bundle = act(await read_case(reader.get, id), by, given)
        try:
            await reader.post("", bundle)
            return
        except Refused as refused:
            if refused.status not in (409, 412) or last:
                raise


def _book(case: Case, by: By, given: Form) -> dict[str, Any]:
    try:
        start = datetime.fromisoformat(_one(given, "start")).replace(tzinfo=ZONE)
        minutes = int(_one(given, "minutes") or 30)
    except ValueError:
        raise Impossible("past") from None
    sure, tell = bool(given.get("sure")), _one(given, "text")
    made: dict[str, Any] = acts.book(case, by, start, minutes, _one(given, "what"), sure=sure, tell=tell)
    return made


ACTS: dict[str, Act] = {
    "take": lambda case, by, given: acts.take(case, by),
    "release": lambda case, by, given: acts.release(case, by),
    "answer": lambda case, by, given: acts.answer(case, by, _one(given, "text")),
    "level": lambda case, by, given: acts.change_level(case, by, _one(given, "level"), _one(given, "reason")),
    "book": _book,
    "return": lambda case, by, given: acts.give_back(case, by),
    "close": lambda case, by, given: acts.close(
        case, by, _one(given, "outcome"), _one(given, "text"), back=bool(given.get("back"))
    ),
}
"""Name in the path -> what it does."""


def _told(session: Session, *, part: bool = False) -> dict[str, str]:
    """What is told once, on a whole page."""
    return {name: "" if part else session.memory.pop(name, "") for name in (NOTICE, PROBLEM, DRAFT)}


def _one(given: Form, name: str) -> str:
    return given.get(name, [""])[0].strip()
