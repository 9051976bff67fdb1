"""Security keys and passkeys as second factors. https://www.w3.org/TR/webauthn-3/

The library `webauthn` judges what a browser sends; here is which challenge it answers, and that a copy is noticed.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from sqlalchemy import Connection, insert, select, update
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor

from smart_auth.access_token import Site
from smart_auth.people import Person
from smart_auth.schema import factor

METHODS = ("pop", "mfa")
"""https://www.rfc-editor.org/rfc/rfc8176"""
NAME = "AUSTA Care Platform"
LONGEST = 20_000
"""Characters of what a browser sends."""


def _party(site: Site) -> tuple[str, str]:
    """(id, origin) of this server, as browsers know it."""
    parts = urlsplit(site.issuer)
    return parts.hostname or "", f"{parts.scheme}://{parts.netloc}"


def credentials(connection: Connection, person: Person) -> list[str]:
    """Ids of the person's keys."""
    wanted = select(factor.c.credential).where(factor.c.subject == person.subject, factor.c.kind == "webauthn")
    return [id for (id,) in connection.execute(wanted.order_by(factor.c.created, factor.c.id))]


def _described(ids: list[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(id)) for id in ids]


def registration(connection: Connection, site: Site, person: Person, challenge: bytes) -> str:
    """What a browser needs to make a key, as JSON."""
    return options_to_json(
        generate_registration_options(
            rp_id=_party(site)[0], rp_name=NAME, user_id=person.subject.encode(), user_name=person.login,
            user_display_name=person.name, challenge=challenge,
            exclude_credentials=_described(credentials(connection, person)),
        )
    )  # fmt: skip


def register(connection: Connection, site: Site, person: Person, sent: str, challenge: bytes, now: int) -> bool:
    """Keeps the key that answers the challenge. Whether it does."""
    id, origin = _party(site)
    try:
        found = verify_registration_response(
            credential=sent[:LONGEST], expected_challenge=challenge, expected_rp_id=id, expected_origin=origin
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return False
    row = {
        "id": secrets.token_urlsafe(16), "subject": person.subject, "kind": "webauthn", "confirmed": True,
        "created": now, "credential": bytes_to_base64url(found.credential_id), "public": found.credential_public_key,
        "signed": found.sign_count,
    }  # fmt: skip
    if connection.execute(select(factor.c.id).where(factor.c.credential == row["credential"])).first():
        return False
    connection.execute(insert(factor).values(**row))
    return True


def request(connection: Connection, site: Site, person: Person, challenge: bytes) -> str:
    """What a browser needs to have a key sign, as JSON."""
    allowed = _described(credentials(connection, person))
    return options_to_json(
        generate_authentication_options(rp_id=_party(site)[0], challenge=challenge, allow_credentials=allowed)
    )


def proven(connection: Connection, site: Site, person: Person, sent: str, challenge: bytes) -> bool:
    """Whether one of the person's keys signed the challenge, and was not copied: then its count would not grow."""
    id, origin = _party(site)
    try:
        credential = parse_authentication_credential_json(sent[:LONGEST])
        own = (factor.c.subject == person.subject, factor.c.credential == bytes_to_base64url(credential.raw_id))
        kept = connection.execute(select(factor.c.id, factor.c.public, factor.c.signed).where(*own)).one_or_none()
        if kept is None:
            return False
        found = verify_authentication_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=id, expected_origin=origin,
            credential_public_key=kept.public, credential_current_sign_count=kept.signed,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return False
    # Keys that do not count say 0 always; of two at once with the same count one is let in.
    grown = (factor.c.signed < found.new_sign_count) | ((factor.c.signed == 0) & (found.new_sign_count == 0))
    spent = update(factor).where(factor.c.id == kept.id, grown).values(signed=found.new_sign_count)
    return bool(connection.execute(spent).rowcount)
