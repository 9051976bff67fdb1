"""Whether a bearer token holds, and the Access it carries: on the path of every request, without the database.

https://www.rfc-editor.org/rfc/rfc6750 https://www.rfc-editor.org/rfc/rfc9068#section-4
"""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256

from smart_auth.access_token import TYPE, Site, revocation_keys
from smart_auth.feed import Feed
from smart_auth.keys import ACCESS
from smart_auth.references import ID
from smart_auth.revocations import LEEWAY
from smart_auth.scopes import APART, Access, Known, Scope, parse

MAX_TOKEN = 16 * 1024
_KNOWN_LIMIT = 10_000
_TAIL = 43
"""Characters at a token's end, all of its signature, by which it is found again: to hash it whole would cost more than
all else that is done with a token that is known. Then the whole is compared."""
_HASH = SHA256()
_PADDING = PSS(MGF1(_HASH), _HASH.digest_size)
"""As PS256 says: https://www.rfc-editor.org/rfc/rfc7518#section-3.5"""
_HEADER = {"alg", "kid", "typ"}
_TEXTS = ("sub", "client_id", "jti", "grant", "scope")
_ORGANIZATION = re.compile(f"Organization/{ID.pattern}")


class TokenRefused(Exception):
    """The token does not hold; the text says why, and never quotes it."""


@dataclass(slots=True)
class Verified:
    """A token that was found good: its signature and its claims."""

    access: Access
    header: str
    """It as a request has it: "Bearer " and the token."""
    issued: int
    """Microseconds since 1970 UTC."""
    ends: int
    """When it counts no more, in seconds since 1970 UTC."""
    revocation: tuple[str, str, str]
    heard: object = None
    """What the feed had heard when it was last found not to be revoked."""

    @property
    def claims(self) -> dict[str, Any]:
        """Its claims."""
        return _claims(self.header.split(".")[1])


@dataclass(frozen=True, slots=True)
class _Scopes:
    """What a claim `scope` says."""

    resources: tuple[Scope, ...]
    administers: tuple[Scope, ...]
    need_patient: bool

    @classmethod
    def of(cls, resources: tuple[Scope, ...]) -> _Scopes:
        return cls(
            tuple(one for one in resources if one.type not in APART),
            tuple(one for one in resources if one.type in APART),
            any(scope.level == "patient" for scope in resources),
        )


class Bearer:
    """Verifies access tokens of this server."""

    def __init__(self, site: Site, feed: Feed, known: Known, now: Callable[[], float] = time.time) -> None:
        """known: as `scopes.parse` takes it."""
        self._site, self._feed, self._now = site, feed, now
        self._scopes = lru_cache(maxsize=1000)(lambda text: _Scopes.of(parse(text, known).resources))
        self._known: dict[str, Verified] = {}  # by the token's tail
        self._kids: dict[str, str] = {}

    def seen(self, header: str) -> Access | None:
        """What the bearer of a token that was verified before may do, if it is known here and now that it still holds;
        None: `access` has to find out. header: Authorization.
        """
        found, feed = self._known.get(header[-_TAIL:]), self._feed
        if found is None or found.header != header or found.ends <= self._now() or monotonic() > feed.fresh_until:
            return None
        if found.heard is not feed.heard:
            heard = feed.heard
            if feed.seen(found.revocation, found.issued):
                return None
            found.heard = heard
        return found.access

    async def access(self, token: str) -> Access:
        """What the bearer of the token may do. Raises TokenRefused, FeedLost."""
        return (await self.verified(token)).access

    async def verified(self, token: str) -> Verified:
        """The token, if it holds now. Raises TokenRefused, FeedLost."""
        header, tail = f"Bearer {token}", token[-_TAIL:]
        found = self._known.get(tail)
        if found is None or found.header != header:
            found = await self._verify(token)
            if len(self._known) >= _KNOWN_LIMIT:
                for old in list(self._known)[: _KNOWN_LIMIT // 4]:
                    del self._known[old]
            self._known[tail] = found
        if found.ends <= self._now():
            self._known.pop(tail, None)
            raise TokenRefused("the token is no longer valid")
        if await self._feed.revoked(found.revocation, found.issued):
            raise TokenRefused("the token was revoked")
        return found

    async def _verify(self, token: str) -> Verified:
        parts = token.split(".")
        if len(parts) != 3 or len(token) > MAX_TOKEN or not token.isascii():
            raise TokenRefused("the token is not one of this server's")
        header, payload, signature = parts
        kid = self._kids.get(header) or _kid(header)
        key = await self._feed.key(kid)
        try:
            if key is None:
                raise TokenRefused("the token is not signed by this server")
            key.verify(urlsafe_b64decode(signature + "=="), f"{header}.{payload}".encode(), _PADDING, _HASH)
            claims = _claims(payload)
        except (ValueError, InvalidSignature):
            raise TokenRefused("the token is not signed by this server") from None
        self._kids[header] = kid  # as this server wrote it, hence one for each of its keys
        return self._read(claims, f"Bearer {token}")

    def _read(self, claims: dict[str, Any], header: str) -> Verified:
        told = claims.get
        issued, expires = told("iat"), told("exp")
        if told("iss") != self._site.issuer or told("aud") != self._site.fhir_base:
            raise TokenRefused("the token is of another issuer or for another audience")
        if not (isinstance(issued, (int, float)) and isinstance(expires, int)):
            raise TokenRefused("the token has no time of issue or no end")
        for name in _TEXTS:
            if not isinstance(told(name), str):
                raise TokenRefused("the token lacks a claim")
        if issued > self._now() + LEEWAY:
            raise TokenRefused("the token is not valid yet")
        scopes = self._scopes(claims["scope"])
        patient = told("patient")
        if patient is None and scopes.need_patient:
            raise TokenRefused("the token has a patient scope and no patient")
        roles, organization = told("roles", []), told("organization")
        if not isinstance(roles, list) or not all(isinstance(one, str) and one for one in roles):
            raise TokenRefused("the token's roles are no list of names")
        if organization is not None and not (isinstance(organization, str) and _ORGANIZATION.fullmatch(organization)):
            raise TokenRefused("the token's organization is no reference to one")
        shown = told("auth_time")
        access = Access(
            claims["sub"],
            unrestricted=False,
            client=claims["client_id"],
            grant=claims["grant"],
            scopes=scopes.resources,
            administers=scopes.administers,
            patient=patient,
            fhir_user=told("fhirUser") or told("person"),
            roles=tuple(sorted(set(roles))),
            organization=organization,
            stepped_up=shown if isinstance(shown, int) and told("acr") == "2" else None,
        )
        return Verified(access, header, round(issued * 1_000_000), expires + LEEWAY, revocation_keys(claims))


def _claims(payload: str) -> dict[str, Any]:
    """The claims of a payload. Raises ValueError."""
    claims = json.loads(urlsafe_b64decode(payload + "==").decode())
    if not isinstance(claims, dict):
        raise ValueError("no object")
    return claims


def _kid(header: str) -> str:
    """The key named by a header that is exactly as this server writes it: nothing else in it is ever looked at."""
    try:
        members = json.loads(urlsafe_b64decode(header + "=="))
    except (ValueError, RecursionError):
        raise TokenRefused("the token is not one of this server's") from None
    if not isinstance(members, dict) or set(members) != _HEADER:
        raise TokenRefused("the token's header has other members than alg, kid and typ")
    kid = members["kid"]
    if members["alg"] != ACCESS or members["typ"] != TYPE or not isinstance(kid, str):
        raise TokenRefused("the token is no access token of this server")
    return kid
