"""The way into an app: launch, callback, sign-out, and what every answer carries. https://hl7.org/fhir/smart-app-launch/app-launch.html"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from apps.smart import launch as smart
from apps.smart.config import Config
from apps.smart.reader import NotAllowed, Reader, SignedOut, Unavailable
from apps.smart.sessions import Session, Sessions

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SUBJECT = "urn:fhir-hub:subject"
"""System of who signs in and has no resource of their own."""
Failed = Callable[[Request, str, int], Response]
"""(request, reason, status) -> the app's page of what went wrong."""
Name = Callable[[dict[str, Any]], str]
"""A Patient, Practitioner or RelatedPerson -> how the person is called."""


class Entrance:
    """Adds the routes to an app and knows who is in."""

    def __init__(
        self, app: FastAPI, config: Config, http: httpx2.AsyncClient, failed: Failed, name: Name,
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self._config, self._http, self._failed, self._name, self._now = config, http, failed, name, now
        self.sessions = Sessions(now)
        self._launching = f"{config.client_id}-launch"
        app.middleware("http")(self._guard)
        app.get("/launch")(self.launch)
        app.get("/callback")(self.callback)
        app.post("/{key}/end")(self.end)

    def session_of(self, request: Request, key: str) -> Session | None:
        """The session of that key, if the browser has its cookie."""
        return self.sessions.find(key, request.cookies.get(f"{self._config.client_id}-{key}", ""))

    async def reader(self, session: Session) -> Reader:
        """What asks the FHIR server for a session. Raises LaunchFailed."""
        endpoints = await smart.discover(self._http, self._config)
        return Reader(self._http, self._config, session, endpoints.token, self._now())

    async def launch(self, request: Request, iss: str | None = None, launch: str | None = None) -> Response:
        """Sends the browser to the authorization server."""
        if launch is not None and (iss or "").rstrip("/") != self._config.fhir:
            return self._failed(request, "iss is not the server this app belongs to", 400)
        try:
            endpoints = await smart.discover(self._http, self._config)
        except smart.LaunchFailed as error:
            return self._failed(request, str(error), 502)
        state, begun = self.sessions.begin()
        url = smart.authorization_url(
            endpoints.authorize, self._config, state=state, verifier=begun.verifier, launch=launch
        )
        response = RedirectResponse(url, 303)
        self.set_cookie(response, self._launching, begun.secret, "/callback")
        return response

    async def callback(
        self, request: Request, state: str = "", code: str = "", error: str | None = None, iss: str | None = None
    ) -> Response:
        """The way back: a session for the browser that was sent away."""
        begun = self.sessions.arrive(state, request.cookies.get(self._launching, ""))
        if begun is None:
            return self._failed(request, "this answer belongs to no launch of this browser", 400)
        if error is not None:
            return self._failed(request, f"the authorization server refused: {error[:64]}", 403)
        config, http, now = self._config, self._http, self._now()
        try:
            endpoints = await smart.discover(http, config)
            if iss is not None and iss != endpoints.issuer:
                return self._failed(request, "the answer comes from another issuer", 400)
            grant = await smart.redeem(http, config, endpoints.token, code, begun.verifier)
        except smart.LaunchFailed as reason:
            return self._failed(request, str(reason), 502)
        if grant.patient is None and config.of_patient:
            return self._failed(request, "no patient was chosen", 400)
        session = Session(
            begun.secret, now, now, grant.patient or "", grant.access_token, now + grant.lifetime, grant.refresh_token,
            grant.encounter, grant.banner, scopes=grant.scopes,
        )  # fmt: skip
        await self._person(session, Reader(http, config, session, endpoints.token, now), endpoints.issuer)
        key = self.sessions.keep(session)
        response = RedirectResponse(f"{config.url}/{key}/", 303)
        self.set_cookie(response, f"{config.client_id}-{key}", begun.secret, f"/{key}/")
        response.delete_cookie(self._launching, path=self._path("/callback"))
        return response

    async def end(self, request: Request, key: str) -> Response:
        """Signs out, here and at the authorization server."""
        session = self.session_of(request, key)
        if session is not None:
            self.sessions.end(key)
            try:
                endpoints = await smart.discover(self._http, self._config)
                if endpoints.revoke and session.refresh_token:
                    await smart.revoke(self._http, self._config, endpoints.revoke, session.refresh_token)
            except smart.LaunchFailed as error:
                return self._failed(request, f"signed out here, but {error}", 502)
        return RedirectResponse(f"{self._config.url}/", 303)

    def set_cookie(self, response: Response, name: str, value: str, below: str, age: int | None = None) -> None:
        """A cookie of the app, sent back below a path of it."""
        response.set_cookie(
            name, value, max_age=age, path=self._path(below), secure=self._config.secure, httponly=True,
            samesite="lax",
        )  # fmt: skip

    def _path(self, below: str) -> str:
        return httpx2.URL(self._config.url).path.rstrip("/") + below

    async def _guard(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.setdefault("content-security-policy", POLICY)
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["referrer-policy"] = "no-referrer"
        if "/static/" not in request.url.path and "/parts/" not in request.url.path:
            response.headers["cache-control"] = "no-store"
        return response

    async def _person(self, session: Session, access: Reader, issuer: str | None) -> None:
        """Notes who signed in, where the server tells."""
        if issuer is None:
            return
        try:
            place = await smart.userinfo(self._http, issuer)
            told = await access.told(place) if place else {}
            user = str(told.get("fhirUser", "")).removeprefix(f"{self._config.fhir}/")
            if not user:
                session.user = {"identifier": {"system": SUBJECT, "value": str(told["sub"])}} if "sub" in told else {}
                return
            session.user = {"reference": user}
            session.person = self._name(await access.get(user)) or None
        except (Unavailable, NotAllowed, SignedOut, smart.LaunchFailed):
            return
        if session.person:
            session.user["display"] = session.person
