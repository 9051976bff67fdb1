"""What clients read first: where the endpoints are and what they can do. One builder, so that no two documents differ.

https://hl7.org/fhir/smart-app-launch/conformance.html https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

from typing import Any

from smart_auth.access_token import Site
from smart_auth.assertion import ALGORITHMS
from smart_auth.clients import PRIVATE_KEY, PUBLIC, SECRETS
from smart_auth.keys import IDENTITY

CAPABILITIES = (
    "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style", "context-ehr-patient",
    "context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter", "permission-offline",
    "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
)  # fmt: skip
"""Each has its test: tests/attacks/test_launches.py, test_scopes.py, test_clients.py."""
GRANTS = ("authorization_code", "client_credentials", "refresh_token")
SCOPES = (
    "openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "online_access", "offline_access",
    "patient/*.cruds", "patient/*.rs", "patient/*.read", "patient/*.write", "patient/*.*",
    "user/*.cruds", "user/*.rs", "user/*.read", "user/*.write", "user/*.*",
    "system/*.cruds", "system/*.rs", "system/*.read", "system/*.write", "system/*.*",
)  # fmt: skip
"""Examples: any scope of the grammar may be asked for."""


def smart_configuration(site: Site, brand: str | None = None) -> dict[str, Any]:
    """The document at {base}/.well-known/smart-configuration. brand: URL of the Organization this server stands for."""
    found = _common(site) | {"capabilities": list(CAPABILITIES)}
    if brand is None:
        return found
    return found | {
        "user_access_brand_bundle": f"{site.fhir_base}/.well-known/brands",
        "user_access_brand_identifier": {"system": "urn:ietf:rfc:3986", "value": brand},
    }


def openid_configuration(site: Site) -> dict[str, Any]:
    """The document at {issuer}/.well-known/openid-configuration."""
    return _common(site) | {
        "userinfo_endpoint": f"{site.issuer}/userinfo",
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "fhirUser", "auth_time", "acr", "amr"],
        "acr_values_supported": ["1", "2"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "id_token_signing_alg_values_supported": [IDENTITY],
        "introspection_endpoint_auth_methods_supported": [PRIVATE_KEY, *SECRETS],
        "revocation_endpoint_auth_methods_supported": [PRIVATE_KEY, *SECRETS, PUBLIC],
    }


def _common(site: Site) -> dict[str, Any]:
    return {
        "issuer": site.issuer,
        "jwks_uri": f"{site.issuer}/jwks",
        "authorization_endpoint": f"{site.issuer}/authorize",
        "token_endpoint": site.token_url,
        "token_endpoint_auth_methods_supported": [PRIVATE_KEY, *SECRETS, PUBLIC],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": list(GRANTS),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "authorization_response_iss_parameter_supported": True,
        "registration_endpoint": f"{site.issuer}/register",
        "management_endpoint": f"{site.issuer}/apps",
        "introspection_endpoint": f"{site.issuer}/introspect",
        "revocation_endpoint": f"{site.issuer}/revoke",
        "code_challenge_methods_supported": ["S256"],
    }
