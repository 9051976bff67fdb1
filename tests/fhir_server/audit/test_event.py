"""Events and the lines they are stored as."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.event import Event, event_of, line_of

TEXTS = st.text(max_size=12)
RIDS = st.integers(1, 2**62)
EVENTS = st.builds(
    Event,
    at=st.integers(0, 2**60), interaction=TEXTS, status=st.integers(200, 599), type=TEXTS, subject=TEXTS, client=TEXTS,
    grant=TEXTS, address=TEXTS, purpose=TEXTS, request_id=TEXTS, path=TEXTS, query=TEXTS,
    seen=st.lists(st.tuples(RIDS, st.integers(1, 2**31)) | RIDS, max_size=3).map(tuple),
    written=st.lists(st.tuples(RIDS, st.integers(1, 2**31), st.sampled_from(["POST", "PUT", "DELETE"]))).map(tuple),
    patients=st.lists(RIDS, max_size=3).map(tuple),
)  # fmt: skip


@given(EVENTS)
def test_there_and_back(event: Event) -> None:
    line = line_of(event)
    assert b"\n" not in line
    assert event_of(line) == event


def test_a_version_is_told_where_it_is_not_the_current_one() -> None:
    event = Event(1, "read", 200, seen=((7, 2), 8, (9, 0)), written=((5, 1, "POST"),))
    assert event.touched() == [(7, 2), (8, 0), (9, 0), (5, 1)]


def test_what_says_nothing_takes_no_room() -> None:
    assert line_of(Event(1, "read", 200)) == b'[1,"read",200]'
