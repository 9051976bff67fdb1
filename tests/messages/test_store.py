"""Messages stored, moved on, looked at."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from uuid import uuid4

import psycopg
import pytest

from messages import bodies, search, store
from messages.bodies import CannotOpen, Sealing
from messages.search import Criteria
from messages.states import NotAllowed, State, way
from messages.store import Fault, Incoming, NoSuchMessage, Rows, Step

NOW = datetime(2026, 3, 10, 14, 20, tzinfo=UTC)
GUIDE = Incoming(
    "RT-2", "HUB26000000123", b'{"nm_pessoa_fisica":"MARIA EXEMPLO"}', order_key="seg-880012", source="hub"
)


def states_of(connection: Rows, id: int) -> list[str]:
    return [str(one.after) for one in search.history(connection, id)]


def test_a_message_from_arrival_to_delivery(connection: Rows, sealing: Sealing) -> None:
    found = store.receive(connection, sealing, GUIDE, "door", NOW)
    assert (found.new, found.state) == (True, State.ARMAZENADA)
    mapped = sealing.seal(b'{"resourceType":"Claim"}', bodies.mapped(found.id))
    path = way(found.state, State.APLICADA)
    store.advance(connection, found.id, path, "worker", NOW, mapped=mapped, applied=["Claim/1/_history/1"])
    store.advance(connection, found.id, State.ENTREGUE, "worker", NOW + timedelta(seconds=1), reason="told")
    assert states_of(connection, found.id) == [
        "RECEBIDA", "ARMAZENADA", "VALIDADA", "MAPEADA", "APLICADA", "ENTREGUE",
    ]  # fmt: skip
    one = search.message(connection, found.id)
    assert (one.state, one.applied, one.due, one.changed) == (
        State.ENTREGUE, ("Claim/1/_history/1",), None, NOW + timedelta(seconds=1),
    )  # fmt: skip
    history = search.history(connection, found.id)
    digest = sha256(GUIDE.raw).digest()
    assert [one.before for one in history][:3] == [None, State.RECEBIDA, State.ARMAZENADA]
    assert {(one.correlation, one.hash) for one in history if one.after is not State.MAPEADA} == {
        (GUIDE.correlation, digest)
    }
    assert [one.hash for one in history if one.after is State.MAPEADA] == [mapped.hash]
    assert (history[-1].actor, history[-1].reason) == ("worker", "told")
    forms = search.forms(connection, sealing, found.id)
    assert (forms.raw, forms.in_force, forms.mapped) == (GUIDE.raw, GUIDE.raw, b'{"resourceType":"Claim"}')


def test_the_same_again_is_noted_and_not_stored(connection: Rows, sealing: Sealing) -> None:
    first = store.receive(connection, sealing, GUIDE, "door", NOW)
    again = replace(GUIDE, correlation=uuid4())
    assert store.receive(connection, sealing, again, "door", NOW) == replace(first, new=False)
    other = store.receive(connection, sealing, replace(GUIDE, raw=b"{}"), "door", NOW)
    assert other.new
    assert states_of(connection, first.id) == ["RECEBIDA", "ARMAZENADA", "DUPLICADA"]
    assert search.message(connection, first.id).state is State.ARMAZENADA
    assert [one.id for one in search.found(connection, Criteria(correlation=again.correlation))] == [first.id]


def test_many_at_once_with_one_of_them_twice(connection: Rows, sealing: Sealing) -> None:
    lines = [
        Incoming("B-1", f"set:{n}", b"line %d" % n, then=(State.MORTA,), fault=Fault("HUB-B204", "check digit"))
        for n in (1, 2, 1, 3)
    ]
    found = store.receive_many(connection, sealing, lines, "batch", NOW)
    assert [one.new for one in found] == [True, True, False, True]
    assert found[0].id == found[2].id
    assert found[0].id < found[1].id < found[3].id
    assert {one.state for one in found} == {State.MORTA}
    one = search.message(connection, found[1].id)
    assert (one.fault, one.state) == (Fault("HUB-B204", "check digit"), State.MORTA)
    assert states_of(connection, one.id) == ["RECEBIDA", "ARMAZENADA", "MORTA"]


def test_from_eight_connections_at_once_it_is_stored_once(database: str, sealing: Sealing) -> None:
    def send(_: int) -> list[store.Received]:
        with psycopg.connect(database, autocommit=True) as connection:
            return [
                store.receive(connection, sealing, replace(GUIDE, business_key=str(n)), "x", NOW) for n in range(20)
            ]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(send, range(8)))
    for n in range(20):
        assert len({of[n].id for of in found}) == 1
        assert sum(of[n].new for of in found) == 1
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*), sum(repeats) from messages.message").fetchone() == (20, 140)


def test_steps_outside_the_table_change_nothing(connection: Rows, sealing: Sealing) -> None:
    one, two = (
        store.receive(connection, sealing, replace(GUIDE, business_key=key), "door", NOW).id for key in ("a", "b")
    )
    with pytest.raises(NotAllowed):
        store.advance(connection, one, State.APLICADA, "worker", NOW)
    steps = [Step(one, (State.VALIDADA,)), Step(two, (State.ENTREGUE,))]
    with pytest.raises(NotAllowed):
        store.advance_many(connection, steps, "worker", NOW)
    with pytest.raises(NoSuchMessage):
        store.advance_many(connection, [steps[0], Step(999, (State.VALIDADA,))], "worker", NOW)
    assert states_of(connection, one) == states_of(connection, two) == ["RECEBIDA", "ARMAZENADA"]
    store.advance_many(connection, [steps[0], Step(two, (State.QUARENTENA,))], "worker", NOW)
    assert (search.message(connection, one).state, search.message(connection, two).state) == (
        State.VALIDADA, State.QUARENTENA,
    )  # fmt: skip


def test_the_same_step_by_eight_at_once_is_taken_once(database: str, connection: Rows, sealing: Sealing) -> None:
    ids = [store.receive(connection, sealing, replace(GUIDE, business_key=str(n)), "x", NOW).id for n in range(20)]

    def move(_: int) -> int:
        moved = 0
        with psycopg.connect(database, autocommit=True) as own:
            for id in ids:
                try:
                    store.advance(own, id, State.VALIDADA, "worker", NOW)
                    moved += 1
                except NotAllowed:
                    pass
        return moved

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(move, range(8))) == 20
    for id in ids:
        assert states_of(connection, id) == ["RECEBIDA", "ARMAZENADA", "VALIDADA"]


def test_bodies_at_rest_say_nothing(connection: Rows, sealing: Sealing) -> None:
    id = store.receive(connection, sealing, GUIDE, "door", NOW).id
    row = connection.execute("select m::text, raw from messages.message m").fetchone()
    assert row is not None
    assert "MARIA" not in row[0]
    assert b"MARIA" not in row[1]
    with pytest.raises(CannotOpen):
        search.forms(connection, Sealing(bytes(32)), id)
    # Put into another's place it does not open either.
    other = store.receive(connection, sealing, replace(GUIDE, raw=b"{}"), "door", NOW).id
    connection.execute("update messages.message set raw = %s where id = %s", (row[1], other))
    with pytest.raises(CannotOpen):
        search.forms(connection, sealing, other)


def test_criteria(connection: Rows, sealing: Sealing) -> None:
    made = {
        key: store.receive(connection, sealing, Incoming(flow, key, key.encode(), order_key=order), "x", NOW).id
        for flow, key, order in (
            ("B-1", "999997_MEMBROS_1_Coverage:17", "seg-1"), ("B-1", "999997XMEMBROS_1_Coverage:18", None),
            ("RT-2", "HUB1", "seg-1"),
        )
    }  # fmt: skip
    store.advance(connection, made["HUB1"], State.MORTA, "x", NOW)

    def keys(criteria: Criteria) -> list[str]:
        return [one.business_key for one in search.found(connection, criteria)]

    assert keys(Criteria(begins="999997_MEMBROS")) == ["999997_MEMBROS_1_Coverage:17"]
    assert keys(Criteria(order_key="seg-1")) == ["HUB1", "999997_MEMBROS_1_Coverage:17"]
    assert keys(Criteria(flow="RT-2", states=[State.MORTA])) == ["HUB1"]
    assert keys(Criteria(states=[State.ENTREGUE])) == []
    assert keys(Criteria(since=NOW + timedelta(seconds=1))) == []
    first = search.found(connection, Criteria(), most=2)
    assert len(first) == 2
    assert [one.id for one in search.found(connection, Criteria(), after=first[-1].id)] == [min(made.values())]


def test_whatever_is_asked_together_the_same_is_found(connection: Rows, sealing: Sealing) -> None:
    ends = ((), (State.MORTA,), (State.QUARENTENA,))
    incoming = [
        Incoming(flow, f"{n}:{flow}", b"%d" % n, order_key=f"seg-{n % 2}", then=end)
        for n, (flow, end) in enumerate(product(("B-1", "RT-2", "callback"), ends * 3))
    ]
    for one in incoming:
        store.receive(connection, sealing, one, "x", NOW)
    every = search.found(connection, Criteria(), most=100)
    assert len(every) == 27
    options: dict[str, tuple[object, ...]] = {
        "flow": (None, "B-1"), "states": (None, [State.MORTA], [State.ARMAZENADA, State.QUARENTENA]),
        "order_key": (None, "seg-1"), "begins": (None, "1"), "since": (None, NOW), "until": (None, NOW),
    }  # fmt: skip
    for values in product(*options.values()):
        given = dict(zip(options, values, strict=True))
        found = search.found(connection, Criteria(**given), after=every[1].id, most=4)  # type: ignore[arg-type]
        expected = [
            one.id for one in every[2:]
            if given["flow"] in (None, one.flow) and (given["states"] is None or one.state in given["states"])  # type: ignore[operator]
            and given["order_key"] in (None, one.order_key) and given["until"] is None
            and one.business_key.startswith(str(given["begins"] or ""))
        ]  # fmt: skip
        assert [one.id for one in found] == expected[:4], given
