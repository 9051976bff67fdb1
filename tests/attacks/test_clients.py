"""Attacks 58, 59 and 70: clients that forge, replay or mix their proofs, and key sets that lead inside."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from smart_auth.clients import UnusableClient
from tests.attacks.browser import counted
from tests.attacks.caller import EC, RSA, Caller, forged, hmac256, jwks, refused
from tests.attacks.neighbour import Neighbour


@pytest.fixture
def client(caller: Caller, mark: str) -> str:
    caller.client(mark)
    return mark


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES384"), (RSA, "RS384")])
def test_both_algorithms_work(caller: Caller, client: str, key: ECKey | RSAKey, alg: str) -> None:
    answer = caller.ask(client, assertion=caller.assertion(client, key, alg))
    body = answer.json()
    assert (answer.status, body["token_type"], body["expires_in"]) == (200, "bearer", 300)
    assert (body["scope"], "refresh_token" in body) == ("system/*.rs", False)
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert caller.opened(body["access_token"]) == 200


def test_58_claims(caller: Caller, client: str, now: int) -> None:
    for changed in (
        {"exp": now + 3600}, {"exp": now - 60}, {"exp": None}, {"exp": "soon"}, {"exp": True}, {"aud": None},
        {"aud": caller.site.issuer}, {"aud": caller.site.fhir_base}, {"aud": [caller.site.token_url, "https://x"]},
        {"iss": "other"}, {"iss": None}, {"sub": None}, {"sub": "other"}, {"jti": None}, {"jti": 5}, {"jti": ""},
        {"jti": "x" * 600}, {"nbf": now + 600}, {"iat": now + 600},
    ):  # fmt: skip
        assert refused(caller.ask(client, assertion=caller.assertion(client, **changed)), "invalid_client"), changed


def test_58_headers(caller: Caller, client: str) -> None:
    for changed in (
        {"kid": None}, {"kid": "rsa"}, {"kid": "unknown"}, {"kid": ""}, {"typ": None}, {"typ": "at+jwt"},
        {"jku": "https://evil.example.org/jwks"}, {"x5c": ["AAAA"]}, {"jwk": EC.as_dict(private=False)},
    ):  # fmt: skip
        assert refused(caller.ask(client, assertion=caller.assertion(client, head=changed)), "invalid_client"), changed


def test_58_algorithms(caller: Caller, client: str) -> None:
    small = ECKey.generate_key("P-256", {"kid": "ec"})
    head = {"alg": "ES384", "kid": "ec", "typ": "JWT"}
    good = caller.assertion(client)
    header, payload, _ = good.split(".")
    claims = jwt.decode(good, EC, algorithms=["ES384"]).claims
    for assertion in (
        caller.assertion(client, RSA, "RS256"),
        caller.assertion(client, RSA, "PS384"),
        caller.assertion(client, small, "ES256"),
        caller.assertion(client, ECKey.generate_key("P-384", {"kid": "ec"})),
        forged(head | {"alg": "HS384"}, claims, hmac256(EC.as_pem(private=False))),
        forged(head | {"alg": "none"}, claims, lambda text: b""),
        f"{header}.{payload}.",
        "x" * 1_000_000,
        "x" * 20_000,
        "...",
        "",
    ):
        answer = caller.ask(client, assertion=assertion)
        # A body of 1 MB is refused before anybody looks into it.
        assert refused(answer, "invalid_client") or refused(answer, "invalid_request"), assertion[:60]


def test_58_two_keys_of_one_name(caller: Caller, mark: str) -> None:
    caller.client(mark, jwks=jwks(EC, ECKey.generate_key("P-384", {"kid": "ec"})))
    assert refused(caller.ask(mark), "invalid_client")


def test_58_an_assertion_works_once(caller: Caller, client: str) -> None:
    assertion = caller.assertion(client)
    assert caller.ask(client, assertion=assertion).status == 200
    assert refused(caller.ask(client, assertion=assertion), "invalid_client")
    # Nor under another client's name, nor where the first use was refused for its scope.
    second = caller.assertion(client)
    assert refused(caller.ask(client, "system/Nothing.rs", assertion=second), "invalid_scope")
    assert refused(caller.ask(client, assertion=second), "invalid_client")


def test_58_fifty_at_once(caller: Caller, client: str, capsys: pytest.CaptureFixture[str]) -> None:
    assertion = caller.assertion(client)
    with ThreadPoolExecutor(50) as pool:
        statuses = sorted(pool.map(lambda _: caller.ask(client, assertion=assertion).status, range(50)))
    with capsys.disabled():
        print(f"\n58: one assertion, 50 at once: {counted(statuses)}")
    assert statuses == [200] + [401] * 49


def test_too_many_tokens_in_a_minute(caller: Caller, client: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: caller.ask(client), range(130)))
    refused_ones = [answer for answer in answers if answer.status != 200]
    assert refused_ones, "60 a minute, and two minutes at most were touched"
    for answer in refused_ones:
        assert (answer.status, answer.json()["error"]) == (429, "temporarily_unavailable")
        assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_59_one_proof_at_a_time(caller: Caller, client: str) -> None:
    grant = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    proof = caller.proof(caller.assertion(client))
    basic = {"Authorization": "Basic eDp5"}
    assert refused(caller.post("/token", grant | proof | {"client_secret": "x"}), "invalid_request")
    assert refused(caller.post("/token", grant | proof, basic), "invalid_request")
    assert refused(caller.post("/token", grant | proof | {"client_id": "another"}), "invalid_request")
    assert refused(caller.post("/token", grant | {"client_id": client}), "invalid_client")
    assert refused(caller.post("/token", grant | {"client_id": client, "client_secret": "x"}), "invalid_client")
    assert refused(caller.post("/token", grant, basic), "invalid_client")
    assert refused(caller.post("/token?client_secret=x", grant | proof), "invalid_request")
    assert refused(
        caller.post("/token", b"grant_type=client_credentials&grant_type=client_credentials"), "invalid_request"
    )
    assert refused(caller.post("/token", b"\xff=x"), "invalid_request")
    assert refused(caller.post("/token", proof), "invalid_request")
    assert refused(caller.post("/token", proof | {"grant_type": "password"}), "unsupported_grant_type")
    json_body = caller.hub.client.request("POST", "/auth/token", {"grant_type": "client_credentials"})
    assert refused(json_body, "invalid_request")
    assert caller.hub.client.request("GET", "/auth/token?grant_type=client_credentials").status == 405


def test_59_a_client_with_a_secret_is_no_backend_service(caller: Caller, mark: str) -> None:
    caller.client(mark, auth_method="client_secret_post", jwks=None)
    grant = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    assert refused(caller.post("/token", grant | {"client_id": mark, "client_secret": "guess"}), "invalid_client")
    assert refused(caller.ask(mark), "invalid_client")


@pytest.mark.parametrize(
    ("registered", "asked", "granted"),
    [
        ("system/*.rs", "system/*.cruds", "system/*.rs"),
        ("system/*.rs", "system/Observation.read", "system/Observation.read"),
        ("system/Observation.rs", "system/*.rs", "system/Observation.rs"),
        (
            "system/Observation.rs?category=laboratory",
            "system/Observation.r",
            "system/Observation.r?category=laboratory",
        ),
        ("system/*.rs", "system/Observation.rs system/nonsense.rs", "system/Observation.rs"),
        ("system/*.rs", "patient/*.rs", None),
        ("system/*.rs", "user/*.rs", None),
        ("system/*.rs", "system/*.rs openid", None),
        ("system/*.rs", "system/*.rs launch/patient", None),
        ("system/Observation.rs", "system/Patient.rs", None),
        ("system/*.rs", "", None),
        ("system/*.rs", "system/observation.rs", None),
    ],
)
def test_scope_is_at_most_what_is_registered(
    caller: Caller, mark: str, registered: str, asked: str, granted: str | None
) -> None:
    caller.client(mark, registered)
    answer = caller.ask(mark, asked)
    if granted is None:
        assert refused(answer, "invalid_scope")
    else:
        assert answer.json()["scope"] == granted


def test_texts_name_the_parameter_and_never_its_value(caller: Caller, client: str) -> None:
    secret = "kept-to-ourselves"
    for form in (
        {"grant_type": secret}, {"grant_type": "client_credentials", "client_id": secret},
        {"grant_type": "client_credentials", "scope": secret, **caller.proof(caller.assertion(client))},
        {"grant_type": "client_credentials", **caller.proof(caller.assertion(secret))},
    ):  # fmt: skip
        answer = caller.post("/token", form)
        assert answer.status in (400, 401)
        assert secret not in answer.body.decode() + str(answer.headers)


def test_70_keys_at_a_url(caller: Caller, neighbour: Neighbour, mark: str) -> None:
    url = neighbour.url
    neighbour.answer = (200, {"Cache-Control": "max-age=600"}, jwks(EC).encode())
    caller.client(mark, jwks=None, jwks_uri=f"{url}/jwks")
    for _ in range(4):
        assert caller.ask(mark, assertion=caller.assertion(mark, head={"jku": f"{url}/jwks"})).status == 200
    assert len(neighbour.heard) <= 2, "once for each worker"
    elsewhere = caller.assertion(mark, head={"jku": f"{url}/other"})
    assert refused(caller.ask(mark, assertion=elsewhere), "invalid_client")
    redirect = (302, {"Location": f"{url}/jwks"}, b"")
    for number, answer in enumerate(
        (redirect, (200, {}, b"{" * 70_000), (200, {}, b"{}"), (500, {}, jwks(EC).encode()))
    ):
        neighbour.answer = answer
        caller.client(f"{mark}-{number}", jwks=None, jwks_uri=f"{url}/{number}")
        assert refused(caller.ask(f"{mark}-{number}"), "invalid_client"), number


def test_70_no_way_inside(caller: Caller, mark: str) -> None:
    inward = (
        "http://169.254.169.254/latest", "http://10.0.0.1/", "http://192.168.1.1/jwks", "https://[fe80::1]/jwks",
        "http://[::ffff:10.0.0.1]/", "http://100.64.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:1/", "https://u:p@x/",
    )  # fmt: skip
    began = time.monotonic()
    for number, url in enumerate(inward):
        caller.client(f"{mark}-{number}", jwks=None, jwks_uri=url)
        assert refused(caller.ask(f"{mark}-{number}"), "invalid_client"), url
    assert time.monotonic() - began < 20


def test_registration_refuses_weak_and_private_keys(caller: Caller, mark: str) -> None:
    for keys in (
        json.dumps({"keys": [EC.as_dict(private=True)]}),
        jwks(RSAKey.generate_key(1024, {"kid": "small"}, auto_kid=False)),
        jwks(ECKey.generate_key("P-256", {"kid": "small"})),
        jwks(*[ECKey.generate_key("P-384", {"kid": str(n)}) for n in range(21)]),
        jwks(ECKey.generate_key("P-384", {"kid": "x", "use": "enc"})),
        jwks(ECKey.generate_key("P-384", {"kid": "x", "key_ops": ["sign"]})),
        '{"keys": []}', "[]", "nonsense",
    ):  # fmt: skip
        with pytest.raises(UnusableClient):
            caller.client(mark, jwks=keys)
