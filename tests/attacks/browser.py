"""A browser at the authorization server's pages: cookies, forms, redirects. And an app that sends people there."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pyotp
from sqlalchemy import select, update

from smart_auth import clients, factors, launches, passwords, people, schema
from smart_auth.clients import PRIVATE_KEY, PUBLIC
from smart_auth.codes import challenge_of
from tests.attacks.caller import EC, FORM, RSA, Caller, jwks
from tests.hub_process import Answer

PASSWORD = "correct-horse-battery-9"
BACK = "http://127.0.0.1:9999/back"


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({"action": found["action"], "fields": []})
        elif tag == "input" and self.forms and "name" in found:
            kind = found.get("type", "text")
            if kind not in ("checkbox", "radio") or "checked" in found:
                self.forms[-1]["fields"].append((found["name"], found.get("value", "")))


def form(answer: httpx2.Response, action: str) -> list[tuple[str, str]]:
    """The fields of a page's form, as a browser would send them untouched."""
    parser = _Forms()
    parser.feed(answer.text)
    return next(list(one["fields"]) for one in parser.forms if one["action"].endswith(action))


@dataclass
class Browser:
    """One person's browser."""

    caller: Caller
    http: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        # Of a network of its own: what one does wrong is not counted against another.
        self.address = f"127.{secrets.randbelow(200) + 1}.{secrets.randbelow(256)}.{secrets.randbelow(250) + 2}"
        transport = httpx2.HTTPTransport(local_address=self.address)
        headers = {"Accept-Language": "pt-BR,pt;q=0.9,en;q=0.5"}
        self.http = httpx2.Client(timeout=30, headers=headers, transport=transport)
        self.issuer = self.caller.site.issuer

    def url(self, path: str) -> str:
        return path if path.startswith("http") else f"{self.issuer}{path}"

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.http.get(self.url(path), headers=headers)

    def post(self, path: str, fields: list[tuple[str, str]] | dict[str, str], **headers: str) -> httpx2.Response:
        pairs = list(fields.items()) if isinstance(fields, dict) else fields
        return self.http.post(self.url(path), content=urlencode(pairs), headers=FORM | headers)

    def follow(self, answer: httpx2.Response) -> httpx2.Response:
        """Redirects within the server, until a page comes or an app is sent to."""
        for _ in range(10):
            location = answer.headers.get("location", "")
            if answer.status_code != 303 or not location.startswith(f"{self.issuer}/"):
                return answer
            answer = self.get(location)
        raise AssertionError("it goes round in circles")

    def sign_in(self, login: str, password: str = PASSWORD, page: httpx2.Response | None = None) -> httpx2.Response:
        """Fills in the page it is at, or goes to it first."""
        page = self.get("/sign-in") if page is None else page
        fields = [pair for pair in form(page, "/sign-in") if pair[0] not in ("login", "password")]
        answer = self.post("/sign-in", [*fields, ("login", login), ("password", password)])
        answer = self.follow(answer) if answer.status_code == 303 else answer
        return self.second_factor(answer, otp(self.caller, login)) if 'name="code"' in answer.text else answer

    def second_factor(self, page: httpx2.Response, code: str) -> httpx2.Response:
        """Shows it on the page it is at."""
        fields = [pair for pair in form(page, "/second-factor") if pair[0] != "code"]
        return self.follow(self.post("/second-factor", [*fields, ("code", code)]))

    def consent(self, page: httpx2.Response, decision: str = "allow", **changed: str | list[str]) -> httpx2.Response:
        """Answers the consent page; `changed` fields instead of those on it."""
        fields = [pair for pair in form(page, "/consent") if pair[0] not in changed]
        for name, value in changed.items():
            fields += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return self.post("/consent", [*fields, ("decision", decision)])


def told(answer: httpx2.Response) -> dict[str, str]:
    """What a redirect tells the app."""
    assert answer.status_code == 303, (answer.status_code, answer.text[:500])
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


@dataclass
class App:
    """A registered app."""

    caller: Caller
    client_id: str
    scope: str
    secret: str | None = None
    auth_method: str = PUBLIC
    redirect_uri: str = BACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def __post_init__(self) -> None:
        with self.caller.engine.begin() as connection:
            self.secret = clients.register(
                connection, self.client_id, f"App {self.client_id}", self.auth_method, self.scope, int(time.time()),
                grant_types=["authorization_code", "refresh_token"], redirect_uris=[self.redirect_uri],
                jwks=jwks(RSA, EC) if self.auth_method == PRIVATE_KEY else None,
            )  # fmt: skip

    def asks(self, **changed: str | None) -> dict[str, str]:
        """The parameters of its authorization request."""
        found = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri,
            "scope": self.scope, "state": "the-state", "aud": self.caller.site.fhir_base,
            "code_challenge": challenge_of(self.verifier), "code_challenge_method": "S256",
        } | changed  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def start(self, browser: Browser, **changed: str | None) -> httpx2.Response:
        """Sends a person to the authorization endpoint."""
        return browser.follow(browser.get(f"/authorize?{urlencode(self.asks(**changed))}"))

    def proof(self) -> tuple[dict[str, str], dict[str, str]]:
        """(form, headers) by which it proves itself."""
        if self.auth_method == "client_secret_post":
            return {"client_id": self.client_id, "client_secret": self.secret or ""}, {}
        if self.auth_method == "client_secret_basic":
            return {}, {"Authorization": str(httpx2.BasicAuth(self.client_id, self.secret or "")._auth_header)}
        if self.auth_method == PRIVATE_KEY:
            return self.caller.proof(self.caller.assertion(self.client_id)), {}
        return {"client_id": self.client_id}, {}

    def redeem(self, code: str, **changed: str | None) -> Answer:
        """The code at the token endpoint."""
        proof, headers = self.proof()
        found = proof | {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        } | changed  # fmt: skip
        return self.caller.post("/token", {k: v for k, v in found.items() if v is not None}, headers)

    def refresh(self, token: str, **changed: str) -> Answer:
        """A refresh token at the token endpoint."""
        proof, headers = self.proof()
        return self.caller.post(
            "/token", proof | {"grant_type": "refresh_token", "refresh_token": token} | changed, headers
        )

    def code(self, browser: Browser, login: str, **changed: str | None) -> str:
        """A code, after signing in and allowing everything."""
        page = self.start(browser, **changed)
        if page.status_code == 200 and 'name="password"' in page.text:
            page = browser.sign_in(login, page=page)
        if page.status_code == 200:
            page = browser.consent(page)
        answer = told(page)
        assert "code" in answer, answer
        return answer["code"]

    def tokens(self, browser: Browser, login: str, **changed: str | None) -> dict[str, Any]:
        """The token response."""
        answer = self.redeem(self.code(browser, login, **changed))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()
        return found


def person(caller: Caller, login: str, *roles: str, **more: Any) -> people.Person:
    """Somebody who can sign in with PASSWORD; staff have a second factor as well."""
    with caller.engine.begin() as connection:
        found = people.add(connection, login, f"Person {login}", roles or ("member",), int(time.time()), **more)
        own = schema.person.c.subject == found.subject
        connection.execute(update(schema.person).where(own).values(password_hash=_hashed()))
        if found.staff:
            SECRETS[login] = factors.give(connection, caller.seal, found, int(time.time()))[0]
        return found


SECRETS: dict[str, str] = {}
"""Of the second factors of staff, by login."""


def otp(caller: Caller, login: str) -> str:
    """The code of somebody's authenticator, as if it were shown for the first time."""
    theirs = select(schema.person.c.subject).where(schema.person.c.login == login).scalar_subquery()
    with caller.engine.begin() as connection:
        connection.execute(update(schema.factor).where(schema.factor.c.subject == theirs).values(step=0))
    return pyotp.TOTP(SECRETS[login]).now()


@cache
def _hashed() -> str:
    return passwords.hashed(PASSWORD)


def launch(caller: Caller, app: App, who: people.Person, **context: Any) -> str:
    """A launch value made for somebody."""
    with caller.engine.begin() as connection:
        return launches.make(connection, app.client_id, who.subject, launches.Context(**context), int(time.time()))


def shown(answer: httpx2.Response) -> list[str]:
    """The scopes a consent page shows."""
    return re.findall(r"<code[^>]*>([^<]+)</code>", answer.text)


def counted(answers: list[int]) -> str:
    """Statuses and how many of each."""
    return ", ".join(f"{answers.count(one)} x {one}" for one in sorted(set(answers)))
