"""Processes beside the hub: they give way to whoever asks, are replaced when they die, and end with the hub."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from hub import beside as module
from hub.beside import GIVES_WAY, beside


def run(place: str) -> None:
    """Says who it is, each time it begins."""
    with Path(place).open("a") as file:
        file.write(f"{os.getpid()} {os.nice(0)}\n")
    while True:
        time.sleep(1)


def lines(place: Path, count: int) -> list[list[int]]:
    """What was said, once it was said so often."""
    for _ in range(600):
        found = place.read_text().splitlines() if place.exists() else []
        if len(found) >= count:
            return [[int(one) for one in line.split()] for line in found]
        time.sleep(0.05)
    raise TimeoutError


@pytest.mark.parametrize(("serves", "more"), [(False, GIVES_WAY), (True, 0)])
def test_who_asks_is_answered_first(tmp_path: Path, serves: bool, more: int) -> None:
    place = tmp_path / "told"
    with beside("told", __name__, str(place), serves=serves):
        [[_, niceness]] = lines(place, 1)
    assert niceness == min(os.nice(0) + more, 19)


def test_one_that_dies_is_replaced_and_none_outlives_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.05)
    place = tmp_path / "told"
    with beside("told", __name__, str(place)):
        [[first, _]] = lines(place, 1)
        os.kill(first, signal.SIGKILL)
        second = lines(place, 2)[1][0]
        assert second != first
    for process in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
