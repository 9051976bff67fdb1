"""The queue: order, leases, attempts."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from messages import queue, search, store
from messages.bodies import Sealing
from messages.queue import ATTEMPTS, LONGEST, pause, take
from messages.states import State, way
from messages.store import Fault, Incoming, LeaseLost, Rows

NOW = datetime(2026, 3, 10, 14, 20, tzinfo=UTC)
FLOWS = ("RT-2",)
FAULT = Fault("transient", "no answer in time")


def guide(key: str, order: str | None = None, lane: int = 1) -> Incoming:
    return Incoming("RT-2", key, key.encode(), order_key=order, lane=lane, due=NOW, source="hub")


def test_lanes_first_then_what_is_due_longest(connection: Rows, sealing: Sealing) -> None:
    for key, lane, seconds in (("c", 1, 2), ("b", 1, 1), ("a", 0, 3), ("d", 2, 0), ("e", 0, 99)):
        one = replace(guide(key, lane=lane), due=NOW + timedelta(seconds=seconds))
        store.receive(connection, sealing, one, "x", NOW)
    store.receive(connection, sealing, replace(guide("other"), flow="RT-1"), "x", NOW)
    now = NOW + timedelta(seconds=10)
    found = [take(connection, sealing, now, FLOWS) for _ in range(5)]
    assert [one and one.business_key for one in found] == ["a", "b", "c", "d", None]
    assert found[0] is not None
    assert (found[0].body, found[0].attempt, found[0].mapped) == (b"a", 1, None)


def test_of_an_order_key_one_after_the_other(connection: Rows, sealing: Sealing) -> None:
    for key in ("1", "2", "3"):
        store.receive(connection, sealing, guide(key, "seg-1"), "x", NOW)
    one = take(connection, sealing, NOW, FLOWS)
    assert one is not None
    assert take(connection, sealing, NOW, FLOWS) is None
    queue.again(connection, one, NOW, FAULT, "x")
    assert take(connection, sealing, NOW, FLOWS) is None  # it waits, and with it those behind it
    one = take(connection, sealing, NOW + timedelta(seconds=5), FLOWS)
    assert one is not None
    assert (one.business_key, one.attempt) == ("1", 2)
    queue.done(connection, one, way(one.state, State.APLICADA), "x", NOW, applied=["Claim/1/_history/1"])
    two = take(connection, sealing, NOW, FLOWS)
    assert two is not None
    assert two.business_key == "2"
    queue.later(connection, two, NOW + timedelta(seconds=1))
    two = take(connection, sealing, NOW + timedelta(seconds=1), FLOWS)
    assert two is not None
    assert two.attempt == 1  # nothing was tried


def test_a_lease_ends_and_its_holder_no_longer_decides(connection: Rows, sealing: Sealing) -> None:
    store.receive(connection, sealing, guide("1", "seg-1"), "x", NOW)
    one = take(connection, sealing, NOW, FLOWS, lease=timedelta(seconds=30))
    assert take(connection, sealing, NOW + timedelta(seconds=29), FLOWS) is None
    two = take(connection, sealing, NOW + timedelta(seconds=30), FLOWS)
    assert one is not None
    assert two is not None
    assert (two.id, two.attempt) == (one.id, 2)
    for late in (
        lambda: queue.done(connection, one, State.VALIDADA, "x", NOW),
        lambda: queue.again(connection, one, NOW, FAULT, "x"),
        lambda: queue.later(connection, one, NOW),
    ):
        with pytest.raises(LeaseLost):
            late()
    queue.done(connection, two, way(two.state, State.APLICADA), "x", NOW)
    assert search.message(connection, two.id).state is State.APLICADA


def test_after_the_last_attempt_it_is_a_dead_letter(connection: Rows, sealing: Sealing) -> None:
    id = store.receive(connection, sealing, guide("1", "seg-1"), "x", NOW).id
    behind = store.receive(connection, sealing, guide("2", "seg-1"), "x", NOW).id
    now, waited = NOW, []
    for attempt in range(1, ATTEMPTS + 1):
        one = take(connection, sealing, now, FLOWS)
        assert one is not None
        assert (one.id, one.attempt) == (id, attempt)
        state = queue.again(connection, one, now, FAULT, "worker")
        due = search.message(connection, id).due
        if due is not None:
            waited.append(due - now)
            now = due
    assert state is State.MORTA
    assert max(waited) <= LONGEST
    dead = search.message(connection, id)
    assert (dead.state, dead.fault, dead.due) == (State.MORTA, FAULT, None)
    one = take(connection, sealing, now, FLOWS)
    assert one is not None
    assert one.id == behind


def test_what_kills_its_takers_is_a_dead_letter_too(connection: Rows, sealing: Sealing) -> None:
    id = store.receive(connection, sealing, guide("1"), "x", NOW).id
    now = NOW
    for _ in range(ATTEMPTS):
        assert take(connection, sealing, now, FLOWS) is not None
        now += queue.LEASE
    assert take(connection, sealing, now, FLOWS) is None
    dead = search.message(connection, id)
    assert dead.state is State.MORTA
    assert dead.fault is not None
    assert dead.fault.code == "attempts"


@pytest.mark.parametrize(("attempt", "seconds"), [(1, (1, 2)), (4, (8, 16)), (9, (256, 512)), (11, (300, 600))])
def test_pauses(attempt: int, seconds: tuple[int, int]) -> None:
    assert (pause(attempt, 0).total_seconds(), pause(attempt, 1).total_seconds()) == seconds


def test_only_in_autocommit(database: str, sealing: Sealing) -> None:
    with psycopg.connect(database) as connection, pytest.raises(ValueError, match="autocommit"):
        take(connection, sealing, NOW, FLOWS)


def test_parallel_takers_that_fail_never_overtake(database: str, connection: Rows, sealing: Sealing) -> None:
    """Six takers, eight keys of five messages; each attempt may fail, be given back, or be forgotten by its taker."""
    incoming = [guide(f"{n}:{key}", f"seg-{key}") for n in range(5) for key in range(8)]
    store.receive_many(connection, sealing, incoming, "x", NOW)
    connection.execute("create table ledger (at bigint generated always as identity, key text, what text)")

    def work(seed: int) -> None:
        chance = random.Random(seed)
        now = NOW
        with psycopg.connect(database, autocommit=True) as own:
            idle = 0
            while idle < 60:
                # The clocks of takers differ, and a lease is short, so that many end.
                now += timedelta(seconds=chance.random())
                one = take(own, sealing, now, FLOWS, lease=timedelta(seconds=30))
                if one is None:
                    idle += 1
                    now += timedelta(seconds=5)
                    continue
                idle = 0
                own.execute("insert into ledger (key, what) values (%s, 'taken')", (one.business_key,))
                fate = chance.random()
                try:
                    if fate < 0.2:
                        queue.again(own, one, now, FAULT, "x")
                    elif fate < 0.3:
                        queue.later(own, one, now)
                    elif fate > 0.35:  # else forgotten
                        with own.transaction():
                            queue.done(own, one, way(one.state, State.APLICADA), "x", now)
                            own.execute("insert into ledger (key, what) values (%s, 'done')", (one.business_key,))
                except LeaseLost:
                    pass

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    dead = connection.execute("select count(*) from messages.message where state = 'MORTA'").fetchone()
    left = connection.execute("select count(*) from messages.message where due is not null").fetchone()
    assert left == (0,)
    done = [key for (key,) in connection.execute("select key from ledger where what = 'done' order by at")]
    assert dead is not None
    assert len(done) == len(set(done)) == 40 - dead[0]
    for key in range(8):
        of_key = [one for one in done if one.endswith(f":{key}")]
        assert of_key == sorted(of_key)
        # Nobody was given a message while one before it was not over.
        over: set[str] = set()
        rows = connection.execute("select key, what from ledger where key like %s order by at", (f"%:{key}",))
        for name, what in rows.fetchall():
            if what == "done":
                over.add(name)
            else:
                before = {f"{n}:{key}" for n in range(int(name.split(":")[0]))}
                deads = {
                    one
                    for (one,) in connection.execute(
                        "select business_key from messages.message where state = 'MORTA' and order_key = %s",
                        (f"seg-{key}",),
                    )
                }
                assert before <= over | deads
