"""What WhatsApp tells is taken if it is signed, whole, and once it is kept."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.whatsapp.webhook import MOST, refusal
from simulators.whatsapp.troubles import Trouble
from simulators.whatsapp.webhooks import signed
from tests.adapters.whatsapp.conftest import ANA, CARE, SECRET, VERIFY, Partner

TEXT = {"type": "text", "text": {"body": "dor no peito"}}


@given(st.binary(max_size=200), st.text(max_size=80))
def test_only_the_right_signature_is_right(body: bytes, signature: str) -> None:
    right = "sha256=" + hmac.new(SECRET.encode(), body, sha256).hexdigest()
    assert refusal(body, right, SECRET) == 0
    assert refusal(body, None, SECRET) == 401
    assert refusal(body, signature, SECRET) == (0 if signature == right else 403 if signature else 401)
    assert refusal(body + b" ", right, SECRET) == 403
    assert refusal(body, right, SECRET + "x") == 403


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        (f"hub.mode=subscribe&hub.challenge=77&hub.verify_token={VERIFY.replace(' ', '+')}", 200, "77"),
        ("hub.mode=subscribe&hub.challenge=77&hub.verify_token=other", 403, ""),
        (f"hub.mode=unsubscribe&hub.challenge=77&hub.verify_token={VERIFY.replace(' ', '+')}", 403, ""),
        ("", 403, ""),
    ],
)
async def test_the_question_whether_the_webhook_is_ours(partner: Partner, query: str, status: int, said: str) -> None:
    answer = await partner.http.get(f"{partner.url}?{query}")
    assert (answer.status_code, answer.text) == (status, said)


async def test_other_methods_and_bodies_that_are_too_long(partner: Partner) -> None:
    assert (await partner.http.put(partner.url)).status_code == 405
    long = b"x" * (MOST + 1)
    assert (await partner.http.post(partner.url, content=long)).status_code == 413

    async def chunks():  # type: ignore[no-untyped-def]
        for _ in range(4):
            yield long[: MOST // 3]

    assert (await partner.http.post(partner.url, content=chunks())).status_code == 413
    assert partner.receiver.bodies == []


async def test_what_people_write_arrives(partner: Partner) -> None:
    for number in range(25):
        partner.served.webhooks.tell(partner.account.wrote(ANA, CARE, {"type": "text", "text": {"body": str(number)}}))
    await partner.settled()
    assert [one.text for one in partner.receiver.messages()] == [str(number) for number in range(25)]
    assert len(partner.receiver.bodies) <= 4  # in batches


async def test_what_cannot_be_kept_is_told_again(partner: Partner) -> None:
    partner.receiver.away = 2
    partner.served.webhooks.tell(partner.account.wrote(ANA, CARE, TEXT))
    await partner.settled()
    assert partner.served.webhooks.answers == [503, 503, 200]
    assert [one.text for one in partner.receiver.messages()] == ["dor no peito"]


@pytest.mark.parametrize(
    ("trouble", "answers"), [("unsigned", [401, 200]), ("forged", [403, 200]), ("duplicate", [200, 200])]
)
async def test_troubles_of_webhooks(partner: Partner, trouble: str, answers: list[int]) -> None:
    partner.account.troubles.append(Trouble(trouble))
    partner.served.webhooks.tell(partner.account.wrote(ANA, CARE, TEXT))
    await partner.settled()
    assert partner.served.webhooks.answers == answers
    assert {one.id for one in partner.receiver.messages()} == {"wamid.SIM000000000001"}


async def test_a_signed_body_that_is_no_webhook_is_kept_all_the_same(partner: Partner) -> None:
    """What it is, whoever reads it decides: it was Meta's, so it is not lost."""
    body = json.dumps({"object": "page"}).encode()
    answer = await partner.http.post(
        partner.url, content=body, headers={"X-Hub-Signature-256": signed(body, SECRET)}
    )  # fmt: skip
    assert answer.status_code == 200
    assert partner.receiver.bodies == [body]
