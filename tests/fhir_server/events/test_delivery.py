"""Events from the outbox to services: in order, at least once, with an effect once. Real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from fhir_server.events import delivery, waiting
from fhir_server.events.delivery import ATTEMPTS, Fault, Later, Service, deliver, deliver_due, note_all, pause
from fhir_server.events.event import Event, NoEvent, message, of_message
from fhir_server.store import ResourceStore
from fhir_server.subscriptions.outbox import READY, Outbox
from fhir_server.version import Change
from smart_auth.scopes import UNRESTRICTED
from tests.fhir_server.conftest import BASE

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND


def event(sequence: int, key: str = "Patient/1") -> Event:
    return Event(sequence, f"Claim/{sequence}/_history/1", "create", key, NOW)


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table effect (number bigint generated always as identity, reference text)")
        yield connection


class Recorder:
    """Writes what it is told; fails as often as it is told to."""

    def __init__(self) -> None:
        self.fail: dict[int, list[Exception]] = {}
        self.faults: list[Fault] = []

    def __call__(self, event: Event, connection: psycopg.Connection[Any]) -> None:
        connection.execute("insert into effect (reference) values (%s)", [event.reference])
        if self.fail.get(event.sequence):
            raise self.fail[event.sequence].pop(0)

    def bury(self, connection: psycopg.Connection[Any], fault: Fault) -> None:
        self.faults.append(fault)

    def deliver(self, connection: psycopg.Connection[Any], *events: Event, now: int = NOW) -> None:
        for one in events:
            deliver(connection, "recorder", self, one, now, self.bury)

    def deliver_due(self, connection: psycopg.Connection[Any], now: int = NOW) -> int:
        done = 0
        services: dict[str, Service] = {"recorder": self}
        while deliver_due(connection, services, now, self.bury):
            done += 1
        return done


def effects(connection: psycopg.Connection[Any]) -> list[int]:
    """Sequences of the events in the order of their effects."""
    rows = connection.execute("select reference from effect order by number").fetchall()
    return [int(reference.split("/")[1]) for (reference,) in rows]


def counted(connection: psycopg.Connection[Any]) -> dict[str, int]:
    return dict(connection.execute("select name, number from event_count").fetchall())


def test_twice_told_is_once_done(connection: psycopg.Connection[Any]) -> None:
    recorder = Recorder()
    recorder.deliver(connection, event(1), event(2), event(1), event(2), event(3))
    assert effects(connection) == [1, 2, 3]
    assert counted(connection)["redelivered"] == 2


def test_what_is_noted_together_is_noted_once(connection: psycopg.Connection[Any]) -> None:
    noted: list[list[int]] = []

    def note(events: Sequence[Event], connection: psycopg.Connection[Any]) -> None:
        noted.append([one.sequence for one in events])

    for events in ([event(1), event(2)], [event(2), event(3), event(1)], [event(3)]):
        with connection.transaction():
            note_all(connection, "recorder", note, events, NOW)
    with connection.transaction() as lost:
        note_all(connection, "recorder", note, [event(4)], NOW)
        raise psycopg.Rollback(lost)  # as where the process dies
    note_all(connection, "recorder", note, [event(4)], NOW)
    assert noted == [[1, 2], [3], [], [4], [4]]


def test_what_fails_is_tried_again_and_its_own_wait_behind_it(connection: psycopg.Connection[Any]) -> None:
    recorder = Recorder()
    recorder.fail[1] = [Later("no answer"), Later("no answer", retry_after=30)]
    recorder.deliver(connection, event(1), event(2), event(3, "Patient/2"), event(2), event(1))
    assert effects(connection) == [3], "what a failed attempt wrote is taken back"
    assert recorder.deliver_due(connection) == 0
    assert recorder.deliver_due(connection, NOW + SECOND) == 1, "the second attempt"
    assert recorder.deliver_due(connection, NOW + 30 * SECOND) == 0, "after what the partner asks for"
    assert recorder.deliver_due(connection, NOW + 31 * SECOND) == 2
    assert effects(connection) == [3, 1, 2]
    assert connection.execute("select count(*) from event_delivery").fetchone() == (0,)
    recorder.deliver(connection, event(1))
    assert effects(connection) == [3, 1, 2]
    assert recorder.faults == []


def test_dead_after_the_last_attempt_and_no_longer_in_the_way(connection: psycopg.Connection[Any]) -> None:
    recorder, now = Recorder(), NOW
    recorder.fail[1] = [Later("no answer")] * ATTEMPTS
    recorder.deliver(connection, event(1), event(2))
    for attempts in range(1, ATTEMPTS):
        now += int(pause(attempts) * SECOND)
        assert recorder.deliver_due(connection, now) in (1, 2)
    assert effects(connection) == [2]
    assert [(one.service, one.event, one.attempts, one.reason) for one in recorder.faults] == [
        ("recorder", event(1), ATTEMPTS, "no answer")
    ]
    assert counted(connection)["dead"] == 1
    recorder.deliver(connection, event(1))
    assert effects(connection) == [2], "it is known, though not done"
    assert recorder.deliver_due(connection, now + 10**6 * SECOND) == 0


def test_a_fault_of_the_service_itself_is_dead_at_once(connection: psycopg.Connection[Any]) -> None:
    recorder = Recorder()
    recorder.fail[1] = [ValueError("of a person: 123")]
    recorder.deliver(connection, event(1), event(2))
    assert effects(connection) == [2]
    assert recorder.faults[0].reason == "ValueError", "never its text"
    assert recorder.faults[0].error is not None
    assert connection.execute("select count(*) from event_delivery").fetchone() == (0,)


def test_what_a_broker_gives_up_is_dead_once_and_not_if_it_is_done(connection: psycopg.Connection[Any]) -> None:
    recorder = Recorder()
    recorder.deliver(connection, event(1))
    for sequence in (1, 2, 2):
        delivery.dead(connection, Fault("recorder", event(sequence), 20, "given up"), NOW, recorder.bury)
    recorder.deliver(connection, event(2))
    assert [one.event.sequence for one in recorder.faults] == [2]
    assert (effects(connection), counted(connection)["dead"]) == ([1], 1)


def test_two_at_the_same_event(database: str, connection: psycopg.Connection[Any]) -> None:
    """A consumer whose connection was lost may still be at it when the next is given it."""
    recorder = Recorder()
    with psycopg.connect(database, autocommit=True) as other:

        def meanwhile(event: Event, own: psycopg.Connection[Any]) -> None:
            recorder(event, own)
            other.execute("set lock_timeout = 200")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                recorder.deliver(other, event)

        deliver(connection, "recorder", meanwhile, event(1), NOW, recorder.bury)
        recorder.deliver(other, event(1))
    assert effects(connection) == [1]


def test_two_who_take_what_is_due(database: str, connection: psycopg.Connection[Any]) -> None:
    """Side by side, but not those of one key."""
    recorder = Recorder()
    delivery.park(connection, [("recorder", event(1)), ("recorder", event(2)), ("recorder", event(3, "b"))], NOW)
    with psycopg.connect(database, autocommit=True) as other:

        def meanwhile(event: Event, own: psycopg.Connection[Any]) -> None:
            assert recorder.deliver_due(other) == 1
            recorder(event, own)

        assert deliver_due(connection, {"recorder": meanwhile}, NOW, recorder.bury)
    assert effects(connection) == [3, 1]
    assert recorder.deliver_due(connection) == 1


def test_the_ledger_forgets(connection: psycopg.Connection[Any]) -> None:
    recorder = Recorder()
    recorder.deliver(connection, event(1))
    recorder.deliver(connection, event(2), now=NOW + SECOND)
    delivery.forget(connection, NOW + (delivery.LEDGER_SECONDS + 1) * SECOND)
    assert connection.execute("select sequence from event_done").fetchall() == [(2,)]


def test_a_message_and_back() -> None:
    assert of_message(message(event(7))) == event(7)
    for body in (b"", b"[]", b"{}", message(event(7)).replace(b"create", b"made"), message(event(7))[:-1]):
        with pytest.raises(NoEvent):
            of_message(body)


LISTENED = (("Observation", "create"), ("Observation", "delete"), ("Patient", "update"))


async def test_what_is_listened_to_leaves_the_outbox_as_an_event(
    database: str, connection: psycopg.Connection[Any]
) -> None:
    store = ResourceStore(database, BASE)
    own = await store.connection()
    try:
        await own.send([READY])
        outbox = Outbox(own.send, BASE, LISTENED)
        patient = {"resourceType": "Patient", "id": "p"}
        observation = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}}
        device = {"resourceType": "Device", "id": "d"}
        for kind, id, resource in (("Patient", "p", patient), ("Observation", "o", observation)):
            previous = None
            for method in ("PUT", "PATCH"):
                async with store.transaction(UNRESTRICTED) as unit:
                    [previous] = await unit.write([Change(kind, id, method, resource, previous)])
        async with store.transaction(UNRESTRICTED) as unit:
            await unit.write([Change("Observation", "o", "DELETE", None, previous)])
        await store.write(Change("Device", "d", "POST", device, None))
        # The first half as after a Subscription, the second as before any.
        await outbox.commit([], (await outbox.look([]))[:3])
        await outbox.look_for([])
        assert connection.execute("select count(*) from outbox").fetchone() == (0,)
    finally:
        own.close()
        store.close()
    bare = waiting.read(connection, BASE, lambda kind, interaction: False)
    assert {one.resource for one in bare} == {None}
    assert [one.event.order_key for one in bare] == [one.event.reference.split("/_history/")[0] for one in bare]
    found = waiting.read(connection, BASE)
    assert [(one.event.reference, one.event.interaction, one.event.order_key) for one in found] == [
        ("Patient/p/_history/2", "update", "Patient/p"),
        ("Observation/o/_history/1", "create", "Patient/p"),
        ("Observation/o/_history/3", "delete", "Patient/p"),
    ]
    assert all(one.resource is not None for one in found), "of a deletion what it took away"
    sequences = [one.event.sequence for one in found]
    assert sequences == sorted(sequences)
    waiting.kept(connection, sequences[:2])
    assert [one.event.sequence for one in waiting.read(connection, BASE)] == sequences[2:]


def test_none_is_read_before_one_that_is_still_in_the_outbox(connection: psycopg.Connection[Any]) -> None:
    """They may leave it in different transactions, where Subscriptions ask for some types and not for others."""
    row = "(%s, 1, 1, 1, 'create', 0)"
    for sequence in (5, 7, 9):
        connection.execute(
            f"insert into event (sequence, rid, version, type_id, interaction, since) values {row}", [sequence]
        )
    connection.execute("insert into outbox (sequence, rid, version, type_id, method) values (6, 1, 1, 1, 'POST')")
    assert [one.event.sequence for one in waiting.read(connection, BASE)] == [5]
    connection.execute("delete from outbox")
    assert [one.event.sequence for one in waiting.read(connection, BASE)] == [5, 7, 9]


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ({"resourceType": "Patient", "id": "x"}, "Patient/x"),
        ({"resourceType": "Claim", "id": "x", "patient": {"reference": "Patient/3"}}, "Patient/3"),
        ({"resourceType": "Claim", "id": "x", "patient": {"reference": f"{BASE}/Patient/3"}}, "Patient/3"),
        ({"resourceType": "Claim", "id": "x", "patient": {"reference": "http://other/Patient/3"}}, "Claim/x"),
        ({"resourceType": "Coverage", "id": "x", "beneficiary": {"reference": "Patient/3/_history/2"}}, "Patient/3"),
        ({"resourceType": "Group", "id": "x", "member": [{"entity": {"reference": "Patient/9"}},
                                                         {"entity": {"reference": "Patient/8"}}]}, "Patient/8"),
        ({"resourceType": "Organization", "id": "x"}, "Organization/x"),
        ({"resourceType": "Observation", "id": "x", "subject": {"reference": "Device/1"}}, "Observation/x"),
    ],
)  # fmt: skip
def test_order_key(resource: dict[str, Any], key: str) -> None:
    assert waiting.order_key(resource, f"{resource['resourceType']}/x", BASE) == key


def test_one_leads(database: str, connection: psycopg.Connection[Any]) -> None:
    assert waiting.leading(connection)
    with psycopg.connect(database, autocommit=True) as other:
        assert not waiting.leading(other)
