"""What an app asks for at the authorization endpoint, and whether it may: decisions without I/O.

https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code https://www.rfc-editor.org/rfc/rfc9700
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urlsplit

from smart_auth.access_token import Site
from smart_auth.clients import PUBLIC, Client
from smart_auth.codes import CHALLENGE
from smart_auth.launches import Context
from smart_auth.people import Person
from smart_auth.roles import ANALYSING, OFFICER, OPERATING
from smart_auth.scopes import ADMINISTERED, ANALYSIS, OPERATIONS, Known, Scopes, merged, parse

MAX_STATE = 2048
_STATE = re.compile(r"[\x20-\x7e]+")
"""VSCHAR: https://www.rfc-editor.org/rfc/rfc6749#appendix-A.5"""
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_TEXTS = (("nonce", 512), ("launch", 512), ("acr_values", 200), ("login_hint", 200))


class NoRedirect(Exception):
    """It is not certain whose request it is: the person is told, nobody is redirected. The text says why."""


class Refused(Exception):
    """The app is told, at its redirect URI."""

    def __init__(self, error: str, reason: str, redirect_uri: str, state: str | None) -> None:
        super().__init__(reason)
        self.error, self.reason, self.redirect_uri, self.state = error, reason, redirect_uri, state


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in order."""

    client: Client
    redirect_uri: str
    state: str
    scopes: Scopes
    """Of what is asked, what the client is registered for."""
    challenge: str
    nonce: str | None
    launch: str | None
    prompt: frozenset[str]
    max_age: int | None
    acr_values: tuple[str, ...]

    def refused(self, error: str, reason: str) -> Refused:
        """The refusal of this request."""
        return Refused(error, reason, self.redirect_uri, self.state)


def read(
    parameters: Sequence[tuple[str, str]], client_of: Callable[[str], Client | None], site: Site, known: Known
) -> Asked:
    """The request of these parameters. Raises NoRedirect, Refused."""
    found = dict(parameters)
    counts = {name: sum(name == other for other, _ in parameters) for name in found}
    for name in ("client_id", "redirect_uri"):
        if counts.get(name) != 1:
            raise NoRedirect(f"{name}: must be there, once")
    client = client_of(found["client_id"])
    if client is None or not client.redirect_uris:
        raise NoRedirect("client_id: no app of this name is registered")
    redirect_uri = found["redirect_uri"]
    if not client.check_redirect_uri(redirect_uri):
        raise NoRedirect("redirect_uri: not, to the letter, one that the app is registered with")
    state = found.get("state")
    usable = state is not None and counts["state"] == 1 and len(state) <= MAX_STATE and _STATE.fullmatch(state)

    def refused(error: str, reason: str) -> Refused:
        return Refused(error, reason, redirect_uri, state if usable else None)

    if not usable or state is None:
        raise refused("invalid_request", f"state: must be there, of 1 to {MAX_STATE} printable ASCII characters")
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        raise refused("invalid_request", "a parameter is repeated")
    if "request" in found or "request_uri" in found:
        error = "request_not_supported" if "request" in found else "request_uri_not_supported"
        raise refused(error, "request objects are not taken")
    if not client.check_response_type("code"):
        raise refused("unauthorized_client", "the client is not registered for this")
    if found.get("response_type") != "code":
        missing = "response_type" not in found
        raise refused("invalid_request" if missing else "unsupported_response_type", "response_type: must be code")
    if found.get("response_mode", "query") != "query":
        raise refused("invalid_request", "response_mode: must be query")
    audience = {found[name].removesuffix("/") for name in ("aud", "resource") if name in found}
    if audience != {site.fhir_base}:
        raise refused("invalid_request", "aud: must be the FHIR base URL")
    if found.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(found.get("code_challenge", "")):
        raise refused("invalid_request", "code_challenge: must be there, by code_challenge_method S256")
    for name, most in _TEXTS:
        if name in found and not (0 < len(found[name]) <= most and found[name].isprintable()):
            raise refused("invalid_request", f"{name}: must be 1 to {most} printable characters")
    prompt = frozenset(found.get("prompt", "").split())
    if not prompt <= _PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise refused("invalid_request", "prompt: not one of none, login, consent, select_account")
    age = found.get("max_age")
    if age is not None and not (age.isascii() and age.isdigit() and len(age) <= 9):
        raise refused("invalid_request", "max_age: must be a number of seconds")
    scopes = parse(found.get("scope", ""), known)
    if "launch" in scopes.others and "launch" not in found:
        raise refused("invalid_request", "launch: missing, though scope has it")
    if "launch" in found and "launch" not in scopes.others:
        raise refused("invalid_request", "scope: must have launch, where the parameter launch is given")
    allowed = scopes.meet(parse(client.scope, known))
    allowed = replace(allowed, resources=tuple(one for one in allowed.resources if one.level != "system"))
    if not allowed:
        raise refused("invalid_scope", "scope: nothing in it can be granted to this app")
    return Asked(
        client, redirect_uri, state, allowed, found["code_challenge"], found.get("nonce"), found.get("launch"), prompt,
        None if age is None else int(age), tuple(found.get("acr_values", "").split()),
    )  # fmt: skip


def grantable(asked: Asked, person: Person, context: Context) -> Scopes:
    """Of what is asked, what this person may grant, once a patient is chosen where one is needed."""
    levels = {"patient", "user"} if person.staff else {"patient"}
    closed = set[str]() if OFFICER in person.roles else set(ADMINISTERED)
    if set(OPERATING).isdisjoint(person.roles):
        closed.add(OPERATIONS)
    if set(ANALYSING).isdisjoint(person.roles):
        closed.add(ANALYSIS)
    resources = [
        one for one in asked.scopes.resources
        if one.level in levels and one.type not in closed
    ]  # fmt: skip
    others = set(asked.scopes.others)
    if person.fhir_user is None:
        others -= {"fhirUser", "profile"}
    # A patient, and for an app that starts by itself an encounter, may still be chosen.
    had = context.kinds() | {"patient"} | ({"encounter"} if asked.launch is None else set())
    return merged(resources, [one for one in others if _of_launch(one) in (None, *had)])


def _of_launch(scope: str) -> str | None:
    """The type of context that a launch scope asks for; None: it asks for none."""
    return scope.removeprefix("launch/").partition("?")[0] if scope.startswith("launch/") else None


def with_patient(scopes: Scopes, patient: str | None) -> Scopes:
    """What is left of it for this patient: without one nothing that is about one."""
    if patient is not None:
        return scopes
    return Scopes(
        tuple(one for one in scopes.resources if one.level != "patient"),
        tuple(one for one in scopes.others if _of_launch(one) != "patient"),
    )


def with_encounter(scopes: Scopes, context: Context) -> Scopes:
    """What is left of it for this context: where it has no encounter, nothing that asks for one."""
    if "encounter" in context.kinds():
        return scopes
    return Scopes(scopes.resources, tuple(one for one in scopes.others if _of_launch(one) != "encounter"))


def needs_patient(scopes: Scopes) -> bool:
    """Whether a patient is to be chosen: https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html"""
    return any(one.level == "patient" for one in scopes.resources) or any(
        _of_launch(one) == "patient" for one in scopes.others
    )


def needs_encounter(asked: Asked, scopes: Scopes) -> bool:
    """Whether an encounter is to be chosen: an app that starts by itself asks for one."""
    return asked.launch is None and any(_of_launch(one) == "encounter" for one in scopes.others)


def worth_nothing(scopes: Scopes) -> bool:
    """Whether a grant of these would be of none: no data, and not even who the person is."""
    return not scopes.resources and "openid" not in scopes.others


def may_be_silent(client: Client, redirect_uri: str) -> bool:
    """Whether earlier consent counts: not where any program on the device could pretend to be the app.

    https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    """
    return client.auth_method != PUBLIC or urlsplit(redirect_uri).scheme == "https"


def answer_url(site: Site, redirect_uri: str, told: Mapping[str, str | None]) -> str:
    """The redirect URI with an answer, and with who gives it: https://www.rfc-editor.org/rfc/rfc9207"""
    pairs = {name: value for name, value in told.items() if value is not None} | {"iss": site.issuer}
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return f"{redirect_uri.rstrip('?')}{joint}{urlencode(pairs, quote_via=quote)}"


def refusal_url(site: Site, refused: Refused) -> str:
    """Where a refusal is told."""
    told = {"error": refused.error, "error_description": refused.reason, "state": refused.state}
    return answer_url(site, refused.redirect_uri, told)
