"""`hub events status` and `resubmit`: how events stand, and dead letters that begin anew."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg

from fhir_server.events.measure import STANDING, standing
from hub.events.dead import FLOW
from messages import dead
from messages.states import State

_SERVICES = """
select service, count(*), count(*) filter (where attempts > 0), max(attempts) from event_delivery
group by service order by service"""
_DEAD = "select id from messages.message where flow = %s and state = %s order by id"


def _ids(connection: psycopg.Connection[Any]) -> list[int]:
    return [id for (id,) in connection.execute(_DEAD, [FLOW, str(State.MORTA)])]


def status(url: str, say: Callable[[str], None] = print) -> int:
    """Tells it; 1 where there are dead letters."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(STANDING.text.encode()).fetchone()
        assert row is not None
        now = standing(*row)
        say(f"waiting to be published  {now.waiting}, the oldest for {now.seconds:.1f} s")
        say(f"published                {now.published}, came or tried again {now.redelivered}, ever dead {now.dead}")
        for service, number, tried, most in connection.execute(_SERVICES):
            say(f"kept for {service:<15} {number}, of them tried before {tried} (at most {most} times)")
        letters = len(_ids(connection))
    say(f"dead letters             {letters}" + (", for people: hub events resubmit" if letters else ""))
    return 1 if letters else 0


def resubmit(url: str, reason: str, say: Callable[[str], None] = print) -> int:
    """All of them begin anew, in the order in which they died; of one patient one after the other."""
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        ids = _ids(connection)
        for id in ids:
            dead.resubmit(connection, id, getpass.getuser(), reason, datetime.now(UTC))
    say(f"begun anew: {len(ids)}")
    return 0
