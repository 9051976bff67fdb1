"""Who signed in, for the app. https://openid.net/specs/openid-connect-core-1_0.html#IDToken"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from smart_auth import keys
from smart_auth.access_token import Site
from smart_auth.grants import Granted
from smart_auth.seal import Seal

SECONDS = 900
FACTORS = frozenset({"otp", "pop", "mfa"})
"""Methods that are a second factor: https://www.rfc-editor.org/rfc/rfc8176"""


def acr(methods: tuple[str, ...]) -> str:
    """How sure it is who they are: 1, a password; 2, a second factor as well."""
    return "2" if FACTORS & set(methods) else "1"


def issue(
    connection: Connection, seal: Seal, site: Site, granted: Granted, fhir_user: str | None, nonce: str | None, now: int
) -> str:
    """The id token. fhir_user: as far as the app may know it. Raises SealError."""
    claims: dict[str, Any] = {
        "iss": site.issuer,
        "sub": granted.subject,
        "aud": granted.client_id,
        "iat": now,
        "exp": now + SECONDS,
        "auth_time": granted.auth_time,
        "acr": acr(granted.methods),
        "amr": list(granted.methods),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if fhir_user is not None:
        claims["fhirUser"] = fhir_user
    return keys.current(connection, seal, keys.IDENTITY).signed("JWT", claims)
