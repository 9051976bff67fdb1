"""What an app may say of itself when it registers, and what of it is accepted. https://www.rfc-editor.org/rfc/rfc7591#section-2

Names, pages and logos are shown as text; nothing of it is ever fetched, but the keys at a `jwks_uri`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from smart_auth.clients import PRIVATE_KEY, PUBLIC, SECRETS, Client, UnusableClient, key_set
from smart_auth.scopes import Known, Scopes, parse, understood

METHODS = (PUBLIC, *SECRETS, PRIVATE_KEY)
CODE, REFRESH, SERVICE = "authorization_code", "refresh_token", "client_credentials"
MOST_URIS = 10
_LONGEST_URI = 2000
_TEXTS = ("client_name", "software_id", "software_version")
_PAGES = ("client_uri", "logo_uri", "tos_uri", "policy_uri")
_URI = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&()+,;=%]+")
"""Characters of a URI less those that no redirect URI has: wildcards, fragments, quotes, backslashes, blanks."""
_REVERSE_DOMAIN = re.compile(r"[a-z][a-z0-9+\-]*(\.[a-z0-9+\-]+)+")


class Refused(ValueError):
    """The metadata cannot be accepted. https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2"""

    def __init__(self, error: str, reason: str) -> None:
        """error: the code of the answer; reason: member and reason, never a value."""
        super().__init__(reason)
        self.error, self.reason = error, reason


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is accepted of it."""

    name: str
    auth_method: str
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    scope: Scopes
    jwks: str | None
    jwks_uri: str | None
    about: Mapping[str, Any]
    """Members that are kept and given back, and mean nothing to this server."""

    @property
    def plain(self) -> bool:
        """Whether it is an app of the simplest kind: it reads the record of whoever signs in, and that is all."""
        return (
            self.grant_types[0] == CODE
            and "offline_access" not in self.scope.others
            and all(scope.level == "patient" and set(scope.permissions) <= set("rs") for scope in self.scope.resources)
        )

    @classmethod
    def of(cls, client: Client, known: Known) -> Metadata:
        """That of a registered client."""
        return cls(
            client.name, client.auth_method, client.grant_types, client.redirect_uris, parse(client.scope, known),
            client.jwks, client.jwks_uri, json.loads(client.about),
        )  # fmt: skip

    def members(self) -> dict[str, Any]:
        """As JSON, to be told to the client."""
        told: dict[str, Any] = {
            **self.about, "client_name": self.name, "token_endpoint_auth_method": self.auth_method,
            "grant_types": list(self.grant_types), "response_types": ["code"] if CODE in self.grant_types else [],
            "redirect_uris": list(self.redirect_uris), "scope": str(self.scope),
        }  # fmt: skip
        if self.jwks is not None:
            told["jwks"] = json.loads(self.jwks)
        if self.jwks_uri is not None:
            told["jwks_uri"] = self.jwks_uri
        return told


def read(sent: object, allowed: Scopes | None, known: Known) -> Metadata:
    """The metadata of a JSON body; unknown members are passed over. Raises Refused.

    allowed: the scopes are within these; None: whoever asks may give any, and has to say which.
    """
    if not isinstance(sent, dict):
        raise _metadata("the body must be a JSON object")
    if "software_statement" in sent:
        raise Refused("unapproved_software_statement", "software_statement: none is trusted here")
    method = sent.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in METHODS:
        raise _metadata(f"token_endpoint_auth_method: must be one of {', '.join(METHODS)}")
    grants = _strings(sent, "grant_types", [CODE])
    if (CODE not in grants and SERVICE not in grants) or set(grants) - {CODE, REFRESH, SERVICE}:
        raise _metadata(f"grant_types: {CODE}, with or without {REFRESH}, or {SERVICE}")
    if SERVICE in grants and (len(grants) > 1 or method != PRIVATE_KEY):
        raise _metadata(f"grant_types: {SERVICE} stands alone, for clients that sign ({PRIVATE_KEY})")
    if set(_strings(sent, "response_types", ["code"] if CODE in grants else [])) - {"code"}:
        raise _metadata("response_types: code is all there is")
    jwks, jwks_uri = _keys(sent, method)
    return Metadata(
        _text(sent, "client_name"), method, tuple(grant for grant in (CODE, REFRESH, SERVICE) if grant in grants),
        _redirect_uris(sent, CODE in grants), _scope(sent, SERVICE in grants, allowed, known), jwks, jwks_uri,
        _about(sent),
    )  # fmt: skip


def _redirect_uris(sent: Mapping[str, Any], needed: bool) -> tuple[str, ...]:
    found = _strings(sent, "redirect_uris", [])
    if not needed:
        if found:
            raise _redirect("a client without authorization_code has none")
        return ()
    if not 1 <= len(found) <= MOST_URIS:
        raise _redirect(f"1 to {MOST_URIS} are needed")
    kind = sent.get("application_type", "web")
    if kind not in ("web", "native"):
        raise _metadata("application_type: must be web or native")
    for uri in found:
        if reason := redirect_fault(uri, native=kind == "native"):
            raise _redirect(reason)
    return tuple(dict.fromkeys(found))


def redirect_fault(uri: str, *, native: bool) -> str | None:
    """Why a redirect URI cannot be; None: it can. https://www.rfc-editor.org/rfc/rfc8252#section-7"""
    if len(uri) > _LONGEST_URI or not _URI.fullmatch(uri):
        return "a URI has no blanks, quotes, fragments or wildcards, and at most 2000 characters"
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "not a URI"
    if any(
        part in (".", "..") for part in re.split(r"[/;]|%2[Ff]", parts.path.replace("%2e", ".").replace("%2E", "."))
    ):
        return "a path has no . or .. in it"
    if parts.scheme == "https":
        return None if host and "@" not in parts.netloc else "an https URI has a host, and no user name or password"
    if not native:
        return "must begin with https://"
    if parts.scheme == "http":
        good = host in ("127.0.0.1", "::1") and "@" not in parts.netloc
        return None if good else "http is for 127.0.0.1 and [::1] only, where a native app listens"
    if not _REVERSE_DOMAIN.fullmatch(uri.partition(":")[0]) or parts.netloc:
        return "a scheme of the app's own is its domain in reverse, such as org.example.app:/callback"
    return None


def _scope(sent: Mapping[str, Any], service: bool, allowed: Scopes | None, known: Known) -> Scopes:
    text = sent.get("scope", str(allowed or ""))
    if not isinstance(text, str) or len(text) > 10_000:
        raise _metadata("scope: must be scopes separated by spaces")
    if not understood(text, known):
        raise _metadata("scope: holds a scope that does not exist")
    found = parse(text, known)
    system = [scope for scope in found.resources if scope.level == "system"]
    if (service and (len(system) < len(found.resources) or found.others)) or (system and not service):
        raise _metadata(f"scope: scopes of the level system are for clients with {SERVICE}, who have no others")
    if not found or (allowed is not None and not allowed.covers(found)):
        raise _metadata("scope: nothing, or more than the initial access token is for")
    return found


def _keys(sent: Mapping[str, Any], method: str) -> tuple[str | None, str | None]:
    jwks, uri = sent.get("jwks"), sent.get("jwks_uri")
    if (method == PRIVATE_KEY) != ((jwks is None) != (uri is None)) or (method != PRIVATE_KEY and jwks is not None):
        raise _metadata(f"jwks, jwks_uri: with {PRIVATE_KEY} one of the two, else neither")
    if jwks is not None:
        text = json.dumps(jwks)
        try:
            key_set(text)
        except UnusableClient as error:
            raise _metadata(str(error)) from None
        return text, None
    if uri is not None and (reason := _inward(uri)):
        raise _metadata(f"jwks_uri: {reason}")
    return None, uri


def _inward(url: object) -> str | None:
    """Why keys are not fetched from there; names are judged once more, by their address, when they are."""
    if not isinstance(url, str) or len(url) > _LONGEST_URI or not _URI.fullmatch(url):
        return "not a URL"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "not a URL"
    if parts.scheme != "https" or not host or "@" in parts.netloc:
        return "must begin with https://, and have a host and no user name or password"
    try:
        return None if ip_address(host).is_global else "the address is not public"
    except ValueError:
        # Not an address in its usual form; what else a resolver would take for one is no name either.
        named = "." in host and not host.rpartition(".")[2].isdigit() and not host.endswith(("localhost", ".local"))
        return None if named else "the host is no public name"


def _about(sent: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: _text(sent, name) for name in _TEXTS[1:] if name in sent}
    for name in _PAGES:
        if name in sent:
            if not isinstance(sent[name], str) or redirect_fault(sent[name], native=False):
                raise _metadata(f"{name}: must be an https URL")
            found[name] = sent[name]
    if "contacts" in sent:
        contacts = _strings(sent, "contacts", [])
        if len(contacts) > MOST_URIS or not all(0 < len(one) <= 200 and one.isprintable() for one in contacts):
            raise _metadata(f"contacts: at most {MOST_URIS} texts of at most 200 characters")
        found["contacts"] = contacts
    if "application_type" in sent:
        found["application_type"] = sent["application_type"]
    return found


def _text(sent: Mapping[str, Any], name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 200 or not value.isprintable():
        raise _metadata(f"{name}: must be a text of 1 to 200 printable characters")
    return value.strip()


def _strings(sent: Mapping[str, Any], name: str, default: list[str]) -> list[str]:
    value = sent.get(name, default)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        error = _redirect if name == "redirect_uris" else _metadata
        raise error(f"{name}: must be an array of strings")
    return value


def _metadata(reason: str) -> Refused:
    return Refused("invalid_client_metadata", reason)


def _redirect(reason: str) -> Refused:
    return Refused("invalid_redirect_uri", reason if reason.startswith("redirect_uris") else f"redirect_uris: {reason}")
