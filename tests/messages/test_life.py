"""Whatever is asked of messages, in whatever order: each is where the table of states allows, and nowhere twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from messages import search, store
from messages.bodies import Sealing
from messages.states import ALLOWED, AT_REST, NotAllowed, State
from messages.store import Incoming, Rows, Step

NOW = datetime(2026, 3, 10, tzinfo=UTC)
STEPS = some.lists(some.tuples(some.integers(0, 2), some.sampled_from(sorted(State))), max_size=25)


@contextmanager
def undone(connection: Rows) -> Iterator[None]:
    """What the block does is undone."""
    with connection.transaction(force_rollback=True):
        yield


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_transition_outside_the_table(connection: Rows, sealing: Sealing, steps: list[tuple[int, State]]) -> None:
    with undone(connection):
        ids = [
            store.receive(connection, sealing, Incoming("RT-2", str(n), b"x", due=NOW), "x", NOW).id for n in range(3)
        ]
        expected = [State.ARMAZENADA] * 3
        for n, wanted in steps:
            allowed = wanted in ALLOWED[expected[n]]
            try:
                store.advance_many(connection, [Step(ids[n], (wanted,))], "x", NOW)
                assert allowed
                expected[n] = wanted
            except NotAllowed:
                assert not allowed
        for id, state in zip(ids, expected, strict=True):
            one = search.message(connection, id)
            assert one.state is state
            assert one.due is None or state not in AT_REST
            before: State | None = None
            for step in search.history(connection, id):
                assert step.before is before
                assert step.after in ALLOWED[before]
                before = step.after
            assert before is state


TAKER = """
import sys, time
from datetime import UTC, datetime, timedelta
import psycopg
from messages import queue
from messages.bodies import Sealing
from messages.states import State, way
url, key = sys.argv[1:]
sealing = Sealing(bytes.fromhex(key))
with psycopg.connect(url, autocommit=True) as connection:
    while True:
        now = datetime.now(UTC)
        one = queue.take(connection, sealing, now, ["RT-2"], lease=timedelta(seconds=1))
        if one is None:
            time.sleep(0.02)
            continue
        with connection.transaction():
            connection.execute("insert into ledger (key) values (%s)", (one.business_key,))
            time.sleep(0.005)
            queue.done(connection, one, way(one.state, State.APLICADA), "taker", now, applied=["Claim/1/_history/1"])
        print(flush=True)
"""
"""Works on messages; what it does for each is in the transaction in which the message leaves the queue."""


def test_killed_takers_lose_nothing_and_double_nothing(database: str, connection: Rows) -> None:
    key = os.urandom(32)
    connection.execute("create table ledger (at bigint generated always as identity, key text)")
    incoming = [
        Incoming("RT-2", f"{n}:{of}", b"x", order_key=f"seg-{of}", due=NOW) for n in range(30) for of in range(4)
    ]
    store.receive_many(connection, Sealing(key), incoming, "x", NOW)

    def taker() -> subprocess.Popen[bytes]:
        root = Path(__file__).parent.parent.parent
        return subprocess.Popen(
            [sys.executable, "-c", TAKER, database, key.hex()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root
        )

    for kill in range(4):
        one = taker()
        assert one.stdout is not None
        for _ in range(5 + kill):
            one.stdout.readline()
        one.send_signal(signal.SIGKILL)
        one.communicate()
    one = taker()
    assert one.stdout is not None
    try:
        while True:
            row = connection.execute("select count(*) from messages.message where due is not null").fetchone()
            if row == (0,):
                break
            assert one.poll() is None, one.stderr and one.stderr.read().decode()
            one.stdout.readline()
    finally:
        one.kill()
        one.communicate()
    done = [name for (name,) in connection.execute("select key from ledger order by at")]
    assert len(done) == len(set(done)) == len(incoming)
    for of in range(4):
        assert [name for name in done if name.endswith(f":{of}")] == [f"{n}:{of}" for n in range(30)]
    states = connection.execute("select distinct state from messages.message").fetchall()
    assert states == [("APLICADA",)]
