"""Points in a conversation: joining, asking, and that none come of a clinical matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from care_services.chat.conversation import CLINICAL, EMERGENCY, HUMAN, PROVING, Booked, Choice, Conversation
from care_services.chat.known import NOTHING, Found, Look
from care_services.consent import Consented, Said
from care_services.healthpoints import JOINED, Entry, Points
from tests.care_services.chat.talking import NOON, Member

START = datetime.fromtimestamp(NOON, UTC)
ENTRY = Entry(JOINED, "ana:joined", 50, START - timedelta(days=120))


def known(said: Said | None, *entries: Entry) -> Found:
    said_of = {"healthpoints": said} if said else {}
    return replace(NOTHING, consented=Consented(said_of), points=Points("ana", entries))


def booked(member: Member) -> list[tuple[str, int]]:
    return [(one.entry.event, one.entry.points) for one in member.turns[-1].effects if isinstance(one, Booked)]


@pytest.mark.parametrize("how", ["tap", "words"])
def test_joining_by_the_button_or_the_exact_words_after_the_text(how: str) -> None:
    member = Member(found=known(None))
    member.writes("meus pontos")
    assert member.names == ["notice", "points_join"]
    assert member.turns[-1].effects == ()
    if how == "tap":
        member.taps("Pontos")
    else:
        member.writes("Quero pontos!")
    assert booked(member) == [("ana:joined", 50)]
    assert [one.purposes for one in member.turns[-1].effects if isinstance(one, Choice)] == [("healthpoints",)]


def test_the_words_alone_are_no_yes() -> None:
    member = Member(found=known(None))
    member.writes("quero pontos")
    assert member.turns[-1].effects == ()
    assert member.names == ["notices_offer"]


@pytest.mark.parametrize(
    ("said", "entries", "name", "words", "events"),
    [
        (Said(True, START), (ENTRY,), "points", "*50 pontos*", []),
        (Said(True, START), (), "points", "*50 pontos*", [("ana:joined", 50)]),  # joined where none were given
        (Said(False, START - timedelta(days=30)), (ENTRY,), "points_kept", "por mais 60 dias", []),
        (Said(False, START - timedelta(days=91)), (ENTRY,), "points_join", "QUERO PONTOS", []),
        (None, (), "points_join", "QUERO PONTOS", []),
    ],
)
def test_how_many_there_are(
    said: Said | None, entries: tuple[Entry, ...], name: str, words: str, events: list[tuple[str, int]]
) -> None:
    member = Member(Conversation(state="open", noticed=True), found=known(said, *entries), clock=NOON - 10)
    member.writes("meus pontos")
    assert member.names == [name]
    assert words in member.says[0].text
    assert booked(member) == events


def test_a_yes_long_after_a_no_begins_at_nothing() -> None:
    no = Said(False, START - timedelta(days=91))
    member = Member(found=known(no, ENTRY))
    member.writes("meus pontos")
    member.taps("Pontos")
    assert booked(member) == [(f"ana:lapsed:{int(no.at.timestamp())}", -50)]


@pytest.mark.parametrize("state", sorted({*CLINICAL, HUMAN, PROVING}))
def test_none_from_or_amid_a_clinical_matter(state: str) -> None:
    resumes = "concluded" if state == PROVING else "open"
    now = Conversation(state=state, noticed=True, resumes=resumes, said={"points_join": 1}, heard=NOON, told_at=NOON)
    for words in ("meus pontos", "quero pontos"):
        member = Member(now, found=known(Said(True, START)))
        member.writes(words)
        assert booked(member) == []
        assert not any("50" in one.text for one in member.says)
        assert state in (EMERGENCY, HUMAN) or words == "quero pontos" or "outro dia" in member.says[0].text


def test_what_is_not_known_is_looked_up() -> None:
    member = Member(found=Found())
    with pytest.raises(Look, match="consented"):
        member.writes("meus pontos")
    member.found = replace(known(Said(True, START)), points=None)
    with pytest.raises(Look, match="points"):
        member.writes("meus pontos")
