"""The chain: whatever is changed, removed or slipped in is found, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.chain import START, Batch, Fault, faults, sealed

LINES = [b"a", b"b", b"c", b"d", b"e", b"f"]


def trail() -> list[Batch]:
    one = sealed(1, 1, START, LINES[:3])
    return [one, sealed(2, 4, one.tags[-1], LINES[3:])]


def found(batches: list[Batch]) -> list[Fault]:
    all_of_them: list[Fault] = []
    following, last = 1, START
    for batch in batches:
        all_of_them += faults(batch, following, last)
        following, last = batch.first + len(batch.lines), batch.tags[-1] if batch.tags else batch.before
    return all_of_them


def test_whole() -> None:
    assert found(trail()) == []


def without(items: tuple[bytes, ...], place: int) -> tuple[bytes, ...]:
    return items[:place] + items[place + 1 :]


def test_changed() -> None:
    one, two = trail()
    assert [fault.event for fault in found([replace(one, lines=(b"a", b"x", b"c")), two])] == [2]


def test_removed_with_its_tag() -> None:
    one, two = trail()
    less = replace(one, lines=without(one.lines, 1), tags=without(one.tags, 1))
    assert {fault.event for fault in found([less, two])} == {2, 3}


def test_removed_at_the_end_of_a_batch() -> None:
    one, two = trail()
    less = replace(one, lines=one.lines[:2], tags=one.tags[:2])
    assert found([less, two]) == [Fault(3, "1 removed")]


def test_removed_batch() -> None:
    one, two = trail()
    three = sealed(3, 7, two.tags[-1], [b"g"])
    assert found([one, three]) == [Fault(4, "3 removed")]


def test_inserted() -> None:
    one, two = trail()
    more = replace(one, lines=(b"a", b"x", b"b", b"c"), tags=(one.tags[0], bytes(16), *one.tags[1:]))
    assert {fault.event for fault in found([more, two])} >= {2, 3, 4}


def test_made_anew_from_somewhere_on() -> None:
    _, two = trail()
    forged = sealed(1, 1, START, [b"a", b"x", b"c"])
    assert found([forged, two]) == [Fault(4, "does not follow what stands before it")]


@given(st.integers(0, 5), st.binary(min_size=1, max_size=4).filter(lambda value: value not in LINES))
def test_any_change_is_found(place: int, line: bytes) -> None:
    batches = trail()
    batch = batches[place // 3]
    lines = list(batch.lines)
    lines[place % 3] = line
    batches[place // 3] = replace(batch, lines=tuple(lines))
    assert [fault.event for fault in found(batches)] == [place + 1]


@pytest.mark.parametrize("tags", [(), (b"x",)])
def test_tags_that_are_missing(tags: tuple[bytes, ...]) -> None:
    one, _ = trail()
    assert faults(replace(one, tags=tags), 1, START)
