"""Numbers and templates that cannot be used, and what takes their place."""

from __future__ import annotations

import pytest

from hub.whatsapp.lines import OFF
from tests.hub.whatsapp.channel import CARE, SPARE, Channel

pytestmark = pytest.mark.usefixtures("awake")

CHECK_IN = "austa_check_in_v1"


def left_from(channel: Channel) -> list[str]:
    return [one.number for one in channel.account.lines[channel.phone] if not one.mine]


async def test_whoever_has_not_written_for_a_day_gets_a_template(channel: Channel) -> None:
    check_in = await channel.asks(category="safety", wrote=False)
    answer = await channel.asks(wrote=False)
    for one in (check_in, answer):
        await channel.sending.send(one)
    [heard] = channel.heard()
    assert heard["template"] == {"name": CHECK_IN, "language": {"code": "pt_BR"}}
    assert len(await channel.tasks(answer)) == 1


async def test_a_closed_window_is_met_with_a_template_once(channel: Channel) -> None:
    channel.trouble("error", 131047, 131047)
    asked = await channel.asks(category="safety", priority="urgent")
    for _ in range(2):
        await channel.sending.send(asked)
    assert [one["type"] for one in channel.account.calls[-1:]] == []
    assert len(await channel.tasks(asked)) == 1
    channel.clock.passes(60)  # the pace of one person
    channel.trouble("failed", 131047)
    asked = await channel.asks(category="safety", priority="urgent")
    await channel.sending.send(asked)
    await channel.told()
    await channel.sending.send(asked)
    await channel.told()
    assert [one["type"] for one in channel.heard()[-2:]] == ["text", "template"]
    assert (await channel.message(asked))["status"] == "completed"


async def test_a_template_that_is_off_gives_place_to_another_or_a_task(channel: Channel) -> None:
    slot = {"url": "https://austa.example/fhir/StructureDefinition/vaga", "extension": [
        {"url": "nome", "valueString": "protocol"}, {"url": "valor", "valueString": "123"},
    ]}  # fmt: skip
    channel.trouble("error", 132016)
    asked = await channel.asks(category="authorization", wrote=False, extension=[slot])
    await channel.sending.send(asked)
    await channel.sending.send(asked)
    [heard] = channel.heard()
    assert heard["template"]["name"] == "austa_authorization_plain_v1"
    channel.trouble("error", 132015)
    asked = await channel.asks(category="safety", wrote=False)
    await channel.sending.send(asked)
    await channel.sending.send(asked)
    assert len(await channel.tasks(asked)) == 1


@pytest.mark.parametrize("code", [131031, 190, 368, 131048])
async def test_a_number_that_is_blocked(channel: Channel, code: int) -> None:
    """A journey of the contract, section 12: templates go from a spare one; who talks is telephoned."""
    channel.trouble("error", code)
    check_in = await channel.asks(category="safety", wrote=False)
    await channel.sending.send(check_in)
    await channel.sending.send(check_in)
    assert left_from(channel) == [SPARE]
    assert (await channel.request(check_in))["status"] == "completed"
    answer = await channel.asks()
    await channel.sending.send(answer)
    assert left_from(channel) == [SPARE]
    assert len(await channel.tasks(answer)) == 1
    there = await channel.sending._there()
    assert (await there.lines.standing(fresh=True)).lines[CARE].state == OFF


async def test_a_number_that_refuses_for_five_minutes(channel: Channel) -> None:
    channel.trouble("unavailable")
    asked = await channel.asks(category="safety", wrote=False)
    await channel.sending.send(asked)
    other = await channel.asks(category="authorization", wrote=False)
    channel.clock.passes(301)
    await channel.sending.send(other)
    assert left_from(channel) == [SPARE]
    answer = await channel.asks()
    await channel.sending.send(answer)
    await channel.sending.send(asked)
    assert left_from(channel) == [SPARE, CARE, CARE]


async def test_the_pace_of_one_person(channel: Channel) -> None:
    calm = [await channel.asks(f"linha {number}") for number in range(5)]
    urgent = await channel.asks("Ligue 192", priority="stat")
    for one in [*calm, urgent]:
        await channel.sending.send(one)
    assert [one["text"]["body"] for one in channel.heard()] == ["linha 0", "linha 1", "linha 2", "Ligue 192"]
    waiting = [await channel.request(one) for one in calm[3:]]
    assert all(5 < channel.seconds(one) <= 12 for one in waiting)
    channel.clock.passes(13)
    for one in calm[3:]:
        await channel.sending.send(one)
    assert len(channel.heard()) == 5
