"""A number dies: its conversations are telephoned, templates leave from a spare one, and it comes back."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import pytest

from hub.whatsapp.lines import GOOD, OFF
from hub.whatsapp.numbers import Numbers
from hub.whatsapp.standing import told
from messages import tally
from simulators.whatsapp.installation import ACCOUNT, NUMBERS
from tests.hub.whatsapp.channel import CARE, SPARE, SYSTEMS, Channel

pytestmark = pytest.mark.usefixtures("awake")

Json = Any


def numbers(channel: Channel) -> Numbers:
    return Numbers(channel.settings, channel.ledger, channel.clock)


async def states(channel: Channel) -> Mapping[str, str]:
    found = channel.lines().standing(fresh=True)
    return {id: one.state for id, one in (await found).lines.items()}


async def talk(channel: Channel, state: str, line: str = CARE) -> Json:
    """A conversation with a number."""
    who = f"BR.{channel.phone}{state}"
    extension = [{"url": SYSTEMS.extension("telefone"), "valueString": channel.phone}]
    return await channel.record.create(
        {
            "resourceType": "Task", "status": "in-progress", "intent": "order",
            "identifier": [{"system": SYSTEMS.sid("whatsapp/conversa"), "value": f"{line}:{who}"}],
            "code": {"coding": [{"system": SYSTEMS.codes("tarefa"), "code": "conversation"}]},
            "businessStatus": {
                "coding": [{"system": SYSTEMS.codes("estado-da-conversa"), "code": state}], "text": state,
            },
            "for": {
                "extension": extension, "identifier": {"system": SYSTEMS.sid("whatsapp/usuario"), "value": who},
            },
        }
    )  # fmt: skip


async def telephoned(channel: Channel, talk: Json) -> list[Json]:
    return [one async for one in channel.record.search("Task", {"focus": f"Task/{talk['id']}"})]


async def test_failover_of_a_number(channel: Channel) -> None:
    """A journey of the contract, section 12."""
    talks = {state: await talk(channel, state) for state in ("general", "safety", "emergency", "open")}
    other = await talk(channel, "safety", SPARE)
    look = numbers(channel)
    await look.look()
    assert set((await states(channel)).values()) == {GOOD}
    channel.account.states[CARE] = "BANNED"
    check_in, answer = await channel.asks(category="safety", wrote=False), await channel.asks()
    for one in (check_in, answer, check_in):
        await channel.sending.send(one)
    assert len(await channel.tasks(answer)) == 1
    assert [one.number for one in channel.account.lines[channel.phone] if not one.mine] == [SPARE]
    for _ in range(2):
        await look.look()
    found = {state: await telephoned(channel, one) for state, one in talks.items()}
    assert {state: [one["priority"] for one in tasks] for state, tasks in found.items()} == {
        "general": ["routine"], "safety": ["asap"], "emergency": ["stat"], "open": [],
    }  # fmt: skip
    assert found["safety"][0]["input"][0]["valueString"] == f"+{channel.phone}"
    assert await telephoned(channel, other) == []
    channel.clock.passes(301)
    await look.look()
    assert (await states(channel))[CARE] == OFF
    channel.account.states.clear()
    channel.clock.passes(301)
    await look.look()
    assert (await states(channel))[CARE] == GOOD
    again = await channel.asks("Bom dia")
    await channel.sending.send(again)
    assert channel.heard()[-1]["text"]["body"] == "Bom dia"


async def test_what_meta_tells_is_applied(channel: Channel) -> None:
    def tell(field: str, **value: Any) -> None:
        channel.served.webhooks.tell({"field": field, "value": value})

    tell("account_update", event="DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"})
    tell("message_template_status_update", event="PAUSED", message_template_name="austa_check_in_v1")
    tell("account_update", unreadable=True)
    await channel.served.webhooks.settled()
    look = numbers(channel)
    await look.look()
    assert set((await states(channel)).values()) == {OFF}
    lines = channel.lines()
    assert (await lines.standing(fresh=True)).unusable() == {"austa_check_in_v1"}
    tell("account_update", event="DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"})
    await channel.served.webhooks.settled()
    await look.look()
    assert set((await states(channel)).values()) == {GOOD}
    with_people = await channel.ledger(
        lambda rows: rows.execute(
            "select fault_element from messages.message where flow = 'whatsapp-notice' and state = 'QUARENTENA'"
        ).fetchall()
    )
    assert with_people == [("account_update",)]


async def test_templates_are_taken_over(channel: Channel) -> None:
    def listed(name: str, text: str, status: str = "APPROVED", category: str = "UTILITY") -> Json:
        body = {"type": "BODY", "text": text}
        return {"name": name, "language": "pt_BR", "status": status, "category": category, "components": [body]}

    said = "Você tem uma resposta sobre o pedido {{1}}. Responda *VER* para receber os detalhes."
    channel.account.templates += [listed(f"other_{number}", "x") for number in range(120)]
    channel.account.templates += [
        listed("austa_authorization_v1", said),
        listed("austa_check_in_v1", "Olá! Nossa equipe quer saber como você está.", "PENDING", "MARKETING"),
    ]
    chosen = argparse.Namespace(action="templates", sync=True)
    found = await told(channel.settings, channel.database, chosen)
    assert found.wrong
    assert [line for line in found.lines if line.startswith(("austa_check_in", "austa_authorization_v1"))] == [
        "austa_check_in_v1  safety, UTILITY, pt_BR: PENDING",
        "austa_authorization_v1  authorization, UTILITY, pt_BR: APPROVED",
        "austa_check_in_v1: is PENDING",
        "austa_check_in_v1: is of category MARKETING, not UTILITY",
        "austa_check_in_v1: says something else than the rules' text template_check_in",
    ]
    assert "austa_wellness_v1: the channel has none of this name" in found.lines
    assert channel.settings.whatsapp_account == ACCOUNT


async def test_how_messages_fared_is_told(channel: Channel) -> None:
    kinds = {(CARE, "austa_reminder_v1", "accepted", ""): 7, (CARE, "austa_reminder_v1", "failed", "131026"): 2}
    await channel.ledger(lambda rows: tally.add(rows, kinds))
    found = await told(channel.settings, channel.database, argparse.Namespace(action="analytics"))
    assert not found.wrong
    rows = [line.split() for line in found.lines if line.startswith("austa_reminder_v1")]
    assert rows == [
        ["austa_reminder_v1", CARE, "7", "0", "0", "0", "0"],
        ["austa_reminder_v1", CARE, "131026", "0", "0", "0", "0", "2"],
    ]


async def test_a_person_switches_a_number_off_and_on(channel: Channel) -> None:
    for on, off, state in ((None, CARE, OFF), (CARE, None, GOOD)):
        found = await told(channel.settings, channel.database, argparse.Namespace(action="numbers", on=on, off=off))
        assert (await states(channel))[CARE] == state
        assert found.wrong == (state == OFF)
        assert len(found.lines) == len(NUMBERS)
