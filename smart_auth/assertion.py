"""private_key_jwt: a client proves who it is with a JWT it signed. https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html

Everything Authlib leaves open is decided here: algorithms, type, key, lifetime, audience, size, and use only once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from smart_auth import schema
from smart_auth.clients import PRIVATE_KEY, Client
from smart_auth.revocations import LEEWAY
from smart_auth.secret_values import digest

ALGORITHMS = ("RS384", "ES384")
KEY_TYPES = {"RS384": "RSA", "ES384": "EC"}
MAX_ASSERTION = 16 * 1024
LONGEST_ASSERTION = 300
_HEADER = frozenset({"alg", "kid", "typ", "jku"})
_MAX_JTI = 512

KeysOf = Callable[[Client, str], Sequence[RSAKey | ECKey]]
"""(client, kid wanted) -> its public keys, fetched anew if none has that kid. Raises ClientKeysUnknown."""


class ClientKeysUnknown(Exception):
    """The keys of a client cannot be had; the text says why."""


class Assertion(JWTBearerClientAssertion):
    """The client authentication, for one request."""

    CLIENT_AUTH_METHOD = PRIVATE_KEY

    def __init__(self, connection: Connection, audience: str, keys_of: KeysOf, now: int) -> None:
        super().__init__(leeway=LEEWAY)
        self._connection, self._audience, self._keys_of, self._now = connection, audience, keys_of, now
        self._client: Client | None = None
        self._header: Mapping[str, Any] = {}

    def extract_assertion(self, assertion: str) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Header and claims, not verified yet. Raises InvalidClientError."""
        if len(assertion) > MAX_ASSERTION:
            raise _refused("client_assertion: too large")
        try:
            found = jws.extract_compact(assertion.encode("ascii"))
            claims = json.loads(found.payload)
        except (JoseError, ValueError, RecursionError):
            raise _refused("client_assertion: not a JWT") from None
        header = self._header = found.headers()
        if not isinstance(claims, dict):
            raise _refused("client_assertion: not a JWT")
        if header.get("alg") not in ALGORITHMS:
            raise _refused("client_assertion: alg must be RS384 or ES384")
        if header.get("typ") not in ("JWT", "jwt"):
            raise _refused("client_assertion: typ must be JWT")
        if not isinstance(header.get("kid"), str) or not header["kid"]:
            raise _refused("client_assertion: kid is missing")
        if not set(header) <= _HEADER:
            raise _refused("client_assertion: the header has a member that is not allowed")
        return header, claims

    def resolve_client_public_key(self, client: Client) -> RSAKey | ECKey:
        """The one key of the client that the header names. Raises InvalidClientError."""
        self._client = client
        if client.auth_method != PRIVATE_KEY:
            raise _refused("client_assertion: the client is not registered for it")
        jku = self._header.get("jku")
        if jku is not None and jku != client.jwks_uri:
            raise _refused("client_assertion: jku is not the registered URL")
        kid = self._header["kid"]
        try:
            found = [key for key in self._keys_of(client, kid) if key.kid == kid]
        except ClientKeysUnknown as error:
            raise _refused(f"client_assertion: {error}") from None
        if len(found) != 1:
            raise _refused("client_assertion: kid names no key of the client, or several")
        if found[0].key_type != KEY_TYPES[self._header["alg"]]:
            raise _refused("client_assertion: alg does not fit the key")
        return found[0]

    def process_assertion_claims(self, assertion: str, resolve_key: RSAKey | ECKey) -> dict[str, Any]:
        """The claims, verified; the assertion is spent. Raises InvalidClientError."""
        try:
            claims = jwt.decode(assertion, resolve_key, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError):
            raise _refused("client_assertion: the signature does not fit") from None
        self._check(claims)
        return claims

    def _check(self, claims: dict[str, Any]) -> None:
        client_id = self._client.client_id if self._client else None
        if claims.get("iss") != client_id or claims.get("sub") != client_id:
            raise _refused("client_assertion: iss and sub must both be the client_id")
        if claims.get("aud") not in (self._audience, [self._audience]):
            raise _refused("client_assertion: aud must be the token endpoint")
        expires = claims.get("exp")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise _refused("client_assertion: exp is missing")
        if not self._now - LEEWAY < expires <= self._now + LONGEST_ASSERTION + LEEWAY:
            raise _refused("client_assertion: exp must be at most 300 s ahead, and not over")
        for name in ("nbf", "iat"):
            early = claims.get(name)
            if early is not None and (not isinstance(early, int | float) or early > self._now + LEEWAY):
                raise _refused(f"client_assertion: {name} must be a time that has come")
        jti = claims.get("jti")
        if not (isinstance(jti, str) and 0 < len(jti) <= _MAX_JTI):
            raise _refused("client_assertion: jti is missing or too long")
        if not self.validate_jti(claims, jti):
            raise _refused("client_assertion: jti was used before")

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        """Whether it is used for the first time, which it is from now on no more: one statement, so that of many at
        once one alone gets through."""
        put = insert(schema.assertion).values(
            client_id=claims["iss"],
            jti=digest(jti),
            expires=int(claims["exp"]) + LEEWAY,
        )
        done = self._connection.execute(put.on_conflict_do_nothing().returning(schema.assertion.c.jti))
        return done.first() is not None


def _refused(reason: str) -> InvalidClientError:
    return InvalidClientError(description=reason, status_code=401)
