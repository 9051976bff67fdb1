"""Rows of the intake come out as they went in; lines are completed with the patients whom they concern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.arrays import int8_array, int8_values
from fhir_server.audit.event import Event, event_of, line_of
from fhir_server.audit.rows import packed, packed_reads, unpacked, unpacked_reads
from fhir_server.audit.taken import CLIENT, PATIENT, SUBJECT, Taken
from fhir_server.search.rows import hash64

AT = 1_764_410_000_000_000
RIDS = st.integers(1, 2**63 - 1)
LINES = st.lists(st.text(max_size=40).map(lambda text: line_of(Event(AT, text, 200))), min_size=1, max_size=8)


@given(LINES)
def test_lines_come_out_as_they_went_in(lines: list[bytes]) -> None:
    assert unpacked(packed(lines)) == lines


@given(st.lists(st.tuples(RIDS, st.integers(1, 2**31 - 1)), min_size=1, max_size=40), st.data())
def test_reads_come_out_with_what_they_were_shown(shown: list[tuple[int, int]], data: st.DataObject) -> None:
    heads = [line_of(Event(AT + place, "read", 200))[:-1] for place in range(len(shown))]
    found = data.draw(st.lists(st.integers(0, len(shown) - 1), unique=True))
    rids = [shown[place][0] for place in found]
    places = [(place + 1) << 32 | shown[place][1] for place in found]
    agents, out = unpacked_reads(packed_reads({("Ana\n", "app")}, heads), int8_array(rids), int8_array(places))
    assert [tuple(one) for one in agents] == [("Ana\n", "app")]
    assert list(out) == [(heads[place], *shown[place]) for place in found]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=300))
def test_arrays_come_out_as_they_went_in(values: list[int]) -> None:
    assert list(int8_values(int8_array(values))) == values


def taken(*events: Event, concerned: dict[int, tuple[int, ...]]) -> Taken:
    """Events, of which those that saw one version only are reads, by way of the intake."""
    found = Taken()
    for event in events:
        if len(event.seen) == 1 and isinstance(event.seen[0], tuple):
            rid, version = event.seen[0]
            head = line_of(event._replace(seen=(), query="q"))[:-1]
            found.add(packed_reads({(event.subject, event.client)}, [head]), int8_array([rid]),
                      int8_array([1 << 32 | version]))  # fmt: skip
        else:
            found.add(packed([line_of(event)]), None, None)
    found.complete((rid, patient) for rid in found.rids() for patient in concerned.get(rid, ()))
    return found


@pytest.mark.parametrize(
    ("event", "patients"),
    [
        (Event(AT, "read", 200, seen=((1, 4),)), ()),
        (Event(AT, "read", 200, seen=((2, 1),)), (20,)),
        (Event(AT, "read", 200, seen=((3, 1),)), (30, 31, 32)),
        (Event(AT, "search-type", 200, seen=()), ()),
        (Event(AT, "search-type", 200, seen=(1, 2, 3)), (20, 30, 31, 32)),
        (Event(AT, "search-type", 200, seen=(1,)), ()),
        (Event(AT, "update", 200, written=((2, 5, "PUT"),)), (20,)),
        (Event(AT, "update", 200, written=((2, 5, "PUT"),), patients=(19,)), (19, 20)),
        (Event(AT, "create", 200, written=((9, 1, "POST"),), patients=(9,)), (9,)),
        (Event(AT, "operation", 200, seen=((1, 1), 2), written=((3, 5, "PUT"),)), (20, 30, 31, 32)),
    ],
)
def test_an_event_names_its_patients(event: Event, patients: tuple[int, ...]) -> None:
    event = event._replace(query="q", subject="s", client="c")
    found = taken(event, concerned={2: (20,), 3: (31, 30, 32)})
    assert [event_of(line) for line in found.lines] == [event._replace(patients=patients)]
    named = {(SUBJECT, hash64("s")), (CLIENT, hash64("c"))}
    assert found.keys() == named | {(PATIENT, patient) for patient in patients}


def test_events_stay_in_order() -> None:
    events = [Event(AT + place, "read" if place % 2 else "search-type", 200, query="q",
                    seen=((2, place),) if place % 2 else (3,)) for place in range(1, 9)]  # fmt: skip
    found = taken(*events, concerned={2: (20,)})
    assert [event_of(line).at for line in found.lines] == [AT + place for place in range(1, 9)]
    assert (found.first_at, found.last_at, len(found)) == (AT + 1, AT + 8, 8)
    assert found.rids() == [2, 3]
