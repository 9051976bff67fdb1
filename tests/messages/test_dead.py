"""Dead letters: corrected, sent again, given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from messages import dead, queue, search, store, sweep
from messages.bodies import Sealing
from messages.dead import Outdated
from messages.search import Criteria
from messages.states import NotAllowed, State, way
from messages.store import Fault, Incoming, NoSuchMessage, Rows

NOW = datetime(2026, 3, 10, tzinfo=UTC)
FAULT = Fault("HUB-B204", "check digit", "identifier[0].value")


def letter(connection: Rows, sealing: Sealing, key: str, order: str | None = "seg-1") -> int:
    line = Incoming("B-1", key, b'{"id":"%s"}' % key.encode(), order_key=order, then=(State.MORTA,), fault=FAULT)
    return store.receive(connection, sealing, line, "batch", NOW).id


def test_corrected_and_sent_again(connection: Rows, sealing: Sealing) -> None:
    id = letter(connection, sealing, "file:17")
    assert dead.edit(connection, sealing, id, 0, "p1", "by telephone", b'{"id":"x"}', NOW) == 1
    with pytest.raises(Outdated):
        dead.edit(connection, sealing, id, 0, "p2", "I too", b"{}", NOW)
    assert dead.edit(connection, sealing, id, 1, "p2", "once more", b'{"id":"y"}', NOW) == 2
    forms = search.forms(connection, sealing, id)
    assert (forms.raw, forms.in_force) == (b'{"id":"file:17"}', b'{"id":"y"}')
    assert [(one.author, one.reason, one.number) for one in forms.edits] == [
        ("p1", "by telephone", 1), ("p2", "once more", 2),
    ]  # fmt: skip
    dead.resubmit(connection, id, "p1", "corrected", NOW)
    one = queue.take(connection, sealing, NOW, ["B-1"])
    assert one is not None
    assert (one.body, one.state, one.attempt) == (b'{"id":"y"}', State.ARMAZENADA, 1)
    assert search.message(connection, id).fault is None
    last = search.history(connection, id)[-1]
    assert (last.actor, last.reason, last.hash) == ("p1", "corrected", forms.edits[1].hash)
    with pytest.raises(NotAllowed):  # it is under way
        dead.edit(connection, sealing, id, 2, "p1", "again", b"{}", NOW)
    with pytest.raises(NotAllowed):
        dead.resubmit(connection, id, "p1", "again", NOW)
    with pytest.raises(NoSuchMessage):
        dead.edit(connection, sealing, 999, 0, "p1", "none", b"{}", NOW)


def test_what_it_was_mapped_to_before_it_was_corrected_is_forgotten(connection: Rows, sealing: Sealing) -> None:
    id = store.receive(connection, sealing, Incoming("RT-2", "1", b"{}", due=NOW), "x", NOW).id
    mapped = sealing.seal(b'{"old":1}', f"mapped {id}")
    store.advance(connection, id, way(State.ARMAZENADA, State.MAPEADA), "x", NOW, mapped=mapped)
    store.advance(connection, id, State.MORTA, "x", NOW, fault=FAULT)
    dead.resubmit(connection, id, "p1", "corrected", NOW)
    one = queue.take(connection, sealing, NOW, ["RT-2"])
    assert one is not None
    assert one.mapped is None


def test_sent_again_in_order_before_what_came_later(connection: Rows, sealing: Sealing) -> None:
    ids = [letter(connection, sealing, f"file:{n}") for n in (1, 2, 3)]
    other = letter(connection, sealing, "file:4", "seg-2")
    later = store.receive(connection, sealing, Incoming("B-1", "l", b"l", order_key="seg-1", due=NOW), "x", NOW).id
    assert dead.resubmit_in_order(connection, "seg-1", "p1", "the network is back", NOW) == ids
    given = []
    while one := queue.take(connection, sealing, NOW, ["B-1"]):
        given.append(one.id)
        queue.done(connection, one, way(one.state, State.APLICADA), "x", NOW)
    assert given == [*ids, later]
    assert search.message(connection, other).state is State.MORTA
    assert dead.resubmit_in_order(connection, "seg-1", "p1", "again", NOW) == []


def test_given_up(connection: Rows, sealing: Sealing) -> None:
    id = letter(connection, sealing, "file:17")
    dead.discard(connection, id, "p1", "a test of theirs", NOW)
    last = search.history(connection, id)[-1]
    assert (last.after, last.actor, last.reason) == (State.DESCARTADA, "p1", "a test of theirs")
    with pytest.raises(NotAllowed):
        dead.resubmit(connection, id, "p1", "after all", NOW)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (b'{"a":1,"b":2}', b'{"a":1,"b":3}', ['-  "b": 2', '+  "b": 3']),
        (b'{"a":1}', b'{ "a" : 1 }', []),
        (b"one\ntwo", b"one\nthree", ["-two", "+three"]),
    ],
)
def test_differences(before: bytes, after: bytes, lines: list[str]) -> None:
    found = dead.difference(before, after)
    assert [one for one in found if one[0] in "+-" and one[:3] not in ("+++", "---")] == lines


def test_what_is_old_goes_with_all_that_is_of_it(connection: Rows, sealing: Sealing) -> None:
    id = letter(connection, sealing, "old")
    dead.edit(connection, sealing, id, 0, "p1", "x", b"{}", NOW)
    queued = store.receive(connection, sealing, Incoming("RT-2", "q", b"q", due=NOW), "x", NOW).id
    assert sweep.sweep(connection, NOW + sweep.RETENTION - timedelta(days=1)) == 0
    late = NOW + sweep.RETENTION + timedelta(days=1)
    young = store.receive(connection, sealing, Incoming("RT-2", "y", b"y"), "x", late).id
    assert sweep.sweep(connection, late) == 1
    assert [one.id for one in search.found(connection, Criteria())] == [young, queued]
    left = connection.execute(
        "select (select count(*) from messages.edit), (select count(*) from messages.transition where message_id = %s)",
        (id,),
    ).fetchone()
    assert left == (0, 0)
