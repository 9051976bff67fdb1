"""What clients read first: where the endpoints are and what they can do. One builder, so that no two documents differ.

https://hl7.org/fhir/smart-app-launch/conformance.html https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

from typing import Any

from smart_auth.access_token import Site
from smart_auth.assertion import ALGORITHMS
from smart_auth.clients import PRIVATE_KEY, SECRETS
from smart_auth.keys import IDENTITY

CAPABILITIES = ("client-confidential-asymmetric", "permission-v1", "permission-v2")
GRANTS = ("client_credentials",)
SCOPES = ("system/*.cruds", "system/*.rs", "system/*.read", "system/*.write", "system/*.*")
"""Examples: any scope of the grammar may be asked for."""


def smart_configuration(site: Site) -> dict[str, Any]:
    """The document at {base}/.well-known/smart-configuration."""
    return _common(site) | {"capabilities": list(CAPABILITIES)}


def openid_configuration(site: Site) -> dict[str, Any]:
    """The document at {issuer}/.well-known/openid-configuration."""
    return _common(site) | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [IDENTITY],
        "introspection_endpoint_auth_methods_supported": [PRIVATE_KEY, *SECRETS],
        "revocation_endpoint_auth_methods_supported": [PRIVATE_KEY, *SECRETS],
    }


def _common(site: Site) -> dict[str, Any]:
    return {
        "issuer": site.issuer,
        "jwks_uri": f"{site.issuer}/jwks",
        "token_endpoint": site.token_url,
        "token_endpoint_auth_methods_supported": [PRIVATE_KEY],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": list(GRANTS),
        "scopes_supported": list(SCOPES),
        "response_types_supported": [],
        "introspection_endpoint": f"{site.issuer}/introspect",
        "revocation_endpoint": f"{site.issuer}/revoke",
        "code_challenge_methods_supported": ["S256"],
    }
