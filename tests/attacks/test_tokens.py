"""Attacks 38 and 41 to 46, and 79: tokens that are forged, foreign, over, revoked, or told to the wrong one."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from smart_auth import keys, revocations
from tests.attacks.caller import Caller, forged, hmac256, part, ps256, rs256
from tests.hub_process import Client


def claims(caller: Caller, **changed: Any) -> dict[str, Any]:
    """Those of a good token."""
    now = int(time.time())
    good = {
        "iss": caller.site.issuer, "aud": caller.site.fhir_base, "sub": "app", "client_id": "app", "iat": now,
        "exp": now + 300, "jti": secrets.token_hex(8), "grant": secrets.token_hex(8), "scope": "system/*.rs",
    }  # fmt: skip
    return {name: value for name, value in (good | changed).items() if value is not None}


def test_a_good_token_opens_and_none_does_not(caller: Caller) -> None:
    assert caller.opened(caller.sign(claims(caller))) == 200
    answer = caller.hub.client.request("GET", "Patient")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="fhir"')
    assert caller.hub.client.request("GET", "metadata").status == 200


def test_41_claims(caller: Caller) -> None:
    now = int(time.time())
    for changed in (
        {"exp": now - 31}, {"exp": None}, {"exp": "never"}, {"iat": now + 40}, {"iat": None}, {"sub": None},
        {"aud": f"{caller.site.fhir_base}/"}, {"aud": "https://other.example.org/fhir"}, {"aud": None},
        {"aud": [caller.site.fhir_base]}, {"iss": "https://other.example.org"}, {"iss": None}, {"grant": None},
        {"scope": None}, {"client_id": 7}, {"roles": "nurse"}, {"roles": [1]}, {"roles": [""]}, {"roles": {"nurse": 1}},
        {"organization": ["Organization/1"]}, {"organization": "Patient/1"}, {"organization": "Organization/1/x"},
    ):  # fmt: skip
        answer = caller.get("Patient", caller.sign(claims(caller, **changed)))
        assert answer.status == 401, changed
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_41_headers(caller: Caller) -> None:
    own = ECKey.generate_key("P-256", {"kid": "own"})
    for changed in (
        {"jwk": own.as_dict(private=False)}, {"jku": "https://evil.example.org/jwks"}, {"x5u": "https://evil.example"},
        {"crit": ["x"], "x": 1}, {"typ": "JWT"}, {"typ": None}, {"kid": None}, {"kid": "../../etc/passwd"},
        {"kid": "' or 1=1 --"}, {"kid": "x" * 20_000},
    ):  # fmt: skip
        assert caller.opened(caller.sign(claims(caller), changed)) == 401, changed


def test_41_signatures(caller: Caller) -> None:
    good = caller.sign(claims(caller))
    header, payload, signature = good.split(".")
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    with caller.engine.begin() as connection:
        [public] = [one for one in keys.published(connection, int(time.time())) if one["kid"] == kid]
        own = keys.current(connection, caller.seal, keys.ACCESS).private
    stranger, curve = RSAKey.generate_key(2048, {"kid": kid}), ECKey.generate_key("P-256", {"kid": kid})
    head = {"alg": "PS256", "kid": kid, "typ": "at+jwt"}
    shared = hmac256(RSAKey.import_key(public).as_pem(private=False))
    wider = part(claims(caller, scope="system/*.cruds"))
    for token in (
        jwt.encode(head, claims(caller), stranger, algorithms=["PS256"]),
        jwt.encode(head | {"alg": "ES256"}, claims(caller), curve),
        forged(head | {"jwk": stranger.as_dict(private=False)}, claims(caller), ps256(stranger)),
        forged(head | {"alg": "RS256"}, claims(caller), rs256(own)),
        forged(head, claims(caller), rs256(own)),
        forged(head | {"alg": "HS256"}, claims(caller), shared),
        forged(head, claims(caller), shared),
        f"{part(head | {'alg': 'none'})}.{payload}.",
        f"{header}.{payload}.",
        f"{header}.{wider}.{signature}",
        f"{header}.{payload}.{signature[:-8]}",
        f"{header}.{payload}.{'A' * 342}",
        f"{good}.{signature}",
        good[:-40],
        "x" * 20_000,
        "\u00e9.\u00e9.\u00e9",
        "..",
    ):
        assert caller.hub.client.request(
            "GET", "Patient", headers={"Authorization": f"Bearer {token}"}
        ).status == 401, token[:60]  # fmt: skip
    assert caller.opened(good) == 200


def test_42_an_id_token_opens_nothing(caller: Caller) -> None:
    with caller.engine.begin() as connection:
        signing = keys.current(connection, caller.seal, keys.IDENTITY)
    for kind in ("JWT", "at+jwt"):
        head = {"alg": "RS256", "kid": signing.kid, "typ": kind}
        assert caller.opened(jwt.encode(head, claims(caller), signing.private, algorithms=["RS256"])) == 401


def test_43_one_token_in_one_header(caller: Caller) -> None:
    good = caller.token("system/*.rs")
    client = caller.hub.client
    assert client.request("GET", f"Patient?access_token={good}").status == 400
    assert (
        client.request("GET", f"Patient?access_token={good}", headers={"Authorization": f"Bearer {good}"}).status == 400
    )
    both = {"Authorization": f"Bearer {good}, Bearer {good}"}
    assert client.request("GET", "Patient", headers=both).status == 400
    connection = client._connection()
    connection.putrequest("GET", "/fhir/Patient")
    for _ in range(2):
        connection.putheader("Authorization", f"Bearer {good}")
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 400
    for scheme in ("Basic", "bear", "Bearer:"):
        assert client.request("GET", "Patient", headers={"Authorization": f"{scheme} {good}"}).status == 401
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {good}"}
    assert client.request("POST", "Patient/_search", f"access_token={good}".encode(), form).status == 400


def test_44_a_revoked_token_ends_on_every_worker_within_5_s(caller: Caller, mark: str) -> None:
    caller.client(mark)
    tokens = [caller.ask(mark).json()["access_token"] for _ in range(2)]
    clients = [Client("127.0.0.1", caller.hub.port) for _ in range(8)]  # connections, spread over the workers

    def statuses(token: str) -> set[int]:
        sent = {"Authorization": f"Bearer {token}"}
        return {client.request("GET", "Patient?_summary=count", headers=sent).status for client in clients}

    assert statuses(tokens[0]) == statuses(tokens[1]) == {200}
    answer = caller.post("/revoke", caller.proof(caller.assertion(mark)) | {"token": tokens[0]})
    assert answer.status == 200
    began = time.monotonic()
    while (found := statuses(tokens[0])) != {401} and time.monotonic() - began < 5:
        time.sleep(0.02)
    assert found == {401}
    assert statuses(tokens[1]) == {200}, "only the token that was revoked ends"
    for client in clients:
        client.close()


def test_44_a_person_or_client_switched_off(caller: Caller, mark: str) -> None:
    caller.client(mark)
    token, other = caller.ask(mark).json()["access_token"], caller.token("system/*.rs", subject=f"person-{mark}")
    assert caller.opened(token) == caller.opened(other) == 200
    with caller.engine.begin() as connection:
        from smart_auth import clients

        clients.switch_off(connection, mark)
        revocations.revoke(connection, f"subject:person-{mark}")
    began = time.monotonic()
    while {caller.opened(token), caller.opened(other)} != {401} and time.monotonic() - began < 5:
        time.sleep(0.02)
    assert caller.opened(token) == caller.opened(other) == 401
    assert caller.ask(mark).status == 401
    caller.client(mark)  # switched on again, in the same second perhaps
    assert caller.opened(caller.ask(mark).json()["access_token"]) == 200


def test_45_rotation(caller: Caller) -> None:
    def kids() -> set[str]:
        answer = caller.hub.client.request("GET", "/auth/jwks")
        return {one["kid"] for one in answer.json()["keys"]}

    def kid(token: str) -> str:
        return str(json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"])

    old = caller.token("system/*.rs")
    with caller.engine.begin() as connection:
        keys.rotate(connection, caller.seal, keys.ACCESS, int(time.time()))
    new = caller.token("system/*.rs")
    assert kid(old) != kid(new)
    assert {kid(old), kid(new)} <= kids()
    assert caller.opened(old) == caller.opened(new) == 200
    with caller.engine.begin() as connection:  # an hour later
        connection.exec_driver_sql("update auth.signing_key set leaves = 1 where state = 'retired'")
        connection.exec_driver_sql(f"notify {keys.CHANGED}")
    assert kid(old) not in kids()
    began = time.monotonic()
    while caller.opened(caller.sign(claims(caller), {"kid": kid(old)})) != 401:
        assert time.monotonic() - began < 5
    assert caller.opened(new) == 200


def test_46_introspection(caller: Caller, mark: str) -> None:
    caller.client(mark)
    caller.client(f"{mark}-other")
    caller.client(f"{mark}-server", introspect=True)
    token = caller.ask(mark).json()["access_token"]

    def introspect(client: str, token: str) -> Any:
        answer = caller.post("/introspect", caller.proof(caller.assertion(client)) | {"token": token})
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        return answer.json()

    for client in (mark, f"{mark}-server"):
        told = introspect(client, token)
        assert told["active"] is True
        assert (told["client_id"], told["scope"], told["iss"]) == (mark, "system/*.rs", caller.site.issuer)
        assert isinstance(told["exp"], int)
    patient = caller.token("patient/*.rs", patient="1", fhir_user=f"{caller.site.fhir_base}/Patient/1")
    assert introspect(f"{mark}-server", patient)["patient"] == "1"
    dead = {"active": False}
    assert introspect(f"{mark}-other", token) == dead
    for unknown in ("nonsense", caller.sign(claims(caller, exp=1)), token[:-4] + "AAAA", "x" * 30_000):
        assert introspect(f"{mark}-server", unknown) == dead
    foreign = caller.post("/revoke", caller.proof(caller.assertion(f"{mark}-other")) | {"token": token})
    assert foreign.status == 200
    assert introspect(mark, token)["active"] is True, "nobody revokes what is not theirs"
    hint = {"token": "unknown", "token_type_hint": "whatever"}
    assert caller.post("/revoke", caller.proof(caller.assertion(mark)) | hint).status == 200
    caller.post("/revoke", caller.proof(caller.assertion(mark)) | {"token": token})
    assert introspect(f"{mark}-server", token) == dead


def test_46_introspection_without_right(caller: Caller, mark: str) -> None:
    caller.client(mark)
    caller.client(f"{mark}-server", introspect=True)
    token = caller.ask(mark).json()["access_token"]
    assert caller.post("/introspect", {"token": token}).status == 401
    assert caller.post("/introspect", {"token": token, "client_id": mark}).status == 401
    for client, status in ((mark, 401), (f"{mark}-server", 200)):
        bearer = {"Authorization": f"Bearer {caller.ask(client).json()['access_token']}"}
        assert caller.post("/introspect", {"token": token}, bearer).status == status, client


@pytest.mark.parametrize(("iat", "status"), [(-270, 200), (25, 200), (300, 401)])
def test_79_clocks_apart(caller: Caller, now: int, iat: int, status: int) -> None:
    assert caller.opened(caller.sign(claims(caller, iat=now + iat, exp=now + iat + 300))) == status
