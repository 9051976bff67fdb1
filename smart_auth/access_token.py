"""Access tokens: signed JWTs that hold all a request needs to know. https://www.rfc-editor.org/rfc/rfc9068"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from smart_auth import keys
from smart_auth.scopes import Scopes
from smart_auth.seal import Seal

TYPE = "at+jwt"
_CLOCK = text("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")


@dataclass(frozen=True, slots=True)
class Site:
    """Where this server is: absolute URLs from the settings, never from a request."""

    issuer: str
    """Without trailing slash."""
    fhir_base: str
    """Likewise; the audience of access tokens."""

    @property
    def token_url(self) -> str:
        """The token endpoint; the audience of client assertions."""
        return f"{self.issuer}/token"


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token is issued for."""

    client_id: str
    subject: str
    scopes: Scopes
    id: str | None = None
    """Of the consent it comes from; None: of this token alone."""
    patient: str | None = None
    fhir_user: str | None = None
    roles: tuple[str, ...] = ()
    """Of the person, whose policies bound `user/` scopes."""
    organization: str | None = None
    """Where the person works, as "Organization/<id>"."""
    auth_time: int | None = None
    """When the person last proved who they are, in seconds; https://www.rfc-editor.org/rfc/rfc9068#section-2.2.1"""
    acr: str | None = None
    """How: 1, by a password; 2, by a second factor as well."""
    person: str | None = None
    """The person's own resource, as "Practitioner/<id>", whether or not the app may learn of it."""


def issue(connection: Connection, seal: Seal, site: Site, grant: Grant, seconds: int) -> str:
    """A new access token that holds for so many seconds. Raises SealError."""
    signing = keys.current(connection, seal, keys.ACCESS)
    # To the microsecond, so that what was revoked is told from what was issued right after.
    now = connection.execute(_CLOCK).scalar_one() / 1_000_000
    jti = secrets.token_urlsafe(16)
    claims: dict[str, Any] = {
        "iss": site.issuer,
        "aud": site.fhir_base,
        "sub": grant.subject,
        "client_id": grant.client_id,
        "iat": now,
        "exp": int(now) + seconds,
        "jti": jti,
        "grant": grant.id or jti,
        "scope": str(grant.scopes),
    }
    if grant.patient is not None:
        claims["patient"] = grant.patient
    if grant.fhir_user is not None:
        claims["fhirUser"] = grant.fhir_user
    if grant.roles:
        claims["roles"] = sorted(set(grant.roles))
    if grant.organization is not None:
        claims["organization"] = grant.organization
    if grant.person is not None:
        claims["person"] = grant.person
    if grant.auth_time is not None:
        claims |= {"auth_time": grant.auth_time, "acr": grant.acr}
    return signing.signed(TYPE, claims)


def revocation_keys(claims: dict[str, Any]) -> tuple[str, str, str]:
    """What may be revoked to end the token."""
    return f"grant:{claims['grant']}", f"client:{claims['client_id']}", f"subject:{claims['sub']}"
