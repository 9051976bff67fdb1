"""E-mail and short messages: over a real SMTP server and the simulated gateway, with a clock that the test moves."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from hub.further_channels import FurtherChannels
from hub.rounds import WHATSAPP
from hub.whatsapp.requested import EMAIL, SMS
from simulators.sms import Gateway, serving
from tests.hub.whatsapp.channel import SYSTEMS, Channel
from tests.hub.whatsapp.test_notices import says, workday
from tests.hub_process import free_port

Json = Any

MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
SECRET = "Ressonância do joelho autorizada"


@dataclass
class Inbox:
    """What the mail server took, and what it answers next."""

    mails: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        content = cast("bytes", envelope.content)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        return "250 OK"


@dataclass
class Further:
    channel: Channel
    gateway: Gateway
    inbox: Inbox
    look: FurtherChannels


@asynccontextmanager
async def opened(channel: Channel) -> AsyncIterator[Further]:
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    gateway, inbox = Gateway("a token"), Inbox()
    mail = Controller(inbox, hostname="127.0.0.1", port=(port := free_port()))
    mail.start()
    try:
        async with serving(gateway) as url:
            settings = replace(
                channel.settings, sms_url=f"{url}/messages", sms_token="a token",
                smtp_url=f"smtp://127.0.0.1:{port}", smtp_from="avisos@austa.example",
            )  # fmt: skip
            yield Further(channel, gateway, inbox, FurtherChannels(settings, channel.database, channel.clock))
    finally:
        mail.stop()


@pytest.fixture
async def further(channel: Channel) -> AsyncIterator[Further]:
    channel.clock.ahead = workday() - channel.clock()
    channel.phone = f"551798{channel.phone[-7:]}"
    async with opened(channel) as found:
        yield found


def line(phone: str) -> Json:
    return {"identifier": {"system": SYSTEMS.sid("telefone"), "value": phone}}


def mail(phone: str) -> Json:
    number = [{"url": SYSTEMS.extension("telefone"), "valueString": phone}]
    return {"extension": number, "identifier": {"system": "urn:ietf:rfc:3986", "value": f"mailto:{phone}@x.example"}}


async def asked(further: Further, code: str, *whom: Json, category: str = "authorization") -> str:
    medium = [{"coding": [{"system": MODE, "code": code}]}]
    return await further.channel.asks(
        SECRET, category=category, wrote=False, medium=medium, recipient=list(whom)
    )  # fmt: skip


async def test_neutral_words_by_each_channel_once(further: Further) -> None:
    phone = further.channel.phone
    both = [await asked(further, SMS, line(phone)), await asked(further, EMAIL, mail(phone))]
    for reference in both:
        await further.channel.sending.send(reference)  # which is for WhatsApp alone
    await further.look()
    await further.look()
    [short] = further.gateway.messages.values()
    [long] = further.inbox.mails
    assert (short["to"], long["To"], long["From"]) == (f"+{phone}", f"{phone}@x.example", "avisos@austa.example")
    assert long.get_content().strip() == short["text"]
    assert not {"Ressonância", "joelho", "autorizada"} & set(short["text"].split())
    for reference in both:
        assert (await further.channel.request(reference))["status"] == "completed"
        assert (await further.channel.message(reference))["status"] == "in-progress"
    assert further.channel.heard() == []


@pytest.mark.parametrize("wrong", [503, "hang-up"])
async def test_it_is_tried_again_under_the_same_key(further: Further, wrong: int | str) -> None:
    further.gateway.wrong += [wrong, wrong]
    reference = await asked(further, SMS, line(further.channel.phone))
    for pause in (5, 30):
        await further.look()
        assert pause - 3 < further.channel.seconds(await further.channel.request(reference)) <= pause
        assert (await further.channel.message(reference))["status"] == "on-hold"
        further.channel.clock.passes(pause)
    await further.look()
    assert (await further.channel.request(reference))["status"] == "completed"
    assert len(further.gateway.messages) == 1


async def test_whom_whatsapp_does_not_reach_another_channel_does_then_a_telephone(further: Further) -> None:
    channel, phone = further.channel, further.channel.phone
    channel.trouble("error", 131026)
    further.gateway.wrong.append(422)
    further.inbox.answers.append("550 no such mailbox")
    first = await channel.asks(
        SECRET, category="authorization", wrote=False, recipient=[line(phone), line(phone), mail(phone)]
    )  # fmt: skip
    await channel.sending.send(first)
    assert (await channel.request(first))["status"] == "revoked"
    assert await channel.tasks(first) == []
    reference = first
    for code in (SMS, EMAIL):
        pedido = SYSTEMS.sid("pedido-seguinte")
        criteria = {"identifier": f"{pedido}|{reference.split('/')[1]}"}
        [following] = [one async for one in channel.record.search("CommunicationRequest", criteria)]
        assert following["medium"][0]["coding"][0]["code"] == code
        assert following["replaces"] == [{"reference": reference}]
        reference = f"CommunicationRequest/{following['id']}"
        await further.look()
        assert (await channel.message(reference))["status"] == "not-done"
    [task] = await channel.tasks(reference)
    assert {"type": {"text": "telephone"}, "valueString": f"+{phone}"} in task["input"]


async def test_consent_counts_there_too_and_a_channel_that_is_not_set_up_loses_nothing(further: Further) -> None:
    channel, phone = further.channel, further.channel.phone
    refused = await asked(further, SMS, line(phone), category="reminder")
    await further.look()
    assert (await channel.request(refused))["statusReason"]["text"] == "no consent to reminders"
    await says(channel, "reminders", True)
    await asked(further, SMS, line(phone), category="reminder")
    await further.look()
    assert len(further.gateway.messages) == 1
    without = FurtherChannels(channel.settings, channel.database, channel.clock)
    lost = await asked(further, EMAIL, mail(phone))
    await without()
    assert [one["description"] for one in await channel.tasks(lost)] == ["its channel is not set up"]


def test_a_hub_with_a_whatsapp_looks_for_them() -> None:
    assert "further channels" in [one.name for one in WHATSAPP]
