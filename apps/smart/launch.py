"""The app's side of SMART App Launch: discovery, authorization request, tokens. https://hl7.org/fhir/smart-app-launch/app-launch.html"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2

from apps.smart.config import Config

STANDALONE = "launch/patient"
FROM_EHR = "launch"


class LaunchFailed(Exception):
    """The launch cannot go on; the text says why, without anything secret."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the server's smart-configuration says."""

    authorize: str
    token: str
    issuer: str | None
    revoke: str | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token endpoint gave."""

    access_token: str
    lifetime: int
    """Seconds."""
    refresh_token: str | None
    scopes: frozenset[str]
    patient: str | None
    encounter: str | None
    banner: bool
    """Whether the app has to show whose record this is."""


def challenge(verifier: str) -> str:
    """The S256 code challenge of a verifier. https://www.rfc-editor.org/rfc/rfc7636#section-4.2"""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorization_url(endpoint: str, config: Config, *, state: str, verifier: str, launch: str | None) -> str:
    """Where the browser goes to ask for access; `launch` is the EHR's, None when the app starts by itself."""
    query = {
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": config.redirect_uri,
        "scope": " ".join((*_launch_scope(config, launch), *config.scopes)),
        "state": state,
        "aud": config.fhir,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    if launch:
        query["launch"] = launch
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def _launch_scope(config: Config, launch: str | None) -> tuple[str, ...]:
    if launch:
        return (FROM_EHR,)
    return (STANDALONE,) if config.of_patient else ()


async def discover(http: httpx2.AsyncClient, config: Config) -> Endpoints:
    """The endpoints of the server. Raises LaunchFailed where it offers no SMART launch."""
    document = await _json(http.build_request("GET", f"{config.fhir}/.well-known/smart-configuration"), http)
    try:
        return Endpoints(
            str(document["authorization_endpoint"]),
            str(document["token_endpoint"]),
            document.get("issuer"),
            document.get("revocation_endpoint"),
        )
    except KeyError as error:
        raise LaunchFailed(f"the server's smart-configuration has no {error}") from None


async def userinfo(http: httpx2.AsyncClient, issuer: str) -> str | None:
    """Where the server tells who signed in, if it does. Raises LaunchFailed."""
    document = await _json(http.build_request("GET", f"{issuer}/.well-known/openid-configuration"), http)
    return document.get("userinfo_endpoint")


async def redeem(http: httpx2.AsyncClient, config: Config, endpoint: str, code: str, verifier: str) -> Grant:
    """Tokens for an authorization code. Raises LaunchFailed."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": config.redirect_uri,
        "code_verifier": verifier,
    }
    return await _grant(http, config, endpoint, form)


async def renew(http: httpx2.AsyncClient, config: Config, endpoint: str, refresh_token: str) -> Grant:
    """New tokens for a refresh token, which is spent thereby. Raises LaunchFailed."""
    return await _grant(http, config, endpoint, {"grant_type": "refresh_token", "refresh_token": refresh_token})


async def revoke(http: httpx2.AsyncClient, config: Config, endpoint: str, token: str) -> None:
    """Tells the server that a token is not needed any more. Raises LaunchFailed."""
    auth = httpx2.BasicAuth(config.client_id, config.client_secret)
    try:
        await http.post(endpoint, data={"token": token}, auth=auth)
    except httpx2.HTTPError:
        raise LaunchFailed("the authorization server does not answer") from None


async def _grant(http: httpx2.AsyncClient, config: Config, endpoint: str, form: Mapping[str, str]) -> Grant:
    request = http.build_request("POST", endpoint, data=dict(form))
    answer = await _json(request, http, httpx2.BasicAuth(config.client_id, config.client_secret))
    token, kind = answer.get("access_token"), str(answer.get("token_type", ""))
    if not isinstance(token, str) or kind.lower() != "bearer":
        raise LaunchFailed("the token endpoint gave no bearer token")
    return Grant(
        token,
        int(answer.get("expires_in", 300)),
        answer.get("refresh_token"),
        frozenset(str(answer.get("scope", "")).split()),
        answer.get("patient"),
        answer.get("encounter"),
        answer.get("need_patient_banner") is not False,
    )


async def _json(request: httpx2.Request, http: httpx2.AsyncClient, auth: httpx2.Auth | None = None) -> dict[str, Any]:
    place = request.url.path.rsplit("/", 1)[-1]
    try:
        response = await http.send(request, auth=auth)
        body = response.json()
    except httpx2.HTTPError:
        raise LaunchFailed(f"the server does not answer at {place}") from None
    except ValueError:
        raise LaunchFailed(f"{place} answered {response.status_code} without JSON") from None
    if not isinstance(body, dict):
        raise LaunchFailed(f"{place} answered without a JSON object")
    if response.status_code != 200:
        raise LaunchFailed(f"{place} answered {response.status_code}: {body.get('error', 'no reason given')}")
    return body
