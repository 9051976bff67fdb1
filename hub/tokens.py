"""`hub client`, `hub keys`, `hub token`: the operator's side of the authorization server."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from joserfc.jwk import ECKey
from sqlalchemy import Connection

from hub.authorization import known, site, tables
from hub.sealing_key import seal
from hub.security_events import by_operator
from hub.settings import Settings
from smart_auth import access_token, clients, keys, registration
from smart_auth.access_token import Grant
from smart_auth.client_metadata import redirect_fault
from smart_auth.clients import PRIVATE_KEY, PUBLIC, UnusableClient
from smart_auth.happened import CLIENT_CHANGED, GRANT, KEYS_CHANGED
from smart_auth.scopes import Scopes, parse, understood
from smart_auth.seal import SealError, new_key

DEMO = "demo"
DEMO_SCOPE = "system/*.cruds"


class Refused(ValueError):
    """What was asked for cannot be; the text says why."""


def _now() -> int:
    return int(time.time())


def client(settings: Settings, url: str, chosen: argparse.Namespace) -> None:
    """Lists, registers or switches off clients. Raises Refused."""
    with tables(url) as connection:
        if chosen.do == "add":
            _add(settings, connection, chosen)
        elif chosen.do == "off":
            if not clients.switch_off(connection, chosen.id):
                raise Refused("there is no client of this id")
            by_operator(settings, connection, CLIENT_CHANGED, f"Client/{chosen.id}")
            print(f"Switched off: {chosen.id}")
        elif chosen.do == "invite":
            _invite(connection, chosen)
            by_operator(settings, connection, CLIENT_CHANGED, "Client")
        elif chosen.do == "approve":
            if not registration.approve(connection, chosen.id):
                raise Refused("no client of this id waits for approval")
            by_operator(settings, connection, CLIENT_CHANGED, f"Client/{chosen.id}")
            print(f"Approved: {chosen.id}")
        else:
            for one in clients.listed(connection):
                state = "" if one.active else "  (waits for approval)" if one.waiting else "  (off)"
                print(f"{one.client_id}  {one.auth_method}  {one.scope}  {one.name}{state}")


def _add(settings: Settings, connection: Connection, chosen: argparse.Namespace) -> None:
    scopes = parse(chosen.scope, known)
    keys_given = bool(chosen.jwks or chosen.jwks_uri)
    if chosen.redirect_uris:
        _app_scopes(scopes, chosen.scope)
        _redirect_uris(chosen.redirect_uris)
        grants = ["authorization_code", "refresh_token"]
    elif keys_given:
        _service_scopes(scopes, chosen.scope)
        grants = ["client_credentials"]
    else:
        raise Refused("--jwks, --jwks-uri or --redirect-uri: a service has keys, an app has redirect URIs")
    if chosen.secret and (keys_given or not chosen.redirect_uris):
        raise Refused("--secret: only for an app, and not beside keys")
    if chosen.jwks_uri and urlsplit(chosen.jwks_uri).scheme not in settings.outbound_schemes:
        raise Refused("--jwks-uri: must begin with https://")
    method = PRIVATE_KEY if keys_given else f"client_secret_{chosen.secret}" if chosen.secret else PUBLIC
    try:
        jwks = chosen.jwks.read_text(encoding="utf-8") if chosen.jwks else None
        secret = clients.register(
            connection, chosen.id, chosen.name or chosen.id, method, str(scopes), _now(), grant_types=grants,
            redirect_uris=chosen.redirect_uris, jwks=jwks, jwks_uri=chosen.jwks_uri, introspect=chosen.introspect,
        )  # fmt: skip
    except (UnusableClient, OSError, ValueError) as error:
        raise Refused(str(error)) from None
    by_operator(settings, connection, CLIENT_CHANGED, f"Client/{chosen.id}")
    print(f"Registered: {chosen.id}, {scopes}")
    if secret is not None:
        print(f"Its secret, shown this once: {secret}")


def _redirect_uris(uris: Sequence[str]) -> None:
    """Raises Refused unless each leads to one place that is known: https, loopback, or an app's own scheme."""
    for uri in uris:
        if reason := redirect_fault(uri, native=True):
            raise Refused(f"--redirect-uri: {reason}")


def _app_scopes(scopes: Scopes, text: str) -> None:
    """Raises Refused unless every scope of the text is one that a person can grant."""
    _existing(text)
    if not scopes or any(one.level == "system" for one in scopes.resources):
        raise Refused("--scope: an app for people has scopes of the levels patient and user")


def _invite(connection: Connection, chosen: argparse.Namespace) -> None:
    text = chosen.scope or registration.PATIENT_APP
    _existing(text)
    if not text.split():
        raise Refused("--scope: is empty")
    print(registration.invite(connection, str(parse(text, known)), chosen.uses, _now() + chosen.days * 86_400))


def _service_scopes(scopes: Scopes, text: str) -> None:
    """Raises Refused unless every scope of the text is one of a backend service."""
    if not scopes or scopes.others or any(one.level != "system" for one in scopes.resources):
        raise Refused("--scope: a backend service has scopes of the level system, such as system/Observation.rs")
    _existing(text)


def _existing(text: str) -> None:
    if not understood(text, known):
        raise Refused("--scope: holds a scope that does not exist")


def show_keys(settings: Settings, url: str, chosen: argparse.Namespace) -> None:
    """Lists or changes the keys that sign tokens, or prints a new key that seals them."""
    if chosen.do == "new-seal":
        print(new_key())
        return
    with tables(url) as connection:
        keys.make_sure(connection, seal(settings), _now())
        if chosen.do == "rotate":
            keys.rotate(connection, seal(settings), chosen.alg, _now())
            by_operator(settings, connection, KEYS_CHANGED, chosen.alg)
        for kid, alg, state, created, leaves in keys.listed(connection):
            end = f"  until {_day(leaves)}" if leaves is not None else ""
            print(f"{kid}  {alg}  {state}  since {_day(created)}{end}")


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def token(settings: Settings, url: str, chosen: argparse.Namespace) -> None:
    """Prints a token. Raises Refused."""
    with tables(url) as connection:
        _usable(connection, settings)
        if chosen.demo:
            if settings.env == "production":
                raise Refused("--demo: not with HUB_ENV=production")
            _demo(connection)
        found = clients.find(connection, DEMO if chosen.demo else chosen.client)
        if found is None:
            raise Refused("there is no client of this id, or it is switched off")
        allowed = parse(found.scope, known)
        scopes = parse(chosen.scope, known).meet(allowed) if chosen.scope else allowed
        if not scopes:
            raise Refused("--scope: the client is registered for nothing of it")
        grant = Grant(found.client_id, found.client_id, scopes)
        by_operator(settings, connection, GRANT, f"Client/{found.client_id}", found.client_id)
        print(access_token.issue(connection, seal(settings), site(settings), grant, chosen.minutes * 60))


def _usable(connection: Connection, settings: Settings) -> None:
    """Raises Refused unless there are keys, and this installation's key opens them."""
    keys.make_sure(connection, seal(settings), _now())
    try:
        keys.current(connection, seal(settings), keys.ACCESS)
    except SealError as error:
        raise Refused(f"HUB_KEY, HUB_KEY_FILE: {error}") from None


def _demo(connection: Connection) -> None:
    """Registers the demo client, with a key that nobody keeps: it gets tokens by command only."""
    if clients.find(connection, DEMO) is None:
        key = ECKey.generate_key("P-384", {"kid": "demo", "use": "sig"})
        clients.register(
            connection, DEMO, "Demo", PRIVATE_KEY, DEMO_SCOPE, _now(), grant_types=["client_credentials"],
            jwks=json.dumps({"keys": [key.as_dict(private=False)]}),
        )  # fmt: skip
