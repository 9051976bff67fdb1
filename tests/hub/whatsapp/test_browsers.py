"""Web push: over the simulated push service, with browsers in the record and a clock that the test moves."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.partner_errors import PartnerRefused
from hub import browsers as told_there
from hub.browsers import posting
from hub.further_channels import FurtherChannels
from hub.push_key import subscribed_with
from hub.whatsapp.requested import BROWSERS, PUSH, SMS
from mappings.r4 import serialize
from simulators.push_service import PushService, serving
from simulators.sms import Gateway
from simulators.sms import serving as gateway_serving
from tests.hub.whatsapp.channel import SYSTEMS, Channel
from tests.hub.whatsapp.test_further_channels import MODE, SECRET, line
from tests.hub.whatsapp.test_notices import says, workday

Json = Any


@dataclass
class Pushing:
    channel: Channel
    service: PushService
    gateway: Gateway
    look: FurtherChannels
    patient: str
    key: str

    async def turns_on(self, **instead: str) -> str:
        """Another browser of the member's; its id in the record."""
        made = self.service.subscribed(self.key) | instead
        keys = made["keys"]
        return await self.says("on", endpoint=made["endpoint"], key=keys["p256dh"], secret=keys["auth"])

    async def says(self, word: str, **given: str) -> str:
        """The member turns one on or off; its id in the record."""
        values = [{"name": name, "valueString": value} for name, value in given.items()]
        body = serialize({"resourceType": "Parameters", "parameter": values})
        answer = await self.channel.record.send("POST", f"Patient/{self.patient}/$browser-{word}", body)
        return str(json.loads(answer.body)["id"])

    async def asks(self, *further: Json, category: str = "authorization") -> str:
        medium = [{"coding": [{"system": MODE, "code": PUSH}]}]
        recipient = [self.whom(), *further]
        return await self.channel.asks(SECRET, category=category, wrote=False, medium=medium, recipient=recipient)

    def whom(self) -> Json:
        return {
            "reference": f"Patient/{self.patient}",
            "extension": [{"url": SYSTEMS.extension("telefone"), "valueString": self.channel.phone}],
            "identifier": {"system": SYSTEMS.sid(BROWSERS), "value": self.patient},
        }

    async def state(self, browser: str) -> str:
        found = await self.channel.record.read(f"Basic/{browser}")
        return str(found["code"]["coding"][0]["code"])


@pytest.fixture
async def pushing(channel: Channel) -> AsyncIterator[Pushing]:
    channel.clock.ahead = workday() - channel.clock()
    channel.phone = f"551798{channel.phone[-7:]}"
    patient = await channel.record.create({"resourceType": "Patient"})
    service, gateway = PushService(), Gateway("a token")
    async with serving(service), gateway_serving(gateway) as sms:
        settings = replace(
            channel.settings, push_contact="mailto:avisos@austa.example", outbound_schemes=("http", "https"),
            outbound_loopback=True, sms_url=f"{sms}/messages", sms_token="a token",
        )  # fmt: skip
        look = FurtherChannels(settings, channel.database, channel.clock)
        key = subscribed_with(settings)
        assert key is not None
        yield Pushing(channel, service, gateway, look, patient["id"], key)


async def test_neutral_words_in_each_browser_once(pushing: Pushing) -> None:
    both = [await pushing.turns_on(), await pushing.turns_on()]
    reference = await pushing.asks()
    await pushing.channel.sending.send(reference)  # which is for WhatsApp alone
    await pushing.look()
    await pushing.look()
    assert pushing.service.taken == 2
    assert len({one.browser for one in pushing.service.came.values()}) == 2
    for one in pushing.service.came.values():
        said = json.loads(one.text)
        assert said.keys() == {"title", "text", "tag"}
        assert not {"Ressonância", "joelho", "autorizada"} & set(f"{said['title']} {said['text']}".split())
        assert said["tag"] == reference.split("/")[1]
        assert 11 * 3600 < one.ttl <= 12 * 3600  # as long as an answer to an authorization is told
        assert one.urgency == "normal"
    assert (await pushing.channel.request(reference))["status"] == "completed"
    assert (await pushing.channel.message(reference))["status"] == "in-progress"
    assert [await pushing.state(one) for one in both] == ["on", "on"]
    assert pushing.channel.heard() == []


@pytest.mark.parametrize("wrong", [429, 500, "hang-up", "slow"])
async def test_it_is_tried_again_and_stands_in_the_place_of_the_first(
    pushing: Pushing, wrong: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_there, "SECONDS", 0.5)
    pushing.service.slow = 1.5
    await pushing.turns_on()
    pushing.service.wrong += [wrong, wrong]
    reference = await pushing.asks()
    for pause in (5, 30):
        await pushing.look()
        assert pause - 3 < pushing.channel.seconds(await pushing.channel.request(reference)) <= pause
        assert (await pushing.channel.message(reference))["status"] == "on-hold"
        pushing.channel.clock.passes(pause)
    await pushing.look()
    assert (await pushing.channel.request(reference))["status"] == "completed"
    assert len(pushing.service.came) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_ends_and_the_others_are_told(pushing: Pushing, status: int) -> None:
    gone = await pushing.turns_on()
    pushing.service.wrong.append(status)
    first = await pushing.asks(line(pushing.channel.phone))
    await pushing.look()
    assert await pushing.state(gone) == "gone"
    left = await pushing.channel.record.read(f"Basic/{gone}")
    assert "endpoint" not in json.dumps(left)
    assert (await pushing.channel.request(first))["status"] == "revoked"
    criteria = {"identifier": f"{SYSTEMS.sid('pedido-seguinte')}|{first.split('/')[1]}"}
    [following] = [one async for one in pushing.channel.record.search("CommunicationRequest", criteria)]
    assert following["medium"][0]["coding"][0]["code"] == SMS
    await pushing.look()
    assert len(pushing.gateway.messages) == 1
    # Of two, one that is there is enough.
    await pushing.turns_on()
    await pushing.turns_on()
    pushing.service.wrong.append(status)
    second = await pushing.asks()
    await pushing.look()
    assert (await pushing.channel.request(second))["status"] == "completed"
    assert len(pushing.service.came) == 1


async def test_whom_nothing_reaches_somebody_telephones(pushing: Pushing) -> None:
    channel = pushing.channel
    channel.trouble("error", 131026)
    await pushing.turns_on()
    pushing.service.wrong.append(400)
    pushing.gateway.wrong.append(422)
    whom = {key: value for key, value in pushing.whom().items() if key != "extension"}  # the number comes along
    first = await channel.asks(
        SECRET, category="authorization", wrote=False, recipient=[line(channel.phone), whom, line(channel.phone)]
    )
    await channel.sending.send(first)
    reference = first
    for code in (PUSH, SMS):
        criteria = {"identifier": f"{SYSTEMS.sid('pedido-seguinte')}|{reference.split('/')[1]}"}
        [following] = [one async for one in channel.record.search("CommunicationRequest", criteria)]
        assert following["medium"][0]["coding"][0]["code"] == code
        reference = f"CommunicationRequest/{following['id']}"
        await pushing.look()
        assert (await channel.message(reference))["status"] == "not-done"
    [task] = await channel.tasks(reference)
    assert {"type": {"text": "telephone"}, "valueString": f"+{channel.phone}"} in task["input"]


async def test_consent_counts_there_too_and_without_a_browser_there_is_no_way(pushing: Pushing) -> None:
    browser = await pushing.turns_on()
    refused = await pushing.asks(category="reminder")
    await pushing.look()
    assert (await pushing.channel.request(refused))["statusReason"]["text"] == "no consent to reminders"
    await says(pushing.channel, "reminders", True)
    await pushing.asks(category="reminder")
    await pushing.look()
    [one] = pushing.service.came.values()
    assert one.urgency == "low"
    await pushing.says("off", browser=browser)
    lost = await pushing.asks()
    await pushing.look()
    assert [one["description"] for one in await pushing.channel.tasks(lost)] == ["refused by its channel"]
    assert pushing.service.taken == 1
    without = FurtherChannels(pushing.channel.settings, pushing.channel.database, pushing.channel.clock)
    lost = await pushing.asks()
    await without()
    assert [one["description"] for one in await pushing.channel.tasks(lost)] == ["its channel is not set up"]


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ("production", "https://127.0.0.1/push/1"), ("production", "https://10.0.0.5/push/1"),
        ("production", "https://169.254.169.254/latest"), ("production", "http://push.example.org/1"),
        ("production", "https://[::ffff:10.0.0.5]/push/1"), ("development", "https://192.168.1.1/push/1"),
        ("development", "ftp://push.example.org/1"),
    ],
)  # fmt: skip
async def test_no_request_goes_where_a_push_service_cannot_be(pushing: Pushing, env: str, url: str) -> None:
    settings = replace(
        pushing.channel.settings, env=env, outbound_schemes=("http", "https"), outbound_loopback=True
    )  # fmt: skip
    with pytest.raises(PartnerRefused):
        await posting(settings)(url, [], b"x")


async def test_an_endpoint_on_a_private_network_is_passed_over(pushing: Pushing) -> None:
    await pushing.turns_on(endpoint=f"https://10.1.2.3/{uuid.uuid4().hex}")
    reference = await pushing.asks()
    await pushing.look()
    assert [one["description"] for one in await pushing.channel.tasks(reference)] == ["refused by its channel"]


def test_the_key_stays_the_same_and_is_another_with_another_hub_key(channel: Channel) -> None:
    settings = replace(channel.settings, push_contact="mailto:avisos@austa.example")
    assert subscribed_with(settings) == subscribed_with(settings)
    assert subscribed_with(replace(settings, key="A" * 43 + "=")) != subscribed_with(settings)
    assert subscribed_with(channel.settings) is None
