"""What an app gets for a person: access token, id token, refresh token, and what it is launched with.

https://hl7.org/fhir/smart-app-launch/app-launch.html#response-5
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from smart_auth import access_token, id_token, refresh
from smart_auth.access_token import Grant, Site
from smart_auth.grants import Granted
from smart_auth.launches import Context
from smart_auth.parts import Parts
from smart_auth.patient_choice import fhir_user
from smart_auth.people import Person
from smart_auth.scopes import Scopes

SECONDS = 900
_IDENTITY = frozenset({"fhirUser", "profile"})
LASTING = frozenset({"offline_access", "online_access"})
"""Scopes that ask for a refresh token."""


def answer(
    connection: Connection, parts: Parts, granted: Granted, person: Person, scopes: Scopes, now: int, *,
    refreshes: bool, nonce: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The members of the token response. refreshes: a refresh token as well. Raises SealError."""
    site, others = parts.site, set(scopes.others)
    user = fhir_user(person, site) if others & _IDENTITY else None
    # Policies are about the person, whatever the app may learn of them.
    grant = Grant(
        granted.client_id, person.subject, scopes, granted.id, granted.patient, user,
        person.roles_about(granted.patient), person.organization, granted.auth_time, id_token.acr(granted.methods),
        person.fhir_user,
    )  # fmt: skip
    seconds = max(min(SECONDS, granted.expires - now), 1)
    body: dict[str, Any] = {
        "access_token": access_token.issue(connection, parts.seal, site, grant, seconds),
        "token_type": "bearer",
        "expires_in": seconds,
        "scope": str(scopes),
    }
    body |= context(granted, scopes, site)
    if "openid" in others:
        body["id_token"] = id_token.issue(connection, parts.seal, site, granted, user, nonce, now)
    if refreshes:
        body["refresh_token"] = refresh.make(connection, granted, now)
    return body


def context(granted: Granted, scopes: Scopes, site: Site) -> dict[str, Any]:
    """What an app is told beside its token, where it asked for a context."""
    if granted.patient is None and not any(one.startswith("launch") for one in scopes.others):
        return {}
    return Context.of(granted.context).parameters() | {"smart_style_url": f"{site.issuer}/style.json"}
