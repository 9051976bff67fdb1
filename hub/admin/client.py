"""Client: an app or a backend service, its elements named as RFC 7591 names them. https://www.rfc-editor.org/rfc/rfc7591#section-2"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from fhir_server.outcome import Unprocessable
from hub.admin.administered import Given, Resource, Sent, boolean, fault, resource
from smart_auth import clients, registration
from smart_auth.client_metadata import Metadata, Refused, read
from smart_auth.clients import Client, UnusableClient
from smart_auth.happened import CLIENT_CHANGED
from smart_auth.references import ID

ELEMENTS = frozenset(
    ("active", "introspect", "waiting", "client_name", "token_endpoint_auth_method", "grant_types", "response_types",
     "redirect_uris", "scope", "jwks", "jwks_uri", "application_type", "software_id", "software_version", "client_uri",
     "logo_uri", "tos_uri", "policy_uri", "contacts")
)  # fmt: skip
FILTERS = frozenset({"_id"})
WRITTEN = CLIENT_CHANGED
OPERATIONS: Mapping[str, Callable[[Given, str], Resource | None]] = {}


def listed(given: Given, wanted: Mapping[str, str], after: str, most: int) -> list[tuple[str, Resource]]:
    """In order of their ids."""
    if "_id" in wanted:
        found = clients.of_any_state(given.connection, wanted["_id"])
        return [] if found is None or after else [(found.client_id, _resource(given, found))]
    return [(one.client_id, _resource(given, one)) for one in clients.listed(given.connection, after, most)]


def found(given: Given, id: str, *, hold: bool) -> Resource | None:
    """One by its client_id."""
    found = clients.of_any_state(given.connection, id, hold=hold)
    return None if found is None else _resource(given, found)


def _resource(given: Given, client: Client) -> Resource:
    return resource(
        "Client", client.client_id, active=client.active, waiting=client.waiting or None,
        introspect=client.introspect or None, **Metadata.of(client, given.known).members(),
    )  # fmt: skip


def put(given: Given, id: str | None, sent: Sent, present: Resource | None) -> tuple[str, Resource]:
    """Registers or changes one; its secret is told, where a new one was made. `active` switches it on and off.

    Whatever else is changed gives it a new secret and ends its tokens.
    """
    id = secrets.token_hex(16) if id is None else id
    if present is None and (not ID.fullmatch(id) or id.startswith("-")):
        raise Unprocessable("id: 1 to 64 letters, digits, dots and dashes, no dash first", code="value",
                            expression=["Client.id"])  # fmt: skip
    active = boolean("Client", sent, "active", True)
    introspect = boolean("Client", sent, "introspect", False)
    try:
        metadata = read(sent, None, given.known)
        told = {}
        if present is None or _said(present) != metadata.members() | ({"introspect": True} if introspect else {}):
            secret = registration.store(given.connection, id, metadata, given.now, introspect=introspect)
            told = {"client_secret": secret} if secret else {}
    except Refused as refused:
        raise fault("Client", refused.reason, ELEMENTS) from None
    except UnusableClient as unusable:
        raise fault("Client", str(unusable), ELEMENTS) from None
    if active:
        clients.let_in(given.connection, id)
    else:
        clients.switch_off(given.connection, id)
    return id, told


def _said(present: Resource) -> Resource:
    return {name: value for name, value in present.items() if name in ELEMENTS - {"active", "waiting"}}
