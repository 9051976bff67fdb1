"""What is sent, what the channel says of it, and what follows: over sockets, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from care_services.chat.conversation import Conversation
from messages import tally
from tests.hub.whatsapp.channel import CARE, SYSTEMS, Channel

AGAIN = (5, 30, 120, 600, 3600)


async def test_sent_delivered_read(channel: Channel) -> None:
    asked = await channel.asks("Bom dia")
    await channel.sending.send(asked)
    made = await channel.message(asked)
    assert (made["status"], (await channel.request(asked))["status"]) == ("in-progress", "completed")
    await channel.told()
    made = await channel.message(asked)
    assert made["status"] == "completed"
    assert made["sent"] <= made["received"]
    assert [one["text"]["body"] for one in channel.heard()] == ["Bom dia"]


@pytest.mark.parametrize("trouble", ["status-first", "status-shuffled", "duplicate"])
async def test_statuses_in_whatever_order(channel: Channel, trouble: str) -> None:
    channel.trouble(trouble)
    asked = await channel.asks()
    sent = asyncio.create_task(channel.sending.send(asked))
    for _ in range(10):
        await channel.told()
        await asyncio.sleep(0.02)
    await sent
    await channel.told()
    assert (await channel.message(asked))["status"] == "completed"
    assert (await channel.request(asked))["status"] == "completed"
    assert len(channel.heard()) == 1


async def test_asked_for_by_several_it_is_sent_once(channel: Channel) -> None:
    asked = await channel.asks()
    await asyncio.gather(*(channel.sending.send(asked) for _ in range(8)))
    await channel.sending.send(asked)
    assert len(channel.heard()) == 1


async def test_an_emergency_is_done_once_the_channel_says_that_it_was_sent(channel: Channel) -> None:
    asked = await channel.asks(priority="stat")
    await channel.sending.send(asked)
    assert (await channel.request(asked))["status"] == "active"
    await channel.told()
    assert (await channel.request(asked))["status"] == "completed"


async def test_a_status_clears_up_a_send_whose_outcome_nobody_knew(channel: Channel) -> None:
    channel.trouble("cut")
    asked = await channel.asks()
    await channel.sending.send(asked)
    request, made = await channel.request(asked), await channel.message(asked)
    assert made["status"] == "preparation"
    assert 28 < channel.seconds(request) <= 30
    await channel.told()
    assert (await channel.message(asked))["status"] == "completed"
    channel.clock.passes(31)
    await channel.sending.send(asked)
    assert (await channel.request(asked))["status"] == "completed"
    assert len(channel.heard()) == 1


async def test_after_two_of_which_nobody_knows_somebody_telephones(channel: Channel) -> None:
    channel.trouble("hang-up", times=2)
    asked = await channel.asks()
    for _ in range(3):
        await channel.sending.send(asked)
        channel.clock.passes(31)
    [task] = await channel.tasks(asked)
    assert task["code"]["coding"][0]["code"] == "phone-contact"
    assert {"type": {"text": "telephone"}, "valueString": f"+{channel.phone}"} in task["input"]
    assert (await channel.message(asked))["status"] == "stopped"
    assert (await channel.request(asked))["status"] == "revoked"
    assert channel.heard() == []


@pytest.mark.parametrize("how", ["error", "failed"])
async def test_the_ladder_of_tries(channel: Channel, how: str) -> None:
    """Whether the channel says so in its answer or in a status."""
    channel.trouble(how, *[131000] * 6)
    asked = await channel.asks()
    for pause in AGAIN:
        await channel.sending.send(asked)
        await channel.told()
        request = await channel.request(asked)
        assert (request["status"], (await channel.message(asked))["status"]) == ("active", "on-hold")
        assert pause - 3 < channel.seconds(request) <= pause
        before = len(channel.account.calls)
        await channel.sending.send(asked)  # nobody is faster than the pause
        assert len(channel.account.calls) == before
        channel.clock.passes(pause)
    await channel.sending.send(asked)
    await channel.told()
    assert [one["code"]["coding"][0]["code"] for one in await channel.tasks(asked)] == ["phone-contact"]
    assert (await channel.request(asked))["status"] == "revoked"


@pytest.mark.parametrize("how", ["error", "failed"])
async def test_a_later_try_arrives(channel: Channel, how: str) -> None:
    channel.trouble(how, 131000, 131056)
    asked = await channel.asks()
    for _ in range(3):
        await channel.sending.send(asked)
        await channel.told()
        channel.clock.passes(7)
    assert (await channel.message(asked))["status"] == "completed"
    assert (await channel.request(asked))["status"] == "completed"
    assert await channel.tasks(asked) == []


@pytest.mark.parametrize("how", ["error", "failed"])
@pytest.mark.parametrize(
    ("code", "category", "telephoned"),
    [
        (131026, "answer", 1), (131030, "authorization", 1), (131026, "safety", 1), (131050, "answer", 1),
        (131009, "answer", 1), (190, "answer", 1), (130472, "answer", 1), (131047, "answer", 1),
    ],
)  # fmt: skip
async def test_what_is_refused_for_good(channel: Channel, code: int, category: str, telephoned: int, how: str) -> None:
    channel.trouble(how, code)
    asked = await channel.asks(category=category, priority="urgent")
    await channel.sending.send(asked)
    await channel.told()
    assert len(await channel.tasks(asked)) == telephoned
    made = await channel.message(asked)
    assert made["status"] == "not-done"
    assert str(code) in made["statusReason"]["text"]
    assert (await channel.request(asked))["status"] == "revoked"


async def test_each_state_is_counted_once(channel: Channel) -> None:
    before = await channel.ledger(tally.listed)
    channel.trouble("failed", 131000)
    channel.trouble("duplicate")
    asked = await channel.asks()
    for _ in range(2):
        await channel.sending.send(asked)
        await channel.told()
        channel.clock.passes(6)
    counted = await channel.ledger(tally.listed) - before
    assert counted == {
        (CARE, "", "accepted", ""): 2, (CARE, "", "failed", "131000"): 1, (CARE, "", "sent", ""): 1,
        (CARE, "", "delivered", ""): 1, (CARE, "", "read", ""): 1,
    }  # fmt: skip


async def test_what_fails_after_it_was_delivered_is_nothing(channel: Channel) -> None:
    asked = await channel.asks()
    await channel.sending.send(asked)
    await channel.told()
    made = await channel.message(asked)
    [id] = [one["value"] for one in made["identifier"] if one["system"] == SYSTEMS.sid("whatsapp/mensagem")]
    number = made["sender"]["identifier"]["value"]
    channel.served.webhooks.tell(channel.account.status(number, id, channel.phone, "failed", None, [131000]))
    await channel.told()
    assert (await channel.message(asked))["status"] == "completed"


async def test_a_status_of_a_message_that_nobody_sent_waits_and_is_told_to_people(channel: Channel) -> None:
    channel.served.webhooks.tell(channel.account.status(CARE, "wamid.other", channel.phone, "sent", "x.1"))
    await channel.told()
    assert await channel.stored("wamid.other:sent") == "ARMAZENADA"
    channel.clock.passes(601)
    await channel.told()
    assert await channel.stored("wamid.other:sent") == "QUARENTENA"


@pytest.mark.parametrize(("state", "heard"), [("concluded", 1), ("human", 0), ("emergency", 0)])
async def test_a_check_in_waits_for_its_hour_and_for_nobody_who_has_taken_over(
    channel: Channel, state: str, heard: int
) -> None:
    stored = msgspec.json.encode(Conversation(told="urgent", told_at=int(channel.clock().timestamp()))).decode()
    talk = await channel.record.create(
        {
            "resourceType": "Task", "status": "in-progress", "intent": "order", "businessStatus": {"text": state},
            "input": [{"type": {"text": "conversation"}, "valueString": stored}],
        }
    )  # fmt: skip
    asked = await channel.asks(
        category="safety", basedOn=[{"reference": f"Task/{talk['id']}"}],
        occurrenceDateTime=(channel.clock() + timedelta(hours=6)).isoformat(), priority="urgent",
    )  # fmt: skip
    await channel.sending.send(asked)
    assert channel.heard() == []
    channel.clock.passes(6 * 3600 + 1)
    await channel.sending.send(asked)
    assert len(channel.heard()) == heard
    assert (await channel.request(asked))["status"] == ("completed" if heard else "revoked")
