"""HealthPoints in a conversation: joining, and how many there are. Pure. The care services' contract, section 9.

None are given, and none spoken of, in the midst of a clinical matter: who joins then is given theirs the first time
they ask for them afterwards, so that chances are the same.
"""

from __future__ import annotations

from datetime import UTC, datetime

from care_services.chat.conversation import CLINICAL, HUMAN, PROVING, Booked
from care_services.chat.known import CONSENTED, POINTS, Look
from care_services.chat.talk import Talk
from care_services.consent import Said
from care_services.healthpoints import JOINED, KEPT, PURPOSE, Entry, Points, balance, decide, lapsed

JOIN = "points_join"
"""The text that says what joining is."""


def joined(talk: Talk) -> None:
    """A yes: what it earns, and what an old no has ended. Raises Look."""
    before, points, at = _said(talk), _points(talk), _moment(talk)
    gone = lapsed(points, before, at)
    if gone is not None:
        talk.do(Booked(gone))
    _earn(talk, points, Said(True, at))


def told(talk: Talk) -> bool:
    """Tells how many there are; False: there is nothing to tell whoever has not joined. Raises Look."""
    if _clinical(talk):
        talk.again("points_later")
        return True
    said, at = _said(talk), _moment(talk)
    if said is None or not (said.granted or at < said.at + KEPT):
        return False
    points = _points(talk)
    now = balance((*points.entries, *_earn(talk, points, said)), said, at)
    if said.granted:
        talk.say("points", points=str(now))
    else:
        talk.say("points_kept", points=str(now), days=str(max((said.at + KEPT - at).days, 1)))
    return True


def _earn(talk: Talk, points: Points, said: Said) -> tuple[Entry, ...]:
    """What joining earns, if it has not yet."""
    event = f"{points.own}:{JOINED}"
    entry = decide(JOINED, event, _moment(talk), points.entries, said, clinical=_clinical(talk))
    if not isinstance(entry, Entry):
        return ()
    talk.do(Booked(entry))
    return (entry,)


def _clinical(talk: Talk) -> bool:
    now = talk.now
    state = now.resumes if now.state == PROVING else now.state
    return state in CLINICAL or state == HUMAN


def _moment(talk: Talk) -> datetime:
    return datetime.fromtimestamp(talk.message.at, UTC)


def _said(talk: Talk) -> Said | None:
    found = talk.message.found.consented
    if found is None:
        raise Look(CONSENTED, talk.now.proof.proved)
    return found.said.get(PURPOSE)


def _points(talk: Talk) -> Points:
    found = talk.message.found.points
    if found is None:
        raise Look(POINTS, talk.now.proof.proved)
    return found
