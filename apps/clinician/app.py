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

from apps.clinician import smart
from apps.clinician.access import Reader
from apps.clinician.config import Config
from apps.clinician.elements import name_text
from apps.clinician.page import Page
from apps.clinician.record import NotAllowed, SignedOut, Unavailable, read_record
from apps.clinician.sessions import Session, Sessions
from apps.clinician.words import LANGUAGES, language_of

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SHOWN = frozenset({"application/pdf", "image/png", "image/jpeg", "text/plain"})
"""Media types that a document is sent with; anything else is a file to save."""
LAUNCH_COOKIE = "clinician-launch"


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
    sessions, page = Sessions(now), Page(config.url)
    app = FastAPI(title="Clinician", openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/parts/bootstrap", StaticFiles(directory=parts / "bootstrap" / "dist" / "css"))
    app.mount("/parts/uplot", StaticFiles(directory=parts / "uplot" / "dist"))

    def language(request: Request) -> str:
        return language_of(request.cookies.get("language"), request.headers.get("accept-language", ""))

    def session_of(request: Request, key: str) -> Session | None:
        return sessions.find(key, request.cookies.get(f"clinician-{key}", ""))

    async def reader(session: Session) -> Reader:
        endpoints = await smart.discover(http, config)
        return Reader(http, config, session, endpoints.token, now())

    def failed(request: Request, reason: str, status: int = 400) -> HTMLResponse:
        return HTMLResponse(page.failure(language(request), reason), status)

    def expired(request: Request) -> HTMLResponse:
        return HTMLResponse(page.expired(language(request)), 401)

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.setdefault("content-security-policy", POLICY)
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["referrer-policy"] = "no-referrer"
        if "/static/" not in request.url.path and "/parts/" not in request.url.path:
            response.headers["cache-control"] = "no-store"
        return response

    @app.get("/")
    async def welcome(request: Request) -> HTMLResponse:
        return HTMLResponse(page.welcome(language(request)))

    @app.get("/launch")
    async def launch(request: Request, iss: str | None = None, launch: str | None = None) -> Response:
        if launch is not None and (iss or "").rstrip("/") != config.fhir:
            return failed(request, "iss is not the server this app belongs to")
        try:
            endpoints = await smart.discover(http, config)
        except smart.LaunchFailed as error:
            return failed(request, str(error), 502)
        state, begun = sessions.begin()
        url = smart.authorization_url(endpoints.authorize, config, state=state, verifier=begun.verifier, launch=launch)
        response = RedirectResponse(url, 303)
        _set(response, config, LAUNCH_COOKIE, begun.secret, "/callback")
        return response

    @app.get("/callback")
    async def callback(
        request: Request, state: str = "", code: str = "", error: str | None = None, iss: str | None = None
    ) -> Response:
        begun = sessions.arrive(state, request.cookies.get(LAUNCH_COOKIE, ""))
        if begun is None:
            return failed(request, "this answer belongs to no launch of this browser")
        if error is not None:
            return failed(request, f"the authorization server refused: {error[:64]}", 403)
        try:
            endpoints = await smart.discover(http, config)
            if iss is not None and iss != endpoints.issuer:
                return failed(request, "the answer comes from another issuer")
            grant = await smart.redeem(http, config, endpoints.token, code, begun.verifier)
        except smart.LaunchFailed as reason:
            return failed(request, str(reason), 502)
        if grant.patient is None:
            return failed(request, "no patient was chosen")
        session = Session(
            begun.secret, now(), now(), grant.patient, grant.access_token, now() + grant.lifetime, grant.refresh_token,
            grant.encounter, grant.banner, scopes=grant.scopes,
        )  # fmt: skip
        session.person = await _person(Reader(http, config, session, endpoints.token, now()), http, endpoints.issuer)
        key = sessions.keep(session)
        response = RedirectResponse(f"{config.url}/{key}/", 303)
        _set(response, config, f"clinician-{key}", begun.secret, f"/{key}/")
        response.delete_cookie(LAUNCH_COOKIE, path=_path(config, "/callback"))
        return response

    @app.get("/{key}/")
    async def record(request: Request, key: str) -> Response:
        session = session_of(request, key)
        if session is None:
            return expired(request)
        try:
            found = await read_record((await reader(session)).get, session.patient)
        except SignedOut:
            sessions.end(key)
            return expired(request)
        except NotAllowed:
            return failed(request, "your access does not include this patient", 403)
        except (Unavailable, smart.LaunchFailed):
            return failed(request, "the FHIR server does not answer as it should", 502)
        return HTMLResponse(page.record(found, session.person, today(), language(request), key))

    @app.get("/{key}/documents/{id}/{number}")
    async def document(request: Request, key: str, id: str, number: int) -> Response:
        session = session_of(request, key)
        if session is None:
            return expired(request)
        try:
            access = await reader(session)
            reference = await access.get(f"DocumentReference/{id}")
            contents = reference.get("content", ())
            if not 0 <= number < len(contents):
                return failed(request, "the document has no such content", 404)
            kind, body = await _content(access, contents[number]["attachment"])
        except SignedOut:
            return expired(request)
        except NotAllowed:
            return failed(request, "your access does not include this document", 403)
        except (Unavailable, smart.LaunchFailed, binascii.Error):
            return failed(request, "the document could not be read", 502)
        headers = {"content-security-policy": "sandbox; default-src 'none'"}
        if kind not in SHOWN:
            kind, headers["content-disposition"] = "application/octet-stream", "attachment"
        return Response(body, media_type=kind, headers=headers)

    @app.post("/{key}/language/{chosen}")
    async def speak(request: Request, key: str, chosen: str) -> Response:
        response = RedirectResponse(f"{config.url}/{key}/", 303)
        if chosen in LANGUAGES:
            _set(response, config, "language", chosen, "/", 365 * 24 * 3600)
        return response

    @app.post("/{key}/end")
    async def end(request: Request, key: str) -> Response:
        session = session_of(request, key)
        if session is not None:
            sessions.end(key)
            try:
                endpoints = await smart.discover(http, config)
                if endpoints.revoke and session.refresh_token:
                    await smart.revoke(http, config, endpoints.revoke, session.refresh_token)
            except smart.LaunchFailed as error:
                return failed(request, f"signed out here, but {error}", 502)
        return RedirectResponse(f"{config.url}/", 303)

    return app


async def _person(access: Reader, http: httpx2.AsyncClient, issuer: str | None) -> str | None:
    """Name of who signed in, where the server tells."""
    if issuer is None:
        return None
    try:
        place = await smart.userinfo(http, issuer)
        told = await access.told(place) if place else {}
        resource = await access.get(str(told.get("fhirUser", "")))
    except (Unavailable, NotAllowed, SignedOut, smart.LaunchFailed):
        return None
    return name_text(resource.get("name", ())) or None


async def _content(access: Reader, attachment: dict[str, Any]) -> tuple[str, bytes]:
    """Media type and bytes of an attachment. Raises Unavailable, NotAllowed, SignedOut, binascii.Error."""
    kind = str(attachment.get("contentType", "")).partition(";")[0].strip()
    if "data" in attachment:
        return kind, base64.b64decode("".join(attachment["data"].split()), validate=True)
    response = await access.fetch(str(attachment.get("url", "")), kind or "*/*")
    return kind or response.headers.get("content-type", "").partition(";")[0], response.content


def _path(config: Config, below: str) -> str:
    return httpx2.URL(config.url).path.rstrip("/") + below


def _set(response: Response, config: Config, name: str, value: str, below: str, age: int | None = None) -> None:
    response.set_cookie(
        name, value, max_age=age, path=_path(config, below), secure=config.secure, httponly=True, samesite="lax"
    )
