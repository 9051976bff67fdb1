"""The token of a backend service, which proves itself by a key. https://hl7.org/fhir/smart-app-launch/backend-services.html"""

from __future__ import annotations

import time
from uuid import uuid4

import httpx2
import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.tokens import Tokens

LIFE = 240
"""Seconds for which an assertion holds."""
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = 300


def tokens(http: httpx2.AsyncClient, endpoint: str, client_id: str, key: ECKey, scope: str) -> Tokens:
    """Tokens of a client, for `FhirClient`. endpoint: the token endpoint; key: on P-384, with a kid.

    Asking for one raises PartnerUnavailable, and PartnerRefused: the server does not know the client, its key or scope.
    """

    async def fetch() -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": _JWT_BEARER,
            "client_assertion": assertion(endpoint, client_id, key, int(time.time())),
        }
        try:
            response = await http.post(endpoint, data=form)
        except httpx2.TransportError as error:
            raise PartnerUnavailable("the authorization server cannot be reached") from error
        if response.status_code >= 500 or response.status_code == 429:
            raise PartnerUnavailable(f"the authorization server answers {response.status_code}", 1)
        try:
            granted = msgspec.json.decode(response.content, type=_Granted)
        except msgspec.MsgspecError as error:
            raise PartnerRefused(str(response.status_code), "login") from error
        return granted.access_token, granted.expires_in

    return Tokens(fetch, time.monotonic)


def assertion(endpoint: str, client_id: str, key: ECKey, now: int) -> str:
    """What the client proves itself with, once. now: seconds since 1970."""
    claims = {"iss": client_id, "sub": client_id, "aud": endpoint, "exp": now + LIFE, "iat": now, "jti": str(uuid4())}
    return jwt.encode({"alg": "ES384", "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=["ES384"])
