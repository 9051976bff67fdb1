"""Counts of several workers in one file."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import shared_counts
from hub.shared_counts import SharedCounts

WORKERS = 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(st.integers(1, WORKERS), st.sampled_from("abcdef"), st.integers(0, 1)), max_size=60))
def test_each_sees_what_all_have_counted(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, str, int]]
) -> None:
    path = tmp_path_factory.mktemp("counts") / "requests"
    counts = [SharedCounts(path, number, WORKERS) for number in range(1, WORKERS + 1)]
    expected: Counter[str] = Counter()
    minute = 7
    for worker, key, step in asked:
        if step:
            minute += 1
            expected.clear()
        expected[key] += 1
        assert counts[worker - 1].add(key, minute) == expected[key]


def test_a_worker_that_takes_another_s_place_goes_on(tmp_path: Path) -> None:
    for expected in range(1, 4):
        assert SharedCounts(tmp_path / "requests", 1, 2).add("lab", 1) == expected
    assert SharedCounts(tmp_path / "requests", 2, 2).add("lab", 1) == 4


def test_more_keys_than_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds no place is counted all the same."""
    monkeypatch.setattr(shared_counts, "ENTRIES", 8)
    counts = SharedCounts(tmp_path / "requests", 1, 1)
    for expected in (1, 2, 3):
        assert {counts.add(str(number), 1) for number in range(50)} == {expected}


def _add(path: Path, worker: int) -> int:
    counts = SharedCounts(path, worker, 2)
    return max(counts.add("lab", 1) for _ in range(20_000))


def test_nothing_is_lost_where_two_count_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(_add, [tmp_path / "requests"] * 2, (1, 2)))
    assert SharedCounts(tmp_path / "requests", 1, 2).add("lab", 1) == 40_001
