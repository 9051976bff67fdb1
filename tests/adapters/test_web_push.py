"""Encryption by RFC 8291's own example and for any text, and what becomes of a push service's answers."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from adapters.partner_errors import PartnerRefused, PartnerUnavailable
from adapters.web_push import LONGEST, Browser, Gone, Message, WebPush, encrypted, public_key, topic
from simulators.push_service import Browser as Simulated
from simulators.push_service import opened, signed

PLAIN = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RECEIVER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
EXAMPLE = Browser(
    "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BTBZMqHH6r4Tts7J_aSIgg",
)
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
    "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
"""https://www.rfc-editor.org/rfc/rfc8291#section-5"""
KEY = ECKey.import_key(ec.derive_private_key(7, ec.SECP256R1()), {"use": "sig"})


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw(text), "big"), ec.SECP256R1())


def subscribed(browser: Simulated) -> Browser:
    text = urlsafe_b64encode(browser.point).decode().rstrip("=")
    return Browser("https://push.example/1", text, urlsafe_b64encode(browser.secret).decode().rstrip("="))


def test_the_example_of_rfc_8291() -> None:
    assert encrypted(PLAIN, EXAMPLE, private(SENDER), raw(SALT)) == raw(BODY)
    assert opened(raw(BODY), private(RECEIVER), raw(EXAMPLE.secret)) == PLAIN


@given(st.binary(min_size=1, max_size=LONGEST))
def test_what_is_encrypted_is_read_by_its_browser_alone(content: bytes) -> None:
    own, other = Simulated(""), Simulated("")
    body = encrypted(content, subscribed(own))
    assert len(body) <= 4096
    assert opened(body, own.private, own.secret) == content
    for private, secret in ((other.private, own.secret), (own.private, other.secret)):
        with pytest.raises(ValueError, match="somebody else"):
            opened(body, private, secret)
    assert encrypted(content, subscribed(own)) != body


def test_nothing_what_is_too_long_and_a_key_that_is_none() -> None:
    for content in (b"", b"x" * (LONGEST + 1)):
        with pytest.raises(ValueError, match="bytes"):
            encrypted(content, EXAMPLE)
    wrong = urlsafe_b64encode(b"\4" + b"\1" * 64).decode()
    with pytest.raises(PartnerRefused):
        encrypted(b"x", Browser("https://push.example/1", wrong, EXAMPLE.secret))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (201, None), (202, None), (404, Gone), (410, Gone), (400, PartnerRefused), (413, PartnerRefused),
        (302, PartnerRefused), (401, PartnerUnavailable), (403, PartnerUnavailable), (429, PartnerUnavailable),
        (500, PartnerUnavailable), (503, PartnerUnavailable),
    ],
)  # fmt: skip
async def test_what_an_answer_means(status: int, expected: type[Exception] | None) -> None:
    sent: list[tuple[str, dict[str, str], bytes]] = []

    async def post(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        sent.append((url, dict(headers), body))
        return status

    push = WebPush(post, KEY, "mailto:avisos@austa.example", lambda: 1000.0)
    message = Message(b"Oi", "CommunicationRequest/1", 60, "high")
    if expected is None:
        await push.send(EXAMPLE, message)
    else:
        with pytest.raises(expected) as error:
            await push.send(EXAMPLE, message)
        assert type(error.value) is expected
    [(url, headers, body)] = sent
    assert url == EXAMPLE.endpoint
    assert (headers["TTL"], headers["Urgency"], headers["Content-Encoding"]) == ("60", "high", "aes128gcm")
    assert headers["Topic"] == topic("CommunicationRequest/1") != topic("CommunicationRequest/2")
    assert len(headers["Topic"]) == 32
    assert opened(body, private(RECEIVER), raw(EXAMPLE.secret)) == b"Oi"
    own, site = public_key(KEY), "https://push.example.net"
    assert signed(headers["Authorization"], own, site, 1001.0) is None
    assert signed(headers["Authorization"], own, site, 1000.0 + 13 * 3600) is not None
    assert signed(headers["Authorization"], own, "https://other.example", 1001.0) is not None
    head, claims, signature = headers["Authorization"].removeprefix("vapid t=").partition(",")[0].split(".")
    changed = f"{claims[:-2]}{'AA' if claims[-2:] != 'AA' else 'BB'}"
    assert signed(f"vapid t={head}.{changed}.{signature}, k={own}", own, site, 1001.0) == "the signature is wrong"
