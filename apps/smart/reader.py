"""Requests to the FHIR server with a session's token, renewed before it ends."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

import httpx2

from apps.smart import launch as smart
from apps.smart.config import Config
from apps.smart.sessions import Session

EARLY = 30.0
"""Seconds before its end at which a token is renewed."""


class Unavailable(Exception):
    """The FHIR server did not answer as it should."""


class NotAllowed(Exception):
    """The FHIR server does not let this person see it."""


class SignedOut(Exception):
    """The access is over: the person has to sign in again."""


class Refused(Exception):
    """The FHIR server does not do what was asked for."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Reader:
    """Asks for one session."""

    def __init__(
        self, http: httpx2.AsyncClient, config: Config, session: Session, token_endpoint: str, now: float
    ) -> None:
        """now: of the same clock as the session's `expires`."""
        self._http, self._config, self._session = http, config, session
        self._token_endpoint, self._now = token_endpoint, now

    async def get(self, url: str) -> dict[str, Any]:
        """The resource at a URL, absolute or below the FHIR base. Raises Unavailable, NotAllowed, SignedOut."""
        response = await self.fetch(url, "application/fhir+json")
        try:
            body = json.loads(response.content, parse_float=Decimal)
        except ValueError:
            raise Unavailable from None
        if not isinstance(body, dict):
            raise Unavailable
        return body

    async def told(self, url: str) -> dict[str, Any]:
        """What the authorization server's userinfo says. Raises Unavailable, SignedOut."""
        token = await self.token()
        try:
            response = await self._http.get(url, headers={"authorization": f"Bearer {token}"})
            body = response.json()
        except (httpx2.HTTPError, ValueError):
            raise Unavailable from None
        if response.status_code != 200 or not isinstance(body, dict):
            raise Unavailable
        return body

    async def fetch(self, url: str, accept: str, *, waiting: bool = False) -> httpx2.Response:
        """The response of a GET, 200; waiting: or 202. Raises Unavailable, NotAllowed, SignedOut."""
        # The token goes to this server alone: a link elsewhere is not followed.
        place = urljoin(f"{self._config.fhir}/", url)
        if not place.startswith(f"{self._config.fhir}/"):
            raise Unavailable
        token = await self.token()
        try:
            response = await self._http.get(place, headers={"authorization": f"Bearer {token}", "accept": accept})
        except httpx2.HTTPError:
            raise Unavailable from None
        if response.status_code == 401:
            raise SignedOut
        if response.status_code in (403, 404, 410):
            raise NotAllowed
        if response.status_code != 200 and not (waiting and response.status_code == 202):
            raise Unavailable
        return response

    async def post(self, url: str, body: dict[str, Any]) -> httpx2.Response:
        """The response of a POST of JSON below the FHIR base. Raises Refused, Unavailable, SignedOut."""
        headers = {"authorization": f"Bearer {await self.token()}", "content-type": "application/fhir+json"}
        try:
            response = await self._http.post(
                f"{self._config.fhir}/{url}", content=json.dumps(body, default=float), headers=headers
            )
        except httpx2.HTTPError:
            raise Unavailable from None
        if response.status_code == 401:
            raise SignedOut
        if 400 <= response.status_code < 500:
            raise Refused(response.status_code)
        if response.status_code not in (200, 201, 202):
            raise Unavailable
        return response

    async def token(self) -> str:
        """The session's access token, renewed if need be. Raises SignedOut."""
        session = self._session
        async with session.lock:
            if session.expires - self._now > EARLY:
                return session.access_token
            if session.refresh_token is None:
                if session.expires > self._now:
                    return session.access_token
                raise SignedOut
            try:
                grant = await smart.renew(self._http, self._config, self._token_endpoint, session.refresh_token)
            except smart.LaunchFailed:
                raise SignedOut from None
            session.access_token, session.expires = grant.access_token, self._now + grant.lifetime
            session.refresh_token = grant.refresh_token or session.refresh_token
            return session.access_token
