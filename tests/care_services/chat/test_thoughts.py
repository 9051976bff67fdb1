"""Which texts are one thought, and when their turn is due; contract, section 2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_services.chat.conversation import Conversation, Inbound
from care_services.chat.engine import turn
from care_services.chat.thoughts import due, thoughts, whole
from care_services.triage.rule_set import rules
from tests.care_services.chat.talking import NOON


def text(at: int, said: str, **more: str) -> Inbound:
    return Inbound(f"m{at}-{said}", more.get("kind", "text"), NOON + at, NOON + at, said, more.get("tapped"))


@pytest.mark.parametrize(
    ("first", "last", "then"), [(0.0, 0.0, 2.0), (0.0, 1.5, 3.5), (0.0, 4.0, 6.0), (0.0, 5.9, 6.0)]
)
def test_a_second_half_is_waited_for_but_not_for_ever(first: float, last: float, then: float) -> None:
    assert due(first, last) == then


@pytest.mark.parametrize(
    ("messages", "together"),
    [
        ([text(0, "minha mãe"), text(1, "acordou estranha")], ["minha mãe\nacordou estranha"]),
        ([text(0, "a"), text(2, "b"), text(4, "c"), text(6, "d"), text(8, "e")], ["a\nb\nc\nd", "e"]),
        ([text(0, "a"), text(3, "b")], ["a", "b"]),
        ([text(0, "a"), text(1, "atendente"), text(1, "b")], ["a", "atendente", "b"]),
        ([text(0, "Sim", tapped="ask:1:x:yes:3"), text(1, "b")], ["Sim", "b"]),
        ([text(0, "a"), text(1, "", kind="image"), text(1, "b")], ["a", "", "b"]),
        ([text(0, "a" * 4000), text(1, "b" * 4000)], ["a" * 4000, "b" * 4000]),
    ],
)  # fmt: skip
def test_texts_of_a_thought_are_one_message(messages: list[Inbound], together: list[str]) -> None:
    assert [one.text for one in thoughts(messages)] == together


MESSAGES = st.lists(
    st.builds(
        text, st.integers(0, 30), st.sampled_from(["oi", "192", "dor", "não", "menu", "", "no peito", "atendente"])
    ),
    unique_by=lambda one: one.id,
)


@given(MESSAGES)
def test_no_message_is_lost_and_their_order_is_kept(messages: list[Inbound]) -> None:
    messages.sort(key=lambda one: one.at)
    found = thoughts(messages)
    assert [id for one in found for id in (*one.earlier, one.id)] == [one.id for one in messages]
    assert "\n".join(one.text for one in found) == "\n".join(one.text for one in messages)
    assert all(whole(one) for one in found if one.text in ("192", "menu", "atendente"))


@pytest.mark.parametrize("first", ["não é nada", "não", "nunca tive", "sem", "ano passado", "não tem"])
def test_no_half_makes_the_other_less_urgent(first: str) -> None:
    """What is an emergency by itself is one, whatever stands before it."""
    [both] = thoughts([text(0, first), text(1, "minha mãe acordou com a boca torta")])
    came = turn(Conversation(), both, rules(), "P1")
    assert came.conversation.state == "emergency"
    assert came.conversation.seen == (*both.earlier, both.id)


def test_two_halves_can_be_an_emergency_together() -> None:
    halves = [text(0, "meu pai está com a boca"), text(1, "torta desde agora há pouco")]
    [both] = thoughts(halves)
    assert turn(Conversation(), both, rules(), "P1").conversation.state == "emergency"
    assert turn(Conversation(), halves[0], rules(), "P1").conversation.state != "emergency"
