"""The app as an ASGI application: launch, callback, the record of one patient, its documents."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from apps.clinician.elements import name_text
from apps.clinician.page import Page
from apps.clinician.record import read_record
from apps.clinician.words import LANGUAGES, language_of
from apps.smart.config import Config
from apps.smart.entrance import Entrance
from apps.smart.launch import LaunchFailed
from apps.smart.reader import NotAllowed, Reader, SignedOut, Unavailable

HERE = Path(__file__).parent
SHOWN = frozenset({"application/pdf", "image/png", "image/jpeg", "text/plain"})
"""Media types that a document is sent with; anything else is a file to save."""


def clinician(
    config: Config,
    http: httpx2.AsyncClient,
    parts: Path,
    *,
    now: Callable[[], float] = time.monotonic,
    today: Callable[[], date] = date.today,
) -> FastAPI:
    """The application, to be mounted where `config.url` points.

    http: for requests to the FHIR and the authorization server; redirects must not be followed. parts: folder of
    front-end packages (`node_modules`).
    """
    page = Page(config.url)
    app = FastAPI(title="Clinician", openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/parts/bootstrap", StaticFiles(directory=parts / "bootstrap" / "dist" / "css"))
    app.mount("/parts/uplot", StaticFiles(directory=parts / "uplot" / "dist"))

    def language(request: Request) -> str:
        return language_of(request.cookies.get("language"), request.headers.get("accept-language", ""))

    def failed(request: Request, reason: str, status: int = 400) -> HTMLResponse:
        return HTMLResponse(page.failure(language(request), reason), status)

    def expired(request: Request) -> HTMLResponse:
        return HTMLResponse(page.expired(language(request)), 401)

    entrance = Entrance(app, config, http, failed, lambda person: name_text(person.get("name", ())), now)

    @app.get("/")
    async def welcome(request: Request) -> HTMLResponse:
        return HTMLResponse(page.welcome(language(request)))

    @app.get("/{key}/")
    async def record(request: Request, key: str) -> Response:
        session = entrance.session_of(request, key)
        if session is None:
            return expired(request)
        try:
            found = await read_record((await entrance.reader(session)).get, session.patient)
        except SignedOut:
            entrance.sessions.end(key)
            return expired(request)
        except NotAllowed:
            return failed(request, "your access does not include this patient", 403)
        except (Unavailable, LaunchFailed):
            return failed(request, "the FHIR server does not answer as it should", 502)
        return HTMLResponse(page.record(found, session.person, today(), language(request), key))

    @app.get("/{key}/documents/{id}/{number}")
    async def document(request: Request, key: str, id: str, number: int) -> Response:
        session = entrance.session_of(request, key)
        if session is None:
            return expired(request)
        try:
            access = await entrance.reader(session)
            reference = await access.get(f"DocumentReference/{id}")
            contents = reference.get("content", ())
            if not 0 <= number < len(contents):
                return failed(request, "the document has no such content", 404)
            kind, body = await _content(access, contents[number]["attachment"])
        except SignedOut:
            return expired(request)
        except NotAllowed:
            return failed(request, "your access does not include this document", 403)
        except (Unavailable, LaunchFailed, binascii.Error):
            return failed(request, "the document could not be read", 502)
        headers = {"content-security-policy": "sandbox; default-src 'none'"}
        if kind not in SHOWN:
            kind, headers["content-disposition"] = "application/octet-stream", "attachment"
        return Response(body, media_type=kind, headers=headers)

    @app.post("/{key}/language/{chosen}")
    async def speak(request: Request, key: str, chosen: str) -> Response:
        response = RedirectResponse(f"{config.url}/{key}/", 303)
        if chosen in LANGUAGES:
            entrance.set_cookie(response, "language", chosen, "/", 365 * 24 * 3600)
        return response

    return app


async def _content(access: Reader, attachment: dict[str, Any]) -> tuple[str, bytes]:
    """Media type and bytes of an attachment. Raises Unavailable, NotAllowed, SignedOut, binascii.Error."""
    kind = str(attachment.get("contentType", "")).partition(";")[0].strip()
    if "data" in attachment:
        return kind, base64.b64decode("".join(attachment["data"].split()), validate=True)
    response = await access.fetch(str(attachment.get("url", "")), kind or "*/*")
    return kind or response.headers.get("content-type", "").partition(";")[0], response.content
