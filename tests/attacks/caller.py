"""Calls a served hub: with tokens of any kind, good and forged, and as backend clients with keys of their own."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from hub.authorization import engine, known
from smart_auth import access_token, clients, keys
from smart_auth.access_token import Grant, Site
from smart_auth.clients import PRIVATE_KEY
from smart_auth.scopes import parse
from smart_auth.seal import Seal
from tests.hub_process import Answer, HubProcess

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATCH = "application/json-patch+json"

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"})


def part(value: Any) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWT of any header: no library would make most of these."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{base64.urlsafe_b64encode(sign(text.encode())).decode().rstrip('=')}"


def ps256(key: Any) -> Callable[[bytes], bytes]:
    """Signs with an RSA key as access tokens are."""
    hashing = SHA256()
    return lambda text: key.private_key.sign(text, PSS(MGF1(hashing), hashing.digest_size), hashing)


def rs256(key: Any) -> Callable[[bytes], bytes]:
    """Signs with an RSA key as id tokens are."""
    return lambda text: key.private_key.sign(text, PKCS1v15(), SHA256())


def hmac256(secret: bytes) -> Callable[[bytes], bytes]:
    """Signs with a shared secret, such as a public key."""
    return lambda text: hmac.digest(secret, text, "sha256")


def jwks(*own: ECKey | RSAKey) -> str:
    """A JWK set of public keys."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in own]})


def bundle(kind: str, *entries: tuple[str, str] | tuple[str, str, Any]) -> dict[str, Any]:
    """A batch or transaction of (method, url) or (method, url, resource)."""
    made = [
        {"request": {"method": one[0], "url": one[1]}} | ({"resource": one[2]} if len(one) > 2 else {})
        for one in entries
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": made}


def same(one: Answer, two: Answer) -> bool:
    """Whether nobody can tell the answers apart."""
    volatile = ("date", "x-request-id", "ratelimit")
    kept = [{name: value for name, value in each.headers.items() if name not in volatile} for each in (one, two)]
    return (one.status, one.body, kept[0]) == (two.status, two.body, kept[1])


def refused(answer: Answer, error: str = "invalid_grant") -> bool:
    """Whether the token endpoint did, as RFC 6749 5.2 has it."""
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (answer.status == 401)
    return answer.status == (401 if error == "invalid_client" else 400) and answer.json()["error"] == error


@dataclass
class Caller:
    """Everything a test needs to call the hub."""

    hub: HubProcess
    database: str
    key: str

    def __post_init__(self) -> None:
        base = self.hub.client.base
        self.site = Site(base.replace("/fhir", "/auth"), base)
        self.seal = Seal(self.key)
        self.engine = engine(self.database)

    def close(self) -> None:
        self.engine.dispose()

    def client(self, client_id: str, scope: str = "system/*.rs", **more: Any) -> None:
        """Registers a client: a backend service with the keys RSA and EC, unless `more` says otherwise."""
        values = {"jwks": jwks(RSA, EC), "grant_types": ["client_credentials"]} | more
        method = values.pop("auth_method", PRIVATE_KEY)
        with self.engine.begin() as connection:
            clients.register(connection, client_id, client_id, method, scope, int(time.time()), **values)

    def token(self, scope: str, *, client: str = "app", seconds: int = 300, **more: Any) -> str:
        """An access token as the hub issues it. more: patient, fhir_user, subject, id."""
        grant = Grant(client, more.pop("subject", client), parse(scope, known), **more)
        with self.engine.begin() as connection:
            return access_token.issue(connection, self.seal, self.site, grant, seconds)

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """A JWT of any content, signed with the key that signs access tokens."""
        with self.engine.begin() as connection:
            signing = keys.current(connection, self.seal, keys.ACCESS)
        head = {"alg": signing.alg, "kid": signing.kid, "typ": access_token.TYPE} | (header or {})
        return forged({k: v for k, v in head.items() if v is not None}, claims, ps256(signing.private))

    def get(self, path: str, token: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """A request with a bearer token."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.hub.client.request(method, path, body, {"Authorization": f"Bearer {token}"} | sent)

    def post(self, path: str, form: Any, headers: dict[str, str] | None = None) -> Answer:
        """A form posted to the authorization server: /token, /introspect, /revoke."""
        raw = form if isinstance(form, bytes) else urlencode(form).encode()
        return self.hub.client.request("POST", f"/auth{path}", raw, FORM | (headers or {}))

    def assertion(self, client: str, key: ECKey | RSAKey = EC, alg: str = "ES384", **changed: Any) -> str:
        """A client assertion; `changed` claims, None for those left out; `head` for the header."""
        head = {"alg": alg, "kid": key.kid, "typ": "JWT"} | changed.pop("head", {})
        claims = {
            "iss": client, "sub": client, "aud": self.site.token_url, "exp": int(time.time()) + 240,
            "jti": secrets.token_hex(16),
        } | changed  # fmt: skip
        left = {name: value for name, value in claims.items() if value is not None}
        kept = {name: value for name, value in head.items() if value is not None}
        return jws.serialize_compact(kept, json.dumps(left), key, algorithms=[alg])

    def ask(self, client: str, scope: str = "system/*.rs", assertion: str | None = None, **more: str) -> Answer:
        """client_credentials at the token endpoint."""
        signed = self.assertion(client) if assertion is None else assertion
        return self.post("/token", self.proof(signed) | {"grant_type": "client_credentials", "scope": scope} | more)

    def proof(self, assertion: str) -> dict[str, str]:
        """The parameters that carry an assertion."""
        return {"client_assertion_type": ASSERTION, "client_assertion": assertion}

    def eventually(self, true: Callable[[], bool], seconds: float = 10, pause: float = 0.05) -> None:
        """Waits until it is, asking every so many seconds. Raises AssertionError."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end
            time.sleep(pause)

    def opened(self, token: str) -> int:
        """The status of a search with the token."""
        return self.get("Patient?_summary=count", token).status

    def ends(self, token: str) -> None:
        """An access token no longer holds within 5 seconds, in every worker."""
        began, quiet = time.monotonic(), 0
        while quiet < 6:
            answer = self.get("/auth/userinfo", token)
            self.hub.client.close()  # the next connection may come to another worker
            quiet = quiet + 1 if answer.status == 401 else 0
            assert time.monotonic() - began < 5
            time.sleep(0.05)
